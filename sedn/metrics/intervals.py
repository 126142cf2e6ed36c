"""Confidence intervals of an AUC that hold at few positives and at 0 and 1.

**A label.** DeLong's interval ``A ± z s`` fails where a label needs it most: with 5 positives and
a true AUC of 0.97 it covers the truth in two of three sets of images, and where the classes are
separated its width is 0. The interval here is a score interval, as Wilson's is for a share: it
holds every AUC ``θ`` that the images do not refute,

    |A - θ| <= q sqrt(r V(θ))

``V`` is the variance that Hanley and McNeil's model gives ``θ`` with both classes of equal size
(Newcombe, Statistics in Medicine 25, 2006, method 5), which is not 0 before ``θ`` is. ``r`` fits
the model to the data: DeLong's variance over ``V(A)``, drawn towards 1 as far as the data cannot
tell. DeLong's variance says the less the fewer images the rarer class has, and the fewer of these
are on the wrong side, so its weight is ``(k - 1) e / (e + 2)`` against 1 for the model, with ``k``
images of the rarer class and ``e = k min(A, 1 - A)``. ``q`` is Student's quantile with the degrees
of freedom of such a mixture (Satterthwaite), as only the one part of ``r`` is estimated. Where
``θ`` is so near to 1 that ``A`` cannot lie much above, only one side can miss, and ``q`` towards
the near end goes over to a one-sided quantile, chosen by simulation.

**The mean over labels.** On the logit scale, by the standard error over images, with Student's
quantile at as many degrees of freedom as the labels' rarer classes have images in the mean.

How often both cover the truth, beside DeLong's, is in ``docs/statistics.md``.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from sedn.arrays import Floats
from sedn.metrics.roc import AucEstimate
from sedn.metrics.student import student_quantile

MODEL_WEIGHT = 1.0
"""The weight of the model against DeLong's variance, in images of the rarer class."""
HALF_TRUSTED = 2.0
"""Images of the rarer class on the wrong side at which DeLong's variance has half its weight."""
END_TAIL = 1.5
"""At an end of the scale, the part of ``1 - level`` that the one tail left is asked to hold; above
1, as the scores' distribution there is narrower than its variance says."""
ROUNDING = 1e-12
STEPS = 50
"""Halvings of the range 0 to 1 in which an end is sought."""


def auc_interval(
    area: ArrayLike,
    stderr: ArrayLike,
    positives: ArrayLike,
    negatives: ArrayLike,
    level: float = 0.95,
) -> Floats:
    """``(..., 2)``: both ends of the interval of one label's AUC; within 0 and 1, around ``area``.

    The arguments are broadcast against each other.

    Args:
        area: the AUC; NaN gives NaN.
        stderr: DeLong's standard error; NaN gives NaN, but for a class of one image, of which the
            model alone tells.
        positives: images with the label.
        negatives: images known not to have the label.
        level: share of sets of images whose interval holds the true AUC.
    """
    auc, error, some, others = np.broadcast_arrays(
        *(np.asarray(value, dtype=np.float64) for value in (area, stderr, positives, negatives))
    )
    auc = _snapped(auc)
    rarer = np.minimum(some, others)
    wrong = rarer * np.minimum(auc, 1 - auc)
    weight = np.maximum(rarer - 1, 0) * wrong / (wrong + HALF_TRUSTED)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(weight > 0, np.square(error) / model_variance(auc, some, others), 1.0)
        ratio = (weight * ratio + MODEL_WEIGHT) / (weight + MODEL_WEIGHT)
        freedom = 2 * (weight + MODEL_WEIGHT) ** 2 / np.maximum(weight, 1e-9)
    two_sided = student_quantile(freedom, (1 + level) / 2)
    one_sided = np.maximum(student_quantile(freedom, max(1 - END_TAIL * (1 - level), 0.5)), 0.0)

    def refutes(truth: Floats, room: Floats) -> Floats:
        """Whether the data refute ``truth``, which has ``room`` up to the end of the scale."""
        near = np.exp(-rarer * room)
        reach = two_sided + (one_sided - two_sided) * near
        return np.asarray(
            np.abs(auc - truth) > reach * np.sqrt(ratio * model_variance(truth, some, others))
        )

    def far(distance: Floats, side: int) -> Floats:
        end = auc + side * distance
        # Only the end that the AUC is nearer to makes the test one-sided.
        room = np.where(side * (auc - 0.5) > 0, 0.5 - side * (end - 0.5), 1e9)
        return refutes(end, room)

    low = auc - _largest(lambda d: far(d, -1), auc)
    high = auc + _largest(lambda d: far(d, 1), 1 - auc)
    unknown = np.isnan(auc) | (rarer < 1) | (np.isnan(error) & (rarer >= 2))
    ends = np.stack([np.clip(low, 0.0, auc), np.clip(high, auc, 1.0)], axis=-1)
    return np.where(unknown[..., None], np.nan, ends)


