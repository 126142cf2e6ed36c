"""AUC of a configuration from its replicates, with an interval that covers both of their errors.

Every replicate is scored on the same validation images, so that averaging over seeds does not
reduce the error that comes from the choice of images; only the spread between seeds shrinks with
their number. Hence, for ``n`` seeds with image errors ``e`` and values ``a``,

    variance = mean(e)^2 + var(a) / n

where ``mean(e)`` takes the replicates' image errors as fully correlated, which errs on the side of
a wide interval. The spread of few seeds is itself uncertain: the quantile is Student's, with the
degrees of freedom of Welch and Satterthwaite (Satterthwaite, Biometrics Bulletin 2, 1946), the
image error counting as known. A single training says nothing of the spread between seeds, and its
interval covers the choice of images only.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

if TYPE_CHECKING:
    from pandas.api.typing import DataFrameGroupBy

UPPER = 0.975
"""Quantile that bounds a two-sided interval of 95 %."""


def pool(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Pool replicates.

    Args:
        frame: columns seed, auc and stderr (of the image error; NaN where it is unknown), and those
            named in ``by``; rows without an AUC are left out. Rows of one seed are one training
            done twice, not two replicates, and are averaged first.
        by: what names a configuration, or a label of one.

    Returns:
        One row for each combination of ``by``, which form the index: replicates (the number of
        seeds), auc (mean over seeds), low and high (95 % interval, within 0 and 1; NaN where an
        image error is unknown).
    """
    scored = frame[frame["auc"].notna()]
    by_seed = _means(scored.groupby([*by, "seed"], sort=False)[["auc", "stderr"]])
    groups = by_seed.groupby(list(by), sort=False)
    mean, replicates = _means(groups), groups.size()
    seed_variance = groups["auc"].var(ddof=1).fillna(0.0) / replicates
    variance = mean["stderr"] ** 2 + seed_variance
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = (variance / seed_variance) ** 2 * (replicates - 1)
    half = stdtrit(freedom.where(seed_variance > 0, np.inf), UPPER) * np.sqrt(variance)
    return pd.DataFrame(
        {
            "replicates": replicates,
            "auc": mean["auc"],
            "low": (mean["auc"] - half).clip(lower=0.0),
            "high": (mean["auc"] + half).clip(upper=1.0),
        }
    )


def _means(groups: "DataFrameGroupBy[Any, Any]") -> pd.DataFrame:
    """Means of groups; NaN where any value is, as an error that is unknown is not nothing."""
    known = groups.count().eq(groups.size(), axis=0)
    return groups.mean().where(known)
