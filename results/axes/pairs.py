"""Configurations that differ in one axis alone, held against each other.

They need no model. A random search over numbers has none; a grid, a space of few choices and the
points that a space names first have some.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from results.axes.axis import Axis
from results.axes.model import Contrast
from sedn.arrays import Floats
from sedn.metrics.student import student_quantile

LEAST_PAIRS = 3
"""Fewer pairs have no interval."""
UPPER = 0.975


@dataclass(frozen=True)
class Paired:
    """Differences within pairs, in the order of the contrasts ``C``, for ``L`` outcomes."""

    pairs: NDArray[np.int64]
    """``(C,)``: sets of configurations that are alike but for the axis."""
    effect: Floats
    """``(C, L)``: the mean difference; NaN without a pair."""
    half_width: Floats
    """``(C, L)``: of the 95 % interval of this one effect; NaN with fewer than
    :data:`LEAST_PAIRS`."""


def pair_up(
    axes: Sequence[Axis],
    codes: NDArray[np.int64],
    contrasts: Sequence[Contrast],
    aucs: Floats,
) -> Paired:
    """Hold each value against the one of its contrast, or against all other values of its axis.

    Axes that have no effect beside the one value or beside the other, such as the fusion where the
    placement is ``none``, may differ within a pair: the pair shows what the value brings with all
    that comes with it.

    Args:
        axes: over the same configurations.
        codes: ``(configurations, axes)``: which value each has, equal for equal values, -1 where
            the axis has no effect.
        contrasts: of the axes.
        aucs: ``(configurations, L)``.
    """
    differences = [_differences(axes[one.axis], codes, one, aucs) for one in contrasts]
    nothing = np.full(aucs.shape[1], np.nan)
    widths = [_half_width(one) if len(one) >= LEAST_PAIRS else nothing for one in differences]
    return Paired(
        pairs=np.array([len(one) for one in differences], dtype=np.int64),
        effect=np.array([one.mean(axis=0) if len(one) else nothing for one in differences]),
        half_width=np.array(widths),
    )


def _differences(axis: Axis, codes: NDArray[np.int64], contrast: Contrast, aucs: Floats) -> Floats:
    """``(pairs, L)``."""
    if axis.is_scale:
        return np.empty((0, aucs.shape[1]))
    with_value = axis.weights[:, contrast.point] == 1
    others = axis.active.astype(bool) & ~with_value
    if contrast.against is not None:
        others = axis.weights[:, contrast.against] == 1
    if not with_value.any() or not others.any():
        return np.empty((0, aucs.shape[1]))
    alike = (codes[with_value] >= 0).any(axis=0) & (codes[others] >= 0).any(axis=0)
    alike[contrast.axis] = False
    keys = _keys(codes[:, alike])
    return _means(keys, with_value, aucs, others) - _means(keys, others, aucs, with_value)


def _keys(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """``(configurations,)``: one number for all that have the same codes."""
    keys = np.zeros(len(codes), dtype=np.int64)
    for column in codes.T:
        joined = keys * (column.max(initial=0) + 2) + column + 1
        keys = np.unique(joined, return_inverse=True)[1].astype(np.int64)
    return keys


def _means(
    keys: NDArray[np.int64], rows: NDArray[np.bool_], aucs: Floats, other: NDArray[np.bool_]
) -> Floats:
    """``(keys, L)``: means over ``rows`` by key, of the keys that ``other`` has too, in order."""
    chosen = np.flatnonzero(rows & np.isin(keys, keys[other]))
    chosen = chosen[np.argsort(keys[chosen], kind="stable")]
    if not len(chosen):
        return np.empty((0, aucs.shape[1]))
    starts = np.flatnonzero(np.diff(keys[chosen], prepend=-1))
    counts = np.diff(starts, append=len(chosen))
    return np.asarray(np.add.reduceat(aucs[chosen], starts, axis=0) / counts[:, None])


def _half_width(differences: Floats) -> Floats:
    count = len(differences)
    spread = differences.std(axis=0, ddof=1) / np.sqrt(count)
    return np.asarray(student_quantile(count - 1, UPPER) * spread)
