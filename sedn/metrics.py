"""ROC AUC per label and its macro mean, with standard errors that know images are shared.

The area under the ROC curve of a label is the chance that a positive image scores above a
negative one, ties counting half (Mann and Whitney). Its error follows from the *structural
components* of DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988), computed by sorting
(Sun and Xu, IEEE Signal Processing Letters 21, 2014). The component of a positive image is the
share of negatives below it, that of a negative image the share of positives above it.

The labels of one image are not independent, so the error of the mean over labels cannot be taken
from the labels' errors. It is taken over images: every image has an *influence* on every label's
AUC, and the influence on the mean is the mean of these.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AucEstimate:
    """The AUC of every label and their mean, as estimated from one set of images."""

    labels: Floats
    """``(labels,)``: AUC; NaN where a label has images of one class only."""
    labels_stderr: Floats
    """``(labels,)``: standard error by DeLong; NaN where a class has fewer than two images."""
    mean: float
    """Mean over the labels that are defined; NaN when none is."""
    mean_stderr: float
    """Standard error of the mean over images. A label whose rarer class has a single image adds
    no variance for that class, as none can be estimated from it. NaN when ``mean`` is."""
    influence: Floats
    """``(images,)``: influence of each image on the mean; ``mean_stderr`` is its root sum of
    squares over the number of images."""


def auc(targets: ArrayLike, scores: ArrayLike) -> AucEstimate:
    """Estimate the AUC of each label and of their mean.

    Args:
        targets: ``(images, labels)``: 1, 0, or NaN where the truth is unknown; an unknown entry
            takes no part in its label.
        scores: ``(images, labels)``, of any floating type; only their order counts.

    Raises:
        ValueError: the shapes differ, a score is not finite, or a target is none of 0, 1, NaN.
    """
    labels, influences = label_influences(targets, scores)
    defined = ~np.isnan(labels)
    if not defined.any():
        nothing = np.full(len(influences), np.nan)
        return AucEstimate(labels, labels.copy(), float("nan"), float("nan"), nothing)
    influence = influences[:, defined].mean(axis=1)
    labels_stderr = root_sum_of_squares(influences) / len(influences)
    labels_stderr[_smallest_class(np.asarray(targets)) < 2] = np.nan
    mean_stderr = float(root_sum_of_squares(influence)) / len(influence)
    return AucEstimate(labels, labels_stderr, float(labels[defined].mean()), mean_stderr, influence)


def paired_difference(a: AucEstimate, b: AucEstimate) -> tuple[float, float]:
    """The difference ``a.mean - b.mean`` of two models scored on the same images, in order.

    Returns:
        The difference and its standard error. What makes an image hard for both models cancels.

    Raises:
        ValueError: the estimates are over different numbers of images or different labels.
    """
    if a.influence.shape != b.influence.shape:
        raise ValueError(f"estimates over {len(a.influence)} and {len(b.influence)} images")
    if not np.array_equal(np.isnan(a.labels), np.isnan(b.labels)):
        raise ValueError("estimates over different labels")
    stderr = root_sum_of_squares(a.influence - b.influence) / len(a.influence)
    return a.mean - b.mean, float(stderr)


def paired_label_differences(
    targets: ArrayLike, scores_a: ArrayLike, scores_b: ArrayLike
) -> tuple[Floats, Floats]:
    """Per label, the difference of AUC of two models on the same images (DeLong 1988, paired).

    Returns:
        The differences ``a - b`` and their standard errors, both ``(labels,)`` and NaN where
        :func:`auc` has NaN.
    """
    labels_a, influences_a = label_influences(targets, scores_a)
    labels_b, influences_b = label_influences(targets, scores_b)
    stderr = root_sum_of_squares(influences_a - influences_b) / len(influences_a)
    stderr[_smallest_class(np.asarray(targets)) < 2] = np.nan
    return labels_a - labels_b, stderr


def label_influences(targets: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """The AUC ``(labels,)`` and each image's influence on it ``(images, labels)``.

    The influence is the image's component less the AUC, over the share of its class among all
    images. Each class is scaled by ``sqrt(n / (n - 1))``, so that the root sum of squares over
    the number of images is DeLong's unbiased standard error. It is 0 where the target is unknown
    and NaN nowhere.

    Raises:
        ValueError: as :func:`auc`.
    """
    truth, values = _checked(np.asarray(targets), np.asarray(scores))
    positive, negative = truth == 1, truth == 0
    positives, negatives = positive.sum(axis=1), negative.sum(axis=1)
    below, above = _pairs_won(values, positive, negative)
    with np.errstate(invalid="ignore", divide="ignore"):
        labels = below.sum(axis=1) / (positives * negatives)
        of_positive = (below / negatives[:, None] - labels[:, None]) * _weight(positives)
        of_negative = (above / positives[:, None] - labels[:, None]) * _weight(negatives)
    influences = np.where(positive, of_positive, np.where(negative, of_negative, 0.0))
    influences[np.isnan(labels)] = 0.0
    return labels, influences.T * influences.shape[1]


def root_sum_of_squares(values: Floats) -> Floats:
    """Over images, the first axis."""
    return np.asarray(np.sqrt(np.square(values).sum(axis=0)), dtype=np.float64)


def _pairs_won(
    values: NDArray[np.floating], positive: NDArray[np.bool_], negative: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """For each entry of ``(labels, images)``: the negatives below a positive entry, and the
    positives above a negative entry; ties count half, entries of the other class 0.
    """
    order = np.argsort(values, axis=1)
    ranked = np.take_along_axis(values, order, axis=1)
    first, last = _tie_bounds(ranked)

    def middle_count(members: NDArray[np.bool_]) -> Floats:
        """Members up to the middle of each entry's tie."""
        counts = np.cumsum(np.take_along_axis(members, order, axis=1), axis=1)
        upto = np.take_along_axis(counts, last, axis=1)
        before = np.where(first > 0, np.take_along_axis(counts, np.maximum(first - 1, 0), 1), 0)
        in_order = np.empty_like(ranked, dtype=np.float64)
        np.put_along_axis(in_order, order, (upto + before) / 2, axis=1)
        return in_order

    below = np.where(positive, middle_count(negative), 0.0)
    above = positive.sum(axis=1, keepdims=True) - middle_count(positive)
    return below, np.where(negative, above, 0.0)


