"""Average precision: the area under the precision-recall curve, by steps."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from sedn.arrays import Floats
from sedn.metrics.ranking import Ranking, map_labels


def average_precision(targets: ArrayLike, scores: ArrayLike) -> Floats:
    """``(labels,)``: the mean, over a label's positive images, of the precision at their score.

    The precision at a score is the share of positives among the images that score as much or
    more, so the images of a tie share one. NaN where a label has no positive image.

    Args:
        targets: ``(images, labels)``: 1, 0, or NaN where the truth is unknown; an unknown entry
            takes no part in its label.
        scores: ``(images, labels)``, of any floating type; only their order counts.

    Raises:
        ValueError: the shapes differ, a score is not finite, or a target is none of 0, 1, NaN.
    """

    def precisions(rankings: Iterator[Ranking]) -> list[float]:
        return [_average_precision(ranking) for ranking in rankings]

    blocks = map_labels(targets, scores, precisions)
    return np.array([label for block in blocks for label in block], dtype=np.float64)


def _average_precision(ranking: Ranking) -> float:
    if not len(ranking.positives):
        return float("nan")
    true = len(ranking.positives) - np.searchsorted(ranking.positives, ranking.first)
    return float((true / (len(ranking.images) - ranking.first)).mean())
