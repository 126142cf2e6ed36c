"""Points of a space that a sampler may choose from: drawn at random, and near good ones."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from optuna.trial import FixedTrial

from spaces import Space

T = TypeVar("T")

ANYWHERE = 300
"""Candidates from the whole space."""
NEARBY = 40
"""Candidates near each good point."""
SPREAD = 0.15
"""Standard deviation of a number near another, as a share of the axis."""


def draw_candidates(
    space: Space,
    good: Sequence[Mapping[str, Any]],
    tried: Iterable[Mapping[str, Any]],
    rng: np.random.Generator,
) -> list[dict[str, Any]]:
    """Draw points that were not tried: from the whole space, and near good ones.

    A point near another keeps most of its values; its numbers move a little.

    Args:
        space: of the search.
        good: points to stay near, with the values of their active axes.
        tried: points that are not drawn again.
        rng: of the draw.

    Returns:
        Distinct points; none where the draws met only what was tried.
    """
    near: list[Mapping[str, Any]] = [{}] * ANYWHERE
    near += [point for point in good for _ in range(NEARBY)]
    drawn = {_key(point): point for point in (space.sample(_Near(one, rng)) for one in near)}
    # By the space, as a sampler may have drawn 0.30000000000000004 where 0.3 was trained.
    known = {_key(space.sample(FixedTrial(dict(point)))) for point in tried}
    return [point for key, point in drawn.items() if key not in known]


def _key(point: Mapping[str, Any]) -> str:
    return json.dumps(point, sort_keys=True)


class _Near:
    """A source of random values that stay near those of a point."""

    def __init__(self, point: Mapping[str, Any], rng: np.random.Generator) -> None:
        self._point = point
        self._rng = rng

    def suggest_categorical(self, name: str, choices: Sequence[T]) -> T:
        if name in self._point and self._rng.random() < 0.8:
            value: T = self._point[name]
            return value
        return choices[int(self._rng.integers(len(choices)))]

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        # Half a step beyond the bounds, so that these are as likely as what lies between.
        drawn = self._draw(name, low - 0.5 * step, high + 0.5 * step, log=log)
        return min(high, max(low, low + step * round((drawn - low) / step)))

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        if step is None:
            return min(high, max(low, self._draw(name, low, high, log=log)))
        drawn = self._draw(name, low - 0.5 * step, high + 0.5 * step, log=log)
        places = math.floor((high - low) / step + 1e-9)
        return low + step * min(places, max(0, round((drawn - low) / step)))

    def _draw(self, name: str, low: float, high: float, *, log: bool) -> float:
        first, last = (math.log(low), math.log(high)) if log else (low, high)
        if name not in self._point:
            place = float(self._rng.uniform(first, last))
        else:
            before = math.log(self._point[name]) if log else float(self._point[name])
            moves = self._rng.random() < 0.5
            place = before + moves * SPREAD * (last - first) * float(self._rng.normal())
        return math.exp(place) if log else place
