"""Every point of a finite space without conditions, in a random order that the seed fixes."""

import math
from typing import Any

import numpy as np
from optuna.samplers import BaseSampler, PartialFixedSampler, RandomSampler

from search.samplers.sampler import MakeSampler, Sampler, seed_of
from search.settings import SearchSettings
from search.study import queued_points
from spaces import Space

LARGEST_GRID = 1_000_000


def why_not_finite(space: Space) -> str | None:
    """Why a space cannot be tried point by point; ``None`` where it can."""
    for axis in space.axes:
        if axis.values() is None:
            return (
                f"tries every point, and axis '{axis.path}' of space '{space.name}' has no end of "
                f"values; give it a step, or take another sampler"
            )
    return None


def _why_not(space: Space) -> str | None:
    for axis in space.axes:
        if axis.when:
            return (
                f"takes no axis with a condition, such as '{axis.path}' of space '{space.name}'; "
                f"'brute-force' does"
            )
    if why_not := why_not_finite(space):
        return why_not
    points = space.points() or 0
    if points > LARGEST_GRID:
        return (
            f"takes up to {LARGEST_GRID:,} points, and space '{space.name}' has {points:,}; 'qmc' "
            f"fills it evenly with as many as there is time for"
        )
    return None


def _make(settings: SearchSettings, space: Space, options: dict[str, Any]) -> MakeSampler:
    """A function that gives each trial a point of its own, without the points that the search tries
    first.
    """
    values = {axis.path: axis.values() or () for axis in space.axes}
    sizes = [len(one) for one in values.values()]
    order = np.random.default_rng(settings.seed).permutation(math.prod(sizes))
    queued = queued_points(space)
    for point in filter(None, queued):
        places = [list(one).index(point[path]) for path, one in values.items()]
        order = order[order != np.ravel_multi_index(places, sizes)]

    def make(number: int) -> BaseSampler:
        if number < len(queued) or not len(order):
            return RandomSampler(seed=seed_of(settings, number))
        places = np.unravel_index(order[(number - len(queued)) % len(order)], sizes)
        point = {path: one[i] for (path, one), i in zip(values.items(), places, strict=True)}
        return PartialFixedSampler(point, RandomSampler(seed=seed_of(settings, number)))

    return make


GRID = Sampler(_make, check=_why_not, tries_all_points=True, has_own_order=True)
