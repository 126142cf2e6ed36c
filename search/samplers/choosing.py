"""Which sampler a search asks for: checked before the first trial, made anew for each."""

import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import (
    BaseSampler,
    CmaEsSampler,
    PartialFixedSampler,
    RandomSampler,
    TPESampler,
)

from search.samplers.custom import make_custom
from search.samplers.distributions import all_axes, always_active
from search.samplers.options import parse_options
from search.samplers.recent import RecentTpe
from search.settings import SearchSettings
from search.study import baseline_point, queued_points
from sedn.errors import UserError
from sedn.extras import check_extra
from spaces import Space

MakeSampler = Callable[[int], BaseSampler]
"""The sampler that draws the trial of a number."""

EXHAUSTIVE = ("grid", "brute-force")
LARGEST_GRID = 1_000_000


def check_sampler(settings: SearchSettings, space: Space) -> str | None:
    """See before the first trial that the sampler can draw from the space.

    Returns:
        A line on what it does not model, or ``None``.

    Raises:
        UserError: there is no such sampler, it lacks a package, an option is none of it, or the
            space is none for it.
    """
    name = settings.sampler
    if ":" not in name:
        parse_options(name, settings.sampler_options)
    if name == "cmaes":
        check_extra("`sampler='cmaes'`", "cmaes")
    if name in EXHAUSTIVE:
        _check_finite(name, space)
    made = make_samplers(settings, space)(1)
    lines = [_unmodelled(name, space), _check_goals(settings, made)]
    return "; ".join(line for line in lines if line) or None


def _check_goals(settings: SearchSettings, sampler: BaseSampler) -> str | None:
    """Refuse several objectives where they cannot be had; a line where constraints cannot."""
    if not isinstance(sampler, CmaEsSampler):
        return None
    if len(settings.objective) > 1:
        raise UserError(
            f"`sampler`: '{settings.sampler}' optimises one objective, not "
            f"{len(settings.objective)}; take 'tpe', 'gp', 'nsga2' or 'nsga3'"
        )
    if settings.where:
        return f"sampler '{settings.sampler}' knows no constraints; the ranking does"
    return None


def exhausted_after(settings: SearchSettings, space: Space) -> int | None:
    """Trials after which an exhaustive sampler has tried all points; ``None`` for the others."""
    points = space.points() if settings.sampler in EXHAUSTIVE else None
    return None if points is None else points + (not baseline_point(space))


def make_samplers(settings: SearchSettings, space: Space) -> MakeSampler:
    """A function that makes the sampler of each trial.

    A sampler's random state comes from the search's seed and the trial's number alone, and what it
    knows of past trials from the study. So a resumed search draws what an uninterrupted one would
    have drawn from the same history.

    Raises:
        UserError: there is no such sampler, or an option is none of it.
    """
    make = _custom(settings) if ":" in settings.sampler else _named(settings, space)

    def quietly(number: int) -> BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            try:
                return make(number)
            except ValueError as error:
                said = " ".join(str(error).replace("`", "").split())
                raise UserError(
                    f"`sampler_options`: sampler '{settings.sampler}': {said}"
                ) from None

    return quietly


def _custom(settings: SearchSettings) -> MakeSampler:
    name, options = settings.sampler, settings.sampler_options
    return lambda number: make_custom(name, options, _seed(settings, number))


