"""Choice of the sampler of a search: checked before the first trial, made anew for each."""

import warnings

from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, CmaEsSampler

from search.samplers.automatic import choose_sampler
from search.samplers.curve_gp import CurveGp
from search.samplers.custom import make_custom
from search.samplers.distributions import all_axes
from search.samplers.registry import find_sampler, parse_options
from search.samplers.sampler import MakeSampler, Sampler, seed_of
from search.settings import SearchSettings
from search.study import baseline_point
from sedn.errors import UserError
from sedn.extras import check_extra
from spaces import Space


def check_sampler(settings: SearchSettings, space: Space) -> str | None:
    """Check before the first trial that the sampler can draw from the space.

    Returns:
        A line on what the sampler does not model, or ``None``.

    Raises:
        UserError: there is no such sampler, a package or an option is missing, or the sampler does
            not take the space.
    """
    settings, _ = choose_sampler(settings)
    name = settings.sampler
    unmodelled = None
    if ":" not in name:
        parse_options(name, settings.sampler_options)
        sampler = find_sampler(name)
        if sampler.extra is not None:
            check_extra(f"`sampler='{name}'`", sampler.extra)
        if why_not := sampler.check(space):
            raise UserError(f"`sampler`: '{name}' {why_not}")
        unmodelled = _unmodelled(name, sampler, space)
    lines = [unmodelled, _check_goals(settings, make_samplers(settings, space)(1))]
    return "; ".join(line for line in lines if line) or None


def _unmodelled(name: str, sampler: Sampler, space: Space) -> str | None:
    """A line on the axes that the sampler does not model together with the others."""
    modelled = sampler.models(space)
    if not modelled and sampler.modelled:
        raise UserError(
            f"`sampler`: '{name}' models {sampler.modelled}, and space '{space.name}' has none; "
            f"take 'tpe'"
        )
    others = ", ".join(path for path in all_axes(space) if path not in modelled)
    if not others:
        return None
    return (
        f"sampler '{name}' models {sampler.modelled}; {others} it draws one by one, "
        f"{sampler.others}"
    )


def _check_goals(settings: SearchSettings, sampler: BaseSampler) -> str | None:
    """Refuse objectives where they cannot be had; a line where constraints cannot."""
    if isinstance(sampler, CurveGp) and settings.objective != ("auc",):
        raise UserError(
            f"`sampler`: '{settings.sampler}' models the curves of the mean AUC and optimises that "
            f"alone, not {', '.join(settings.objective)}; take 'tpe', 'gp', 'nsga2' or 'nsga3'"
        )
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
    settings, _ = choose_sampler(settings)
    if ":" in settings.sampler or not find_sampler(settings.sampler).tries_all_points:
        return None
    points = space.points()
    return None if points is None else points + (not baseline_point(space))


def make_samplers(settings: SearchSettings, space: Space) -> MakeSampler:
    """A function that makes the sampler of each trial.

    The random state of a sampler comes from the search's seed and the trial's number alone; what a
    sampler knows of past trials comes from the study. So a resumed search draws what an
    uninterrupted one would have drawn from the same history.

    Raises:
        UserError: there is no such sampler, or it has no such option.
    """
    settings, _ = choose_sampler(settings)
    make = _custom(settings) if ":" in settings.sampler else _named(settings, space)

    def quietly(number: int) -> BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            try:
                return make(number)
            except ValueError as error:
                reason = " ".join(str(error).replace("`", "").split())
                raise UserError(
                    f"`sampler_options`: sampler '{settings.sampler}': {reason}"
                ) from None

    return quietly


def _custom(settings: SearchSettings) -> MakeSampler:
    name, options = settings.sampler, settings.sampler_options
    return lambda number: make_custom(name, options, seed_of(settings, number))


def _named(settings: SearchSettings, space: Space) -> MakeSampler:
    options = parse_options(settings.sampler, settings.sampler_options).model_dump()
    return find_sampler(settings.sampler).make(settings, space, options)
