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
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from results.columns import Columns, number_groups
from results.database.models import Label
from results.ranking.errors import Errors
from sedn.arrays import Floats
from sedn.metrics import auc_interval, mean_interval
from sedn.metrics.student import student_quantile

UPPER = 0.975
"""Quantile that bounds a two-sided interval of 95 %."""


class Values(Protocol):
    """Columns by name: :class:`results.columns.Columns`, a DataFrame or a dictionary."""

    def __getitem__(self, name: str, /) -> Any: ...


ImageIntervals = Callable[[Values], Floats]
"""From the columns auc and stderr to the intervals over images ``(rows, 2)``."""


def of_means(labels: Sequence[Label]) -> ImageIntervals:
    """The intervals of mean AUCs over ``labels``, on validation."""
    positives = np.array([label.validation_positives for label in labels], dtype=np.float64)
    known = np.array([label.validation_known for label in labels], dtype=np.float64)
    return lambda rows: mean_interval(rows["auc"], rows["stderr"], positives, known - positives)


def of_labels(labels: Sequence[Label]) -> ImageIntervals:
    """The intervals of AUCs of single ``labels``, named by a column label, on validation."""
    counts = {label.name: (label.validation_positives, label.validation_known) for label in labels}

    def intervals(rows: Values) -> Floats:
        positives, known = np.array([counts[name] for name in rows["label"]]).reshape(-1, 2).T
        return auc_interval(rows["auc"], rows["stderr"], positives, known - positives)

    return intervals


def pool(rows: Columns, by: Sequence[str], over_images: ImageIntervals) -> Columns:
    """Pool replicates.

    Args:
        rows: columns seed, auc and stderr (of the image error; NaN where it is unknown), and those
            named in ``by``; rows without an AUC are left out. Rows of one seed are one training
            done twice, not two replicates, and are averaged first.
        by: what names a configuration, or a label of one.
        over_images: the intervals over images.

    Returns:
        One row for each combination of ``by``, in the order of appearance: the columns ``by``,
        replicates (the number of seeds), auc (mean over seeds), low and high (95 % interval, within
        0 and 1; NaN where an image error is unknown).
    """
    scored = rows.rows(~np.isnan(rows["auc"]))
    by_seed = _average(scored, *_groups(scored, [*by, "seed"]))
    groups, first = _groups(by_seed, by)
    replicates = np.bincount(groups, minlength=len(first))
    mean = _average(by_seed, groups, first)
    low, high = over_images(mean).reshape(-1, 2).T
    of_seeds = _spread(by_seed["auc"], mean["auc"], groups, replicates)
    auc = mean["auc"]
    return mean.only(by).adding(
        {
            "replicates": replicates,
            "auc": auc,
            "low": np.maximum(auc - np.hypot(auc - low, of_seeds), 0.0),
            "high": np.minimum(auc + np.hypot(high - auc, of_seeds), 1.0),
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


def gain(auc: Floats, baseline: Floats | float) -> Floats:
    """Relative gain; NaN where there is no baseline, or one of 0 or next to it."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        relative = auc / baseline - 1.0
    return np.where(np.isinf(relative), np.nan, relative)


def group_means(values: Floats, groups: NDArray[np.int64]) -> Floats:
    """``(groups,)``: the mean of the known values of each group; NaN where none is known.

    Args:
        values: ``(rows,)``; NaN is not known.
        groups: ``(rows,)``: from 0, none left out.
    """
    known = ~np.isnan(values)
    sums = np.bincount(groups, np.where(known, values, 0.0))
    with np.errstate(invalid="ignore"):
        return np.asarray(sums / np.bincount(groups, known))


def _groups(rows: Columns, by: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the rows that are alike in ``by``, and tell the first of each number."""
    names = [rows[name].tolist() for name in by]
    return number_groups(names[0] if len(by) == 1 else zip(*names, strict=True))


def _average(rows: Columns, groups: NDArray[np.int64], first: NDArray[np.int64]) -> Columns:
    """The means of auc and stderr of each group; NaN where any value is, as an error that is
    unknown is not nothing.
    """
    if len(first) == len(rows):
        return rows
    counts = np.bincount(groups)
    means = {name: np.bincount(groups, rows[name]) / counts for name in ("auc", "stderr")}
    return rows.rows(first).adding(means)


def _spread(
    values: Floats, means: Floats, groups: NDArray[np.int64], replicates: NDArray[np.int64]
) -> Floats:
    """``(groups,)``: half of the interval of each mean over its seeds; 0 where there is one."""
    squares = np.bincount(groups, np.square(values - means[groups]), len(means))
    freedom = np.maximum(replicates - 1, 1)
    # Of each number of seeds once: there may be 100,000 groups.
    quantiles = student_quantile(np.arange(1, freedom.max(initial=0) + 1), UPPER)
    reach = quantiles[freedom - 1] * np.sqrt(squares / freedom / np.maximum(replicates, 1))
    return np.where(replicates > 1, reach, 0.0)
