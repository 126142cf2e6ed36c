"""The mean AUC of images drawn anew with replacement (Efron, Annals of Statistics 7, 1979).

To draw an image several times is to give it a weight. So a label is sorted once for many draws,
and its AUC in each takes one pass over the weights in that order.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sedn.arrays import Floats
from sedn.metrics.ranking import Ranking, map_labels

Weights = NDArray[np.uint16]

HELD = 20_000_000
"""Weights held in memory at a time; the labels are sorted once for as many draws as they make."""
AT_ONCE = 200_000
"""Weights of as many draws as stay in a processor's cache."""


def bootstrap_mean(
    targets: ArrayLike,
    scores: ArrayLike,
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of the mean AUC, over images.

    Args:
        targets: ``(images, labels)``: 1, 0, or NaN where the truth is unknown.
        scores: ``(images, labels)``, of any floating type; only their order counts.
        level: share of the draws whose mean lies inside.
        resamples: number of draws.
        seed: of the draws.

    Returns:
        Both ends; NaN when no label has both classes.

    Raises:
        ValueError: as :func:`~sedn.metrics.auc`.
    """
    means = bootstrap_means(targets, scores, resamples=resamples, seed=seed)
    means = means[~np.isnan(means)]
    if not len(means):
        return float("nan"), float("nan")
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bootstrap_means(
    targets: ArrayLike, scores: ArrayLike, *, resamples: int = 1000, seed: int = 0
) -> Floats:
    """``(resamples,)``: the mean AUC of each draw of as many images as there are.

    A label of which a draw has one class only is left out of that draw's mean, which is NaN where
    no label is left.

    Raises:
        ValueError: as :func:`~sedn.metrics.auc`.
    """
    images = len(np.asarray(targets))
    rng = np.random.default_rng(seed)
    held = max(1, HELD // max(images, 1))
    means = [np.empty(0)]
    for first in range(0, resamples, held):
        weights = np.stack([_draw(rng, images) for _ in range(first, min(first + held, resamples))])
        means.append(_weighted_means(targets, scores, weights))
    return np.concatenate(means)


def _draw(rng: np.random.Generator, images: int) -> Weights:
    """``(images,)``: how often each image is drawn."""
    drawn = rng.integers(0, images, images) if images else np.empty(0, dtype=np.int64)
    return np.bincount(drawn, minlength=images).astype(np.uint16)


def _weighted_means(targets: ArrayLike, scores: ArrayLike, weights: Weights) -> Floats:
    """``(draws,)``: the mean AUC with each of the ``weights`` (draws, images)."""

    def sums(rankings: Iterator[Ranking]) -> tuple[Floats, Floats]:
        """In each draw, the sum of the AUC of the labels that are defined, and their number."""
        total, defined = np.zeros(len(weights)), np.zeros(len(weights))
        for ranking in rankings:
            areas = _weighted_areas(ranking, weights)
            total += np.nan_to_num(areas)
            defined += ~np.isnan(areas)
        return total, defined

    blocks = map_labels(targets, scores, sums)
    with np.errstate(invalid="ignore"):
        return np.asarray(sum(t for t, _ in blocks) / sum(d for _, d in blocks))


def _weighted_areas(ranking: Ranking, weights: Weights) -> Floats:
    """``(draws,)``: the AUC of a label with each of the ``weights`` (draws, images)."""
    positive = ranking.images.take(ranking.positives)
    negative = np.delete(ranking.images, ranking.positives)
    # Negatives below each positive, and those not above it.
    first = ranking.first - np.searchsorted(ranking.positives, ranking.first)
    last = ranking.last - np.searchsorted(ranking.positives, ranking.last)
    areas = np.empty(len(weights))
    step = max(1, AT_ONCE // max(weights.shape[1], 1))
    for begin in range(0, len(weights), step):
        some = weights[begin : begin + step]
        upto = np.zeros((len(some), len(negative) + 1), dtype=np.int32)
        np.cumsum(some.take(negative, axis=1), axis=1, dtype=np.int32, out=upto[:, 1:])
        of_positive = some.take(positive, axis=1).astype(np.float64)
        won = (of_positive * (upto.take(first, axis=1) + upto.take(last, axis=1))).sum(axis=1)
        with np.errstate(invalid="ignore"):
            areas[begin : begin + step] = won / (2 * of_positive.sum(axis=1) * upto[:, -1])
    return areas
