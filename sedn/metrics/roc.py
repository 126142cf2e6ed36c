"""ROC AUC per label and its macro mean, with standard errors that know images are shared.

The area under the ROC curve of a label is the chance that a positive image scores above a
negative one, ties counting half (Mann and Whitney). Its error follows from the *structural
components* of DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988), computed by sorting
(Sun and Xu, IEEE Signal Processing Letters 21, 2014). The component of a positive image is the
share of negatives below it, that of a negative image the share of positives above it.

The labels of one image are not independent, so the error of the mean over labels cannot be taken
from the labels' errors. The error is taken over images: every image has an *influence* on every
label's AUC, and the influence on the mean is the mean of these.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sedn.arrays import Floats
from sedn.metrics.ranking import Ranking, map_labels


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
    positives: NDArray[np.int64]
    """``(labels,)``: images with the label."""
    negatives: NDArray[np.int64]
    """``(labels,)``: images known not to have the label."""
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
    images, truth = len(np.asarray(targets)), np.asarray(targets)

    def estimate(rankings: Iterator[Ranking]) -> tuple[list[tuple[float, float]], Floats]:
        """AUC and standard error of some labels, and the sum of an image's influences on them."""
        labels, total = [], np.zeros(images)
        for ranking in rankings:
            area, influence = _influence(ranking)
            if not np.isnan(area):
                np.add.at(total, ranking.images, influence)
            labels.append((area, _stderr(ranking, influence)))
        return labels, total

    blocks = map_labels(targets, scores, estimate)
    labels, stderrs = np.array([pair for block, _ in blocks for pair in block]).reshape(-1, 2).T
    defined = np.count_nonzero(~np.isnan(labels))
    counts = (truth == 1).sum(axis=0), (truth == 0).sum(axis=0)
    if not defined:
        nothing = np.full(images, np.nan)
        return AucEstimate(labels, stderrs, float("nan"), float("nan"), *counts, nothing)
    total = np.sum([total for _, total in blocks], axis=0)
    influence = total * (images / defined)
    mean_stderr = float(root_sum_of_squares(influence)) / images
    return AucEstimate(labels, stderrs, float(np.nanmean(labels)), mean_stderr, *counts, influence)


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
    the number of images is DeLong's unbiased standard error. The influence is 0 where the target
    is unknown, and NaN nowhere.

    Raises:
        ValueError: as :func:`auc`.
    """
    images = len(np.asarray(targets))

    def influences(rankings: Iterator[Ranking]) -> list[tuple[float, Floats]]:
        labels = []
        for ranking in rankings:
            area, influence = _influence(ranking)
            of_images = np.zeros(images)
            if not np.isnan(area):
                of_images[ranking.images] = influence * images
            labels.append((area, of_images))
        return labels

    labels = [label for block in map_labels(targets, scores, influences) for label in block]
    columns = np.stack([column for _, column in labels], axis=1)
    return np.array([area for area, _ in labels]), columns


def root_sum_of_squares(values: Floats) -> Floats:
    """Over images, the first axis."""
    return np.asarray(np.sqrt(np.square(values).sum(axis=0)), dtype=np.float64)


def _influence(ranking: Ranking) -> tuple[float, Floats]:
    """The AUC of a label, and of each ranked image its influence over the number of images.

    NaN, both, where the label has images of one class only.
    """
    known, n_positive = len(ranking.images), len(ranking.positives)
    n_negative = known - n_positive
    if min(n_positive, n_negative) == 0:
        return float("nan"), np.full(known, np.nan)
    # At each place, positives below it twice and those of its own tie once.
    ends = np.concatenate([ranking.first, ranking.last])
    passed = np.cumsum(np.bincount(ends, minlength=known + 1)[:known])
    both = ranking.first + ranking.last - passed.take(ranking.positives)
    below = both / (2 * n_negative)
    area = float(below.mean())
    weight = _weight(n_negative)
    influence: Floats = np.multiply(passed, -weight / (2 * n_positive))
    influence += (1 - area) * weight
    influence[ranking.positives] = (below - area) * _weight(n_positive)
    return area, influence


def _stderr(ranking: Ranking, influence: Floats) -> float:
    """DeLong's, from what :func:`_influence` gives."""
    n_positive = len(ranking.positives)
    if min(n_positive, len(ranking.images) - n_positive) < 2:
        return float("nan")
    # Not by the dot product, whose own threads would wait for those of the labels.
    return float(np.sqrt(np.square(influence).sum()))


def _weight(size: int) -> float:
    """The reciprocal of a class's size, times the correction of its variance."""
    return float(np.sqrt(size / max(size - 1, 1)) / size)


def _smallest_class(targets: NDArray[np.floating]) -> NDArray[np.int64]:
    """Per label, the number of images of its rarer class."""
    positives, negatives = (targets == 1).sum(axis=0), (targets == 0).sum(axis=0)
    return np.asarray(np.minimum(positives, negatives), dtype=np.int64)
