"""AUC where each fold of the images was scored by a network of its own.

The AUC of a label is then the mean of those within the folds, and no image is compared with one of
another fold. Scores of different networks are not on one scale, so the AUC of scores pooled over
folds is biased, mostly downwards (Forman and Scholz, SIGKDD Explorations 12, 2010; Airola et al.,
Computational Statistics & Data Analysis 55, 2011).

The influence of an image on the AUC is taken within its fold, about the mean over folds. So an
error can be estimated where a fold has a single image of a class, and differences between folds add
to the error: it is rather too large than too small.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sedn.arrays import Floats
from sedn.metrics.roc import AucEstimate, auc, label_influences, root_sum_of_squares


def auc_within(targets: ArrayLike, scores: ArrayLike, folds: ArrayLike | None) -> AucEstimate:
    """Estimate AUC as :func:`~sedn.metrics.auc` does, without a comparison between folds.

    Args:
        targets: ``(images, labels)``: 1, 0, or NaN where the truth is unknown.
        scores: ``(images, labels)``.
        folds: ``(images,)``: a number for each fold; ``None``: one network scored all images.

    Raises:
        ValueError: as :func:`~sedn.metrics.auc`.
    """
    if folds is None:
        return auc(targets, scores)
    truth = np.asarray(targets)
    areas, influences = label_influences_within(truth, scores, folds)
    positives, negatives = ((truth == value).sum(axis=0) for value in (1, 0))
    stderr = root_sum_of_squares(influences) / len(truth)
    stderr[np.isnan(areas) | (np.minimum(positives, negatives) < 2)] = np.nan
    defined = ~np.isnan(areas)
    if not defined.any():
        nan, nothing = float("nan"), np.full(len(truth), np.nan)
        return AucEstimate(areas, stderr, nan, nan, positives, negatives, nothing)
    influence = influences[:, defined].mean(axis=1)
    return AucEstimate(
        labels=areas,
        labels_stderr=stderr,
        mean=float(areas[defined].mean()),
        mean_stderr=float(root_sum_of_squares(influence)) / len(truth),
        positives=positives,
        negatives=negatives,
        influence=influence,
    )


def images_of_folds(folds: ArrayLike | None, images: int) -> list[NDArray[np.int64]]:
    """The images of each fold, by rising number of the fold; all ``images`` where there is none."""
    if folds is None:
        return [np.arange(images)]
    number = np.asarray(folds)
    return [np.flatnonzero(number == one) for one in np.unique(number)]


def label_influences_within(
    targets: ArrayLike, scores: ArrayLike, folds: ArrayLike | None
) -> tuple[Floats, Floats]:
    """Find influences as :func:`~sedn.metrics.label_influences` does, each within its fold.

    A fold in which a label has one class only says nothing of the label.

    Raises:
        ValueError: as :func:`~sedn.metrics.auc`.
    """
    if folds is None:
        return label_influences(targets, scores)
    truth, values = np.asarray(targets), np.asarray(scores)
    parts = [_Part.of(truth, values, rows) for rows in images_of_folds(folds, len(truth))]
    areas = np.stack([part.areas for part in parts])
    says = ~np.isnan(areas)
    count = says.sum(axis=0)
    mean = np.where(says, areas, 0.0).sum(axis=0) / np.where(count == 0, np.nan, count)
    influences = np.zeros(truth.shape)
    for value in (1, 0):
        size = sum(((truth[part.rows] == value) & ~np.isnan(part.areas)).sum(0) for part in parts)
        correction = np.sqrt(size / np.maximum(np.asarray(size) - 1, 1))
        for part in parts:
            is_class = truth[part.rows] == value
            of_class = np.maximum(is_class.sum(axis=0), 1)
            share = correction * len(truth) / (of_class * np.maximum(count, 1))
            about_mean = np.nan_to_num((part.components - mean) * share)
            influences[part.rows] += np.where(is_class, about_mean, 0.0)
    return mean, influences


@dataclass(frozen=True)
class _Part:
    """The images of one fold."""

    rows: NDArray[np.int64]
    areas: Floats
    """``(labels,)``: AUC within the fold; NaN where a label has one class only."""
    components: Floats
    """``(rows, labels)``: of the images of the other class, the share on the right side of this
    one; NaN where there is no AUC."""

    @classmethod
    def of(
        cls, truth: NDArray[np.floating], scores: NDArray[np.floating], rows: NDArray[np.int64]
    ) -> "_Part":
        own = truth[rows]
        areas, influences = label_influences(own, scores[rows])
        components = np.tile(areas, (len(rows), 1))
        for value in (1, 0):
            is_class = own == value
            size = is_class.sum(axis=0)
            # As :func:`label_influences` scales them.
            scale = np.sqrt(np.maximum(size, 1) * np.maximum(size - 1, 1)) / len(rows)
            components += np.where(is_class, influences * scale, 0.0)
        return cls(rows, areas, components)
