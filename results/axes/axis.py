"""The axes of a search as a model sees them: a few points each, between which numbers lie."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sedn.arrays import Floats
from sedn.style import LOG_RATIO

MOST_POINTS = 6
"""Numbers with more distinct values than this are a scale, with points on it."""
MANY = 60
"""So many configurations, and a scale gets five points; with fewer, three."""
FEW_POINTS, MANY_POINTS = (0.1, 0.5, 0.9), (0.05, 0.275, 0.5, 0.725, 0.95)
"""Where the points of a scale lie, as shares of the values that were tried."""
NOTHING = "none"
"""The name of a choice that leaves something out."""


@dataclass(frozen=True)
class Axis:
    """An axis over a number of configurations."""

    path: str
    points: tuple[Any, ...]
    """The values of a choice, or points on a scale, in order."""
    weights: Floats
    """``(configurations, points)``: 1 at the value of each configuration, shared between the two
    points that a number lies between; 0 where the axis has no effect on a configuration."""
    is_scale: bool

    @property
    def active(self) -> Floats:
        """``(configurations,)``: 1 where the axis has an effect, else 0."""
        return np.asarray(self.weights.sum(axis=1))

    @property
    def reference(self) -> int | None:
        """The point that the others are held against: ``none``, the first of two, or nothing."""
        if NOTHING in self.points:
            return self.points.index(NOTHING)
        return 0 if len(self.points) == 2 else None


def make_axis(path: str, values: Sequence[Any]) -> Axis | None:
    """The axis at ``path``; ``None`` where fewer than two values were tried.

    Args:
        path: of the field.
        values: one for each configuration, ``None`` where the field has no effect on it.
    """
    present = [value for value in values if value is not None]
    distinct = _in_order(present)
    if len(distinct) < 2:
        return None
    if all(map(_is_number, distinct)) and len(distinct) > MOST_POINTS:
        return _scale(path, values, present)
    position = {_key(value): i for i, value in enumerate(distinct)}
    weights = np.zeros((len(values), len(distinct)))
    for row, value in enumerate(values):
        if value is not None:
            weights[row, position[_key(value)]] = 1.0
    return Axis(path, tuple(distinct), weights, is_scale=False)


def _scale(path: str, values: Sequence[Any], present: Sequence[Any]) -> Axis:
    """Weights of straight lines between the points; level beyond the first and the last."""
    numbers = np.array(present, dtype=float)
    shares = MANY_POINTS if len(present) >= MANY else FEW_POINTS
    log = numbers.min() > 0 and numbers.max() > LOG_RATIO * numbers.min()
    of_kind = int if all(isinstance(value, int) for value in present) else float
    quantiles = np.quantile(numbers, shares, method="nearest")
    points = np.unique([of_kind(float(f"{point:.2g}")) for point in quantiles])
    if len(points) < 2:
        points = np.unique(numbers[[numbers.argmin(), numbers.argmax()]])
    line = np.log if log else np.asarray
    at = np.interp(line(numbers), line(points), np.arange(len(points)))
    rows = [row for row, value in enumerate(values) if value is not None]
    below = np.minimum(at.astype(int), len(points) - 2)
    weights = np.zeros((len(values), len(points)))
    weights[rows, below] = 1.0 - (at - below)
    weights[rows, below + 1] = at - below
    return Axis(path, tuple(of_kind(point) for point in points), weights, is_scale=True)


def _in_order(values: Iterable[Any]) -> list[Any]:
    """Distinct values: numbers by size, others by name, what leaves something out first."""
    distinct = list({_key(value): value for value in values}.values())
    if all(map(_is_number, distinct)):
        return sorted(distinct)
    return sorted(distinct, key=lambda value: (value != NOTHING, str(value)))


def _key(value: Any) -> tuple[bool, str]:
    """Equal for equal values; ``True`` is not 1, and 1.0 is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False, repr(value)
    return True, repr(float(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