def _tie_bounds(ranked: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last position of the tie that each entry of sorted rows belongs to."""
    n = ranked.shape[1]
    steps = ranked[:, 1:] != ranked[:, :-1]
    edge = np.ones((len(ranked), 1), dtype=bool)
    position = np.arange(n)
    first = np.where(np.hstack([edge, steps]), position, 0)
    last = np.where(np.hstack([steps, edge]), position, n - 1)
    np.maximum.accumulate(first, axis=1, out=first)
    last = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
    return first, last


def _weight(size: NDArray[np.int64]) -> Floats:
    """``(labels, 1)``: one over the class's size, times the correction of its variance."""
    correction = np.sqrt(size / np.maximum(size - 1, 1))
    return (correction / size)[:, None]


def _smallest_class(targets: NDArray[np.floating]) -> NDArray[np.int64]:
    """Per label, the number of images of its rarer class."""
    positives, negatives = (targets == 1).sum(axis=0), (targets == 0).sum(axis=0)
    return np.asarray(np.minimum(positives, negatives), dtype=np.int64)


def _checked(
    targets: NDArray[np.floating], scores: NDArray[np.floating]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Both as contiguous ``(labels, images)``."""
    if targets.shape != scores.shape or targets.ndim != 2:
        raise ValueError(
            f"targets {targets.shape} and scores {scores.shape} must both be (images, labels)"
        )
    finite = np.isfinite(scores)
    if not finite.all():
        image, label = np.argwhere(~finite)[0]
        score = scores[image, label]
        raise ValueError(f"the score of image {image}, label {label} is {score}, not finite")
    if not np.isin(targets[~np.isnan(targets)], (0, 1)).all():
        raise ValueError("targets must be 0, 1 or NaN")
    wide = scores.astype(np.float32) if scores.dtype == np.float16 else scores
    return np.ascontiguousarray(targets.T), np.ascontiguousarray(wide.T)