def mean_interval(
    mean: ArrayLike,
    stderr: ArrayLike,
    positives: ArrayLike,
    negatives: ArrayLike,
    level: float = 0.95,
) -> Floats:
    """``(..., 2)``: both ends of the interval of the mean AUC over labels, within 0 and 1.

    Args:
        mean: ``(...)``: the mean; NaN gives NaN.
        stderr: ``(...)``: its standard error over images; NaN gives NaN.
        positives: ``(labels,)``: images with each label.
        negatives: ``(labels,)``: images known not to have it.
        level: share of sets of images whose interval holds the true mean.

    A mean of exactly 0 or 1, or without an error, has the interval of one label with as many images
    as the labels have in the mean: nothing is known of how the labels' errors cancel.
    """
    auc, error = np.broadcast_arrays(np.asarray(mean, np.float64), np.asarray(stderr, np.float64))
    auc = _snapped(auc)
    some, others = np.asarray(positives, np.float64), np.asarray(negatives, np.float64)
    defined = (some > 0) & (others > 0)
    if not defined.any():
        return np.full((*auc.shape, 2), np.nan)
    some, others = some[defined], others[defined]
    quantile = float(student_quantile(np.minimum(some, others).mean(), (1 + level) / 2))
    inside = (auc > 0) & (auc < 1) & (error > 0)
    middle = np.where(inside, auc, 0.5)
    reach = quantile * np.where(inside, error, 0.0) / (middle * (1 - middle))
    logit = np.log(middle / (1 - middle))
    # By tanh, which does not overflow however large the error is.
    ends = 0.5 * (1 + np.tanh(0.5 * np.stack([logit - reach, logit + reach], axis=-1)))
    # Sought in steps, so for those alone that need it: there may be 100,000 means.
    outside = ~inside & ~np.isnan(auc + error)
    if outside.any():
        ends[outside] = auc_interval(auc[outside], 0.0, some.mean(), others.mean(), level)
    return np.where(np.isnan(auc + error)[..., None], np.nan, ends)


def label_intervals(estimate: AucEstimate, level: float = 0.95) -> Floats:
    """``(labels, 2)``: the interval of each label; NaN where the label has no AUC."""
    return auc_interval(
        estimate.labels, estimate.labels_stderr, estimate.positives, estimate.negatives, level
    )


def estimate_interval(estimate: AucEstimate, level: float = 0.95) -> tuple[float, float]:
    """The interval of the mean over labels; NaN where the mean is."""
    low, high = mean_interval(
        estimate.mean, estimate.mean_stderr, estimate.positives, estimate.negatives, level
    )
    return float(low), float(high)


def model_variance(area: Floats, positives: Floats, negatives: Floats) -> Floats:
    """The variance of an estimate of ``area``, by Newcombe's method 5."""
    others = (positives + negatives) / 2 - 1
    shape = 1 + others * ((1 - area) / (2 - area) + area / (1 + area))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(area * (1 - area) * shape / (positives * negatives))


def _snapped(area: Floats) -> Floats:
    """Rounding next to 0 and 1 undone: no images give an AUC so near to them."""
    return np.where(area < ROUNDING, 0.0, np.where(area > 1 - ROUNDING, 1.0, area))


def _largest(refuted: Callable[[Floats], Floats], most: Floats) -> Floats:
    """The largest distance from the AUC, up to ``most``, that is not refuted."""
    near, far = np.zeros_like(most), np.array(most, dtype=np.float64)
    for _ in range(STEPS):
        middle = (near + far) / 2
        out = refuted(middle)
        near, far = np.where(out, near, middle), np.where(out, middle, far)
    return near