def _named(settings: SearchSettings, space: Space) -> MakeSampler:
    options = parse_options(settings.sampler, settings.sampler_options).model_dump()
    if "n_startup_trials" in options and options["n_startup_trials"] is None:
        options["n_startup_trials"] = min(10, max(4, settings.trials // 4))
    return _MAKERS[settings.sampler](settings, space, options)


def _seed(settings: SearchSettings, number: int) -> int:
    return int(np.random.SeedSequence([settings.seed, number]).generate_state(1)[0])


def _tpe(settings: SearchSettings, space: Space, options: dict[str, Any]) -> MakeSampler:
    history = options.pop("history")
    if history is None:
        return lambda number: TPESampler(seed=_seed(settings, number), **options)
    return lambda number: RecentTpe(history, seed=_seed(settings, number), **options)


def _random(settings: SearchSettings, space: Space, options: dict[str, Any]) -> MakeSampler:
    return lambda number: RandomSampler(seed=_seed(settings, number), **options)


def _gp(settings: SearchSettings, space: Space, options: dict[str, Any]) -> MakeSampler:
    from search.samplers.fitted import FittedGp

    return _beside_tpe(FittedGp, always_active(space), settings, options)


def _cmaes(settings: SearchSettings, space: Space, options: dict[str, Any]) -> MakeSampler:
    from search.samplers.fitted import FittedCmaEs

    return _beside_tpe(FittedCmaEs, _numbers(space), settings, options)


def _beside_tpe(
    kind: Callable[..., BaseSampler],
    axes: dict[str, BaseDistribution],
    settings: SearchSettings,
    options: dict[str, Any],
) -> MakeSampler:
    """A sampler that models ``axes``; TPE draws the others one by one."""
    return lambda number: kind(
        axes,
        seed=_seed(settings, number),
        independent_sampler=TPESampler(seed=_seed(settings, number)),
        **options,
    )


def _qmc(settings: SearchSettings, space: Space, options: dict[str, Any]) -> MakeSampler:
    from search.samplers.fitted import FittedQmc

    axes = all_axes(space)
    # One seed for all: the points of one sequence are even, those of several are not.
    return lambda number: FittedQmc(axes, number, seed=_seed(settings, 0), **options)


def _brute_force(settings: SearchSettings, space: Space, options: dict[str, Any]) -> MakeSampler:
    from search.samplers.fitted import FittedBruteForce

    return lambda number: FittedBruteForce(seed=_seed(settings, number), **options)


def _nsga(
    which: int, settings: SearchSettings, space: Space, options: dict[str, Any]
) -> MakeSampler:
    from search.samplers.fitted import FittedNsga2, FittedNsga3

    kind = FittedNsga2 if which == 2 else FittedNsga3
    axes = always_active(space)
    return lambda number: kind(axes, seed=_seed(settings, number), **options)


def _grid(settings: SearchSettings, space: Space, options: dict[str, Any]) -> MakeSampler:
    """All points in a random order that the search's seed fixes, but those that come first."""
    values = {axis.path: axis.values() or () for axis in space.axes}
    sizes = [len(one) for one in values.values()]
    order = np.random.default_rng(settings.seed).permutation(math.prod(sizes))
    queued = queued_points(space)
    for point in filter(None, queued):
        places = [list(one).index(point[path]) for path, one in values.items()]
        order = order[order != np.ravel_multi_index(places, sizes)]

    def make(number: int) -> BaseSampler:
        if number < len(queued) or not len(order):
            return RandomSampler(seed=_seed(settings, number))
        places = np.unravel_index(order[(number - len(queued)) % len(order)], sizes)
        point = {path: one[i] for (path, one), i in zip(values.items(), places, strict=True)}
        return PartialFixedSampler(point, RandomSampler(seed=_seed(settings, number)))

    return make


_MAKERS: dict[str, Callable[[SearchSettings, Space, dict[str, Any]], MakeSampler]] = {
    "tpe": _tpe,
    "gp": _gp,
    "cmaes": _cmaes,
    "qmc": _qmc,
    "random": _random,
    "grid": _grid,
    "brute-force": _brute_force,
    "nsga2": partial(_nsga, 2),
    "nsga3": partial(_nsga, 3),
}


def _numbers(space: Space) -> dict[str, Any]:
    axes = always_active(space)
    return {p: one for p, one in axes.items() if not isinstance(one, CategoricalDistribution)}


def _check_finite(name: str, space: Space) -> None:
    """Refuse a space that cannot be tried point by point."""
    for axis in space.axes:
        if axis.values() is None:
            raise UserError(
                f"`sampler`: '{name}' tries every point, and axis '{axis.path}' of space "
                f"'{space.name}' has no end of values; give it a step, or take another sampler"
            )
        if axis.when and name == "grid":
            raise UserError(
                f"`sampler`: 'grid' takes no axis with a condition, such as '{axis.path}' of space "
                f"'{space.name}'; 'brute-force' does"
            )
    points = space.points() or 0
    if name == "grid" and points > LARGEST_GRID:
        raise UserError(
            f"`sampler`: 'grid' takes up to {LARGEST_GRID:,} points, and space '{space.name}' has "
            f"{points:,}; 'qmc' fills it evenly with as many as there is time for"
        )


def _unmodelled(name: str, space: Space) -> str | None:
    """A line on the axes that the sampler does not model together with the others."""
    if name in ("gp", "nsga2", "nsga3"):
        modelled, instead = always_active(space), "at random" if name != "gp" else "by TPE"
        what = "axes that are always active"
    elif name == "cmaes":
        modelled, instead, what = _numbers(space), "by TPE", "numbers that are always active"
    else:
        return None
    if not modelled:
        raise UserError(
            f"`sampler`: '{name}' models {what}, and space '{space.name}' has none; take 'tpe'"
        )
    others = [path for path in all_axes(space) if path not in modelled]
    if not others:
        return None
    return f"sampler '{name}' models {what}; {', '.join(others)} it draws one by one, {instead}"
