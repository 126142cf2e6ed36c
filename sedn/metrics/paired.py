"""The difference between two models that scored the same images: label by label, and in the mean.

What makes an image hard for both models cancels, so the error of a difference is taken from the
difference of each image's influence on both AUCs (DeLong, DeLong and Clarke-Pearson, Biometrics 44,
1988). By itself that fails where a label needs it most. With 5 positives and AUCs of 0.99 and 0.95
DeLong's interval holds the true difference in three of four sets of images, and where both models
separate the classes it is zero wide. So DeLong's variance ``V`` is drawn towards that of a model
``M``, as far as the images cannot tell:

    v = (w V + m M) / (w + m),    w = (k - 1) e / (e + h)

with ``k`` images of the rarer class, of which the better model has ``e`` on the wrong side. ``M``
is that of Hanley and McNeil's model for both AUCs (Newcombe, Statistics in Medicine 25, 2006), each
drawn a little away from 1, less what the two models' errors have in common. The interval takes
Student's quantile with the degrees of freedom of such a mixture.

The mean over labels has the variance of the images' mean influence, so it knows that labels share
images; ``e`` is the sum over labels, and ``M`` cancels between labels as far as ``V`` does. Images
of one group are one draw: their influences are summed first. Trainings of several seeds add the
spread between seeds, taken to be equal in both. How often all this covers the truth is in
``docs/statistics.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sedn.arrays import Floats
from sedn.metrics.folds import label_influences_within
from sedn.metrics.intervals import model_variance
from sedn.metrics.student import student_quantile, student_tail

SIGNIFICANCE = 0.05
"""The significance level: a difference or an effect with a p below this is significant."""
MODEL_WEIGHT = 0.5
"""``m``: what the model counts against DeLong's variance, in images of the rarer class."""
HALF_TRUSTED = 1.0
"""``h``: images on the wrong side at which DeLong's variance has half its weight."""
PULL = 0.25
"""Images that each AUC is drawn to ½ by before the model is asked for its variance."""
MOST_FREEDOM = 1e6
"""Degrees of freedom of what is as good as known."""


@dataclass(frozen=True)
class Differences:
    """Differences of AUC with their 95 % intervals; all arrays ``(labels,)``, or of one number."""

    value: Floats
    """NaN where there is no AUC."""
    low: Floats
    high: Floats
    p: Floats
    """Chance of a difference as large as this or larger where there is none; below 0.05 exactly
    where the interval leaves out 0."""


@dataclass(frozen=True)
class PairedComparison:
    """Two models side by side, each of one or several trainings."""

    first: Floats
    """``(labels,)``: AUC of the first model, mean over its trainings."""
    second: Floats
    labels: Differences
    """``first - second`` by label."""
    adjusted: Floats
    """``(labels,)``: the labels' ``p`` by Holm's method: where it is below 0.05 the label differs,
    also if one looks at all labels at once."""
    mean_first: float
    """Mean over the labels that have an AUC."""
    mean_second: float
    mean: Differences
    """The comparison of the mean AUC."""
    images: int
    units: int
    """Independent draws: groups, or images where there are none."""


def compare_paired(
    targets: ArrayLike,
    first: Sequence[ArrayLike],
    second: Sequence[ArrayLike],
    groups: NDArray[np.int64] | None = None,
    folds: NDArray[np.int64] | None = None,
    level: float = 0.95,
) -> PairedComparison:
    """Compare two models on the same images.

    Args:
        targets: ``(images, labels)``: 1, 0, or NaN where the truth is unknown.
        first: scores ``(images, labels)`` of each training of one model, one or more seeds.
        second: the same of the other model.
        groups: ``(images,)``: a number from 0 for each group; ``None``: every image is alone.
        folds: ``(images,)``: the fold of each image, where each training has a network for each;
            ``None``: it has one network.
        level: share of sets of images whose interval holds the true difference.

    Raises:
        ValueError: as :func:`~sedn.metrics.auc`.
    """
    truth = np.asarray(targets)
    one, other = (_Model.of(truth, scores, groups, folds) for scores in (first, second))
    positives, negatives = (_count_units(truth == value, groups) for value in (1, 0))
    evidence = _Evidence.of(one, other, positives, negatives)
    labels = _differences(
        one.area - other.area, evidence.variance, evidence.freedom,
        _seed_variance(one.areas, other.areas), one.seeds + other.seeds - 2, level,
    )  # fmt: skip
    means = [model.means for model in (one, other)]
    mean = _differences(
        means[0].mean(axis=0) - means[1].mean(axis=0), *evidence.of_mean(),
        _seed_variance(*means), one.seeds + other.seeds - 2, level,
    )  # fmt: skip
    return PairedComparison(
        one.area, other.area, labels, holm(labels.p),
        float(means[0].mean()), float(means[1].mean()), mean, len(truth), len(one.influence),
    )  # fmt: skip


