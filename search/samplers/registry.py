"""The samplers by name. The command line shows the names, so each is imported when asked for."""

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from search.settings import AUTO
from sedn.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from search.samplers.sampler import Sampler, SamplerOptions

SAMPLERS = {
    "tpe": "search.samplers.tpe:TPE",
    "gp": "search.samplers.gp:GP",
    "cmaes": "search.samplers.cmaes:CMAES",
    "qmc": "search.samplers.qmc:QMC",
    "random": "search.samplers.random_points:RANDOM",
    "grid": "search.samplers.grid:GRID",
    "brute-force": "search.samplers.brute_force:BRUTE_FORCE",
    "nsga2": "search.samplers.nsga:NSGA2",
    "nsga3": "search.samplers.nsga:NSGA3",
    "curve-gp": "search.samplers.curve_gp:CURVE_GP",
}
"""The place of each sampler: ``module:NAME``, a :class:`~search.samplers.sampler.Sampler`."""


def find_sampler(name: str) -> "Sampler":
    """The sampler of a name.

    Raises:
        UserError: there is none.
    """
    if name not in SAMPLERS:
        names = (AUTO, *SAMPLERS)
        hint = did_you_mean(name, names) or f"; there is {', '.join(names)}, or module:Class"
        raise UserError(f"`sampler`: no sampler '{name}'{hint}")
    sampler: Sampler = resolve_name(SAMPLERS[name])
    return sampler


def parse_options(name: str, options: Mapping[str, Any]) -> "SamplerOptions":
    """The options of the sampler called ``name``.

    Raises:
        UserError: there is no such sampler, or it has no such option, or the option no such value.
    """
    kind = find_sampler(name).options
    for option in options:
        refuse_unknown(name, option, kind.model_fields)
    try:
        return kind(**options)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        expected = first["msg"].removeprefix("Input should be ")
        raise UserError(
            f"`sampler_options`: {first['loc'][0]} of sampler '{name}' must be {expected}, "
            f"not {first['input']!r}"
        ) from None


def refuse_unknown(sampler: str, option: str, known: Mapping[str, Any]) -> None:
    """Refuse an option that ``sampler`` does not have.

    Raises:
        UserError: the sampler has no such option; the message names the nearest, or all.
    """
    if option in known:
        return
    listed = f"; it has {', '.join(known)}" if known else "; it has none"
    hint = did_you_mean(option, known) or listed
    raise UserError(f"`sampler_options`: sampler '{sampler}' has no option '{option}'{hint}")
