"""Scores as ranks, which scores of different networks have in common."""

import numpy as np
from numpy.typing import ArrayLike

from sedn.arrays import Floats


def mid_ranks(scores: ArrayLike) -> Floats:
    """Count by label the images below each image, ``(images, labels)``, and half of those that tie
    with it, the image itself among them.

    These are halves of whole numbers, so that sums over networks are exact: what ties stays tied.
    Over the number of images they are the shares of the empirical distribution, all within 0 and 1.

    Args:
        scores: ``(images, labels)``.
    """
    values = np.asarray(scores)
    ranks = np.empty(values.shape, dtype=np.float64)
    for label in range(values.shape[1]):
        _, place, counts = np.unique(values[:, label], return_inverse=True, return_counts=True)
        ranks[:, label] = (np.cumsum(counts) - counts / 2)[place]
    return ranks