def holm(p: ArrayLike) -> Floats:
    """``(tests,)``: p adjusted so that of all tests without an effect one in twenty sets of images
    has any below 0.05 (Holm, Scandinavian Journal of Statistics 6, 1979); NaN stays NaN.
    """
    values = np.asarray(p, dtype=np.float64)
    adjusted = np.full_like(values, np.nan)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    steps = values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


@dataclass(frozen=True)
class _Model:
    """The scores of one model."""

    areas: Floats
    """``(seeds, labels)``."""
    influence: Floats
    """``(units, labels)``: on the mean over seeds, over the number of images."""

    @classmethod
    def of(
        cls,
        truth: NDArray[np.floating],
        scores: Sequence[ArrayLike],
        groups: NDArray[np.int64] | None,
        folds: NDArray[np.int64] | None,
    ) -> "_Model":
        areas, total = [], np.zeros(truth.shape)
        for of_training in scores:
            area, influence = label_influences_within(truth, of_training, folds)
            areas.append(area)
            total += influence
        total /= len(truth) * len(scores)
        if groups is not None:
            of_images, total = total, np.zeros((int(groups.max()) + 1, truth.shape[1]))
            np.add.at(total, groups, of_images)
        return cls(np.stack(areas), total)

    @property
    def seeds(self) -> int:
        return len(self.areas)

    @property
    def means(self) -> Floats:
        """``(seeds, 1)``: over the labels that have an AUC; NaN where none has."""
        defined = ~np.isnan(self.areas[0])
        if not defined.any():
            return np.full((self.seeds, 1), np.nan)
        return np.asarray(self.areas[:, defined].mean(axis=1, keepdims=True))

    @property
    def area(self) -> Floats:
        """``(labels,)``: mean over seeds."""
        return np.asarray(self.areas.mean(axis=0))


@dataclass(frozen=True)
class _Evidence:
    """The error of each label's difference as the images show it, and its degrees of freedom."""

    delong: Floats
    """``(labels,)``: variance of the difference over images; NaN where the label has no AUC."""
    model: Floats
    """``(labels,)``: what the model says of the variance."""
    rarer: Floats
    """``(labels,)``: units of the rarer class."""
    wrong: Floats
    """``(labels,)``: of these, on the wrong side for the better model."""
    delong_of_mean: float
    """Variance of the difference of the means over images."""

    @classmethod
    def of(cls, one: _Model, other: _Model, positives: Floats, negatives: Floats) -> "_Evidence":
        rarer = np.where(np.isnan(one.area), np.nan, np.minimum(positives, negatives))
        wrong = rarer * np.minimum(
            np.minimum(one.area, 1 - one.area), np.minimum(other.area, 1 - other.area)
        )
        covariance = (one.influence * other.influence).sum(axis=0)
        own = [np.square(model.influence).sum(axis=0) for model in (one, other)]
        with np.errstate(divide="ignore", invalid="ignore"):
            correlation = np.clip(np.nan_to_num(covariance / np.sqrt(own[0] * own[1])), 0, 1)
            weight = _weight(rarer, wrong)
            drawn = [(rarer * m.area + PULL) / (rarer + 2 * PULL) for m in (one, other)]
            a, b = (np.sqrt(model_variance(area, positives, negatives)) for area in drawn)
        common = correlation * weight / (weight + MODEL_WEIGHT)
        difference = one.influence - other.influence
        defined = ~np.isnan(rarer)
        of_mean = np.square(difference[:, defined].mean(axis=1)).sum() if defined.any() else np.nan
        delong = np.where(defined, np.square(difference).sum(axis=0), np.nan)
        return cls(delong, a**2 + b**2 - 2 * common * a * b, rarer, wrong, float(of_mean))

    @property
    def variance(self) -> Floats:
        """``(labels,)``: of each label's difference."""
        return _mixed(_weight(self.rarer, self.wrong), self.delong, self.model)

    @property
    def freedom(self) -> Floats:
        """``(labels,)``: the degrees of freedom of the error."""
        return _freedom(_weight(self.rarer, self.wrong))

    def of_mean(self) -> tuple[Floats, Floats]:
        """The variance of the mean's difference, and its degrees of freedom, ``(1,)`` both."""
        defined = ~np.isnan(self.rarer)
        if not defined.any():
            return np.full(1, np.nan), np.full(1, np.nan)
        errors = np.sqrt(self.delong[defined]).mean()
        # All labels err alike as long as no image tells otherwise.
        cancelled = self.delong_of_mean / errors**2 if errors > 0 else 1.0
        model = cancelled * np.sqrt(self.model[defined]).mean() ** 2
        weight = _weight(self.rarer[defined].mean(), self.wrong[defined].sum())
        mixed = _mixed(weight, self.delong_of_mean, model)
        return np.atleast_1d(mixed), np.atleast_1d(_freedom(weight))


