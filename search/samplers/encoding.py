"""Points of a space as vectors: what a model of past trials sees of a configuration."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution

from search.samplers.distributions import all_axes
from sedn.arrays import Floats
from spaces import Space

_Encode = Callable[[Any], list[float]]


class Encoding:
    """Vectors of the points of a space, each feature from 0 to 1.

    A choice has a feature for each option, a number one feature, on a logarithmic scale where the
    axis has one. An axis with conditions has a further feature that says whether the axis is
    active; where it is not, a choice is 0 throughout, and a number is in the middle.
    """

    def __init__(self, space: Space) -> None:
        self._axes: dict[str, _Encode] = {}
        self._absent: dict[str, list[float]] = {}
        for path, axis in all_axes(space).items():
            if isinstance(axis, CategoricalDistribution):
                self._axes[path] = _encode_options(axis)
                self._absent[path] = [0.0] * len(axis.choices)
            else:
                self._axes[path], self._absent[path] = _scale(axis), [0.5]
        self._conditional = {axis.path for axis in space.axes if axis.when}

    def encode(self, points: Sequence[Mapping[str, Any]]) -> Floats:
        """Vectors of points, ``(points, features)``.

        Args:
            points: values of the active axes by dotted path.
        """
        return np.array([self._encode(point) for point in points], dtype=float).reshape(
            len(points), -1
        )

    def _encode(self, point: Mapping[str, Any]) -> list[float]:
        vector: list[float] = []
        for path, encode in self._axes.items():
            is_there = path in point
            if path in self._conditional:
                vector.append(float(is_there))
            vector += encode(point[path]) if is_there else self._absent[path]
        return vector


def _encode_options(axis: CategoricalDistribution) -> _Encode:
    return lambda value: [float(value == option) for option in axis.choices]


def _scale(axis: BaseDistribution) -> _Encode:
    low, high, log = (getattr(axis, name) for name in ("low", "high", "log"))
    to_line: Callable[[float], float] = math.log if log else float
    return lambda value: [(to_line(value) - to_line(low)) / (to_line(high) - to_line(low))]
