"""The recorded configuration that is nearest to one that was not trained."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import CategoricalDistribution

from search.samplers.distributions import distribution_of
from search.simulation.curves import RecordedCurves
from sedn.arrays import Floats
from spaces import Axis


class Nearest:
    """Finds the nearest recorded configuration by Gower's distance (Biometrics 27, 1971).

    The distance is the mean over the axes: of a number, the difference over the range of the
    recorded ones, on the scale of the axis; of a choice, 0 where both are the same, else 1.
    """

    def __init__(self, recorded: RecordedCurves) -> None:
        """Prepare the recorded values of each axis."""
        self._keys = list(recorded.curves)
        values = [recorded.curves[key][0].values for key in self._keys]
        self._columns = [
            _Column(axis, [one[axis.path] for one in values]) for axis in recorded.space.axes
        ]

    def key(self, values: Mapping[str, Any]) -> str:
        """The key of the recorded configuration that is nearest to ``values``."""
        total = np.sum([column.distances(values[column.path]) for column in self._columns], axis=0)
        return self._keys[int(np.argmin(total))]


class _Column:
    """The recorded values of an axis."""

    def __init__(self, axis: Axis, values: Sequence[Any]) -> None:
        self.path = axis.path
        self._values = values
        distribution = distribution_of(axis)
        self._is_log = getattr(distribution, "log", False)
        self._numbers: Floats | None = None
        if not isinstance(distribution, CategoricalDistribution):
            self._numbers = np.array([self._scaled(value) for value in values])
            self._range = float(np.ptp(self._numbers)) or 1.0

    def distances(self, value: Any) -> Floats:
        """Distances of ``value`` to each recorded value, from 0 to 1 within their range."""
        if self._numbers is not None:
            return np.abs(self._numbers - self._scaled(value)) / self._range
        return np.array([float(other != value) for other in self._values])

    def _scaled(self, value: Any) -> float:
        return math.log(value) if self._is_log else float(value)