def _count_units(of_class: NDArray[np.bool_], groups: NDArray[np.int64] | None) -> Floats:
    """``(labels,)``: the groups, or images where there are none, that have an image of a class."""
    if groups is None:
        return np.asarray(of_class.sum(axis=0), dtype=np.float64)
    has_class = np.zeros((int(groups.max()) + 1, of_class.shape[1]), dtype=bool)
    np.logical_or.at(has_class, groups, of_class)
    return np.asarray(has_class.sum(axis=0), dtype=np.float64)


def _weight(rarer: ArrayLike, wrong: ArrayLike) -> Floats:
    """The weight of DeLong's variance, in images of the rarer class."""
    count, errors = np.asarray(rarer, np.float64), np.asarray(wrong, np.float64)
    weight = np.maximum(count - 1, 0) * errors / (errors + HALF_TRUSTED)
    return np.asarray(weight, dtype=np.float64)


def _mixed(weight: Floats, delong: ArrayLike, model: ArrayLike) -> Floats:
    both = weight * np.asarray(delong) + MODEL_WEIGHT * np.asarray(model)
    return np.asarray(both / (weight + MODEL_WEIGHT), dtype=np.float64)


def _freedom(weight: Floats) -> Floats:
    """Satterthwaite's, as only DeLong's part is estimated."""
    freedom = 2 * (weight + MODEL_WEIGHT) ** 2 / np.maximum(weight, 1e-12)
    return np.asarray(np.minimum(freedom, MOST_FREEDOM))


def _seed_variance(one: Floats, other: Floats) -> Floats:
    """``(columns,)``: that of a difference of means over seeds; 0 where there is one seed each.

    Args:
        one: ``(seeds, columns)``.
        other: the same, of as many seeds or of others.
    """
    freedom = len(one) + len(other) - 2
    if not freedom:
        return np.zeros(one.shape[1])
    squares = [np.square(some - some.mean(axis=0)).sum(axis=0) for some in (one, other)]
    return np.asarray((squares[0] + squares[1]) / freedom * (1 / len(one) + 1 / len(other)))


def _differences(
    value: Floats,
    over_images: Floats,
    freedom: Floats,
    over_seeds: Floats,
    seed_freedom: int,
    level: float,
) -> Differences:
    """Differences with variances over images and over seeds, all ``(columns,)``."""
    variance = over_images + over_seeds
    spread = over_images**2 / freedom + over_seeds**2 / max(seed_freedom, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = variance**2 / spread
        error = np.sqrt(variance)
        reach = student_quantile(pooled, (1 + level) / 2) * error
        p = 2 * student_tail(pooled, np.abs(value) / error)
    low, high = np.maximum(value - reach, -1.0), np.minimum(value + reach, 1.0)
    return Differences(value, low, high, p)
