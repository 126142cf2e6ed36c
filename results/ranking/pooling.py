"""AUC of a configuration from its replicates, with an interval that covers both of their errors.

Every replicate is scored on the same validation images, so that averaging over seeds does not
reduce the error that comes from the choice of images; only the spread between seeds shrinks with
their number. The interval over images is that of :mod:`sedn.metrics.intervals` for the mean over
seeds and the mean of their errors, which takes the errors as fully correlated. For ``n`` seeds with
values ``a`` each of its two widths ``w``, below and above, becomes

    sqrt(w^2 + (t std(a) / sqrt(n))^2)

where ``t`` is Student's quantile with ``n - 1`` degrees of freedom, as the spread of few seeds is
itself uncertain (12.7 for two, 2.8 for five). Widths are joined so in the method of variance
estimates recovery (Zou and Donner, Statistics in Medicine 27, 2008); simulated, the interval covers
the truth 95 to 99 times in 100 for 2 to 10 seeds, where Satterthwaite's falls to 87. A single
training says nothing of the spread between seeds, and its interval covers the choice of images
only.

Two trainings differ on the same images by more than in truth, so that a part of the error of the
images is in the spread as well: from rows alone, which do not tell how large the part is, the
interval of several seeds is too wide. :func:`intervals_of` knows each image's influence and counts
the part once, as the analysis of many readers and many cases does, with seeds in place of readers
(Obuchowski and Rockette, Communications in Statistics - Simulation 24, 1995; Hillis, Statistics in
Medicine 33, 2014).
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from results.database.models import Label
from results.ranking.errors import Errors
from sedn.metrics import auc_interval, mean_interval
from sedn.metrics.ranking import Floats
from sedn.metrics.student import student_quantile

if TYPE_CHECKING:
    from pandas.api.typing import DataFrameGroupBy

UPPER = 0.975
"""Quantile that bounds a two-sided interval of 95 %."""


ImageIntervals = Callable[[pd.DataFrame], Floats]
"""From rows with auc and stderr to the intervals over images ``(rows, 2)``."""


def of_means(labels: Sequence[Label]) -> ImageIntervals:
    """The intervals of mean AUCs over ``labels``, on validation."""
    positives = np.array([label.validation_positives for label in labels], dtype=np.float64)
    known = np.array([label.validation_known for label in labels], dtype=np.float64)
    return lambda rows: mean_interval(rows["auc"], rows["stderr"], positives, known - positives)


def of_labels(labels: Sequence[Label]) -> ImageIntervals:
    """The intervals of AUCs of single ``labels``, named by the rows' index, on validation."""
    counts = {label.name: (label.validation_positives, label.validation_known) for label in labels}

    def intervals(rows: pd.DataFrame) -> Floats:
        names = rows.index.get_level_values("label")
        positives, known = np.array([counts[name] for name in names]).reshape(-1, 2).T
        return auc_interval(rows["auc"], rows["stderr"], positives, known - positives)

    return intervals


def pool(frame: pd.DataFrame, by: Sequence[str], over_images: ImageIntervals) -> pd.DataFrame:
    """Pool replicates.

    Args:
        frame: columns seed, auc and stderr (of the image error; NaN where it is unknown), and those
            named in ``by``; rows without an AUC are left out. Rows of one seed are one training
            done twice, not two replicates, and are averaged first.
        by: what names a configuration, or a label of one.
        over_images: the intervals over images.

    Returns:
        One row for each combination of ``by``, which form the index: replicates (the number of
        seeds), auc (mean over seeds), low and high (95 % interval, within 0 and 1; NaN where an
        image error is unknown).
    """
    scored = frame[frame["auc"].notna()]
    by_seed = _means(scored.groupby([*by, "seed"], sort=False)[["auc", "stderr"]])
    groups = by_seed.groupby(list(by), sort=False)
    mean, replicates = _means(groups), groups.size()
    spread: pd.Series[float] = groups["auc"].std(ddof=1) / np.sqrt(replicates)
    of_seeds = (spread * student_quantile(replicates - 1, UPPER)).where(replicates > 1, 0.0)
    low, high = over_images(mean).T
    return pd.DataFrame(
        {
            "replicates": replicates,
            "auc": mean["auc"],
            "low": (mean["auc"] - np.hypot(mean["auc"] - low, of_seeds)).clip(lower=0.0),
            "high": (mean["auc"] + np.hypot(high - mean["auc"], of_seeds)).clip(upper=1.0),
        }
    )


def intervals_of(
    values: Floats, errors: Errors, positives: ArrayLike, negatives: ArrayLike
) -> Floats:
    """``(configurations, 2)``: the 95 % intervals of mean AUCs, over images and seeds.

    Args:
        values: ``(configurations,)``: mean AUCs, each over the seeds of a configuration.
        errors: of the values.
        positives: ``(labels,)``: images with each label.
        negatives: ``(labels,)``: images known not to have it.
    """
    over_images = np.sqrt(np.diag(errors.over_images))
    low, high = mean_interval(values, over_images, positives, negatives).T
    is_known = np.isfinite(errors.seed_freedom)
    reach = float(student_quantile(errors.seed_freedom, UPPER)) if is_known else 0.0
    of_seeds = reach * np.sqrt(errors.over_seeds)
    ends = [values - np.hypot(values - low, of_seeds), values + np.hypot(high - values, of_seeds)]
    return np.asarray(np.clip(np.stack(ends, axis=1), 0.0, 1.0))


def _means(groups: "DataFrameGroupBy[Any, Any]") -> pd.DataFrame:
    """Means of groups; NaN where any value is, as an error that is unknown is not nothing."""
    known = groups.count().eq(groups.size(), axis=0)
    return groups.mean().where(known)
