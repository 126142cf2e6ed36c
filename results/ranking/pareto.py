"""The front of several objectives: what nothing else beats in all of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def on_front(
    values: NDArray[np.float64], maximise: Sequence[bool], eligible: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which rows no other one dominates: none is at least as good in all, and better in one.

    Equal rows are on the front together.

    Args:
        values: ``(rows, objectives)``; a row with a NaN takes no part.
        maximise: ``(objectives,)``, whether more is better.
        eligible: ``(rows,)``, which rows take part.

    Returns:
        ``(rows,)``.
    """
    losses = np.where(maximise, -values, values)
    front = np.zeros(len(losses), dtype=bool)
    left = np.flatnonzero(eligible & ~np.isnan(losses).any(axis=1))
    left = left[np.lexsort(losses[left].T[::-1])]
    # What comes first in lexical order of the losses is dominated by nothing that comes later.
    while len(left):
        first, left = left[0], left[1:]
        front[first] = True
        is_worse = (losses[left] >= losses[first]).all(axis=1)
        is_equal = (losses[left] == losses[first]).all(axis=1)
        left = left[~is_worse | is_equal]
    return front
