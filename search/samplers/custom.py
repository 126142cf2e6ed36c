"""A sampler of the user's own, named ``module:Class``."""

import inspect
from collections.abc import Mapping
from typing import Any

from optuna.samplers import BaseSampler, BruteForceSampler, GridSampler

from search.importing import find_named
from search.samplers.registry import refuse_unknown
from sedn.errors import UserError


def find_class(name: str) -> type[BaseSampler]:
    """The class at ``module:Class``; the working directory is looked in too.

    Raises:
        UserError: the class cannot be imported, or is no sampler of Optuna's kind.
    """
    kind = find_named("sampler", name)
    if not (isinstance(kind, type) and issubclass(kind, BaseSampler)):
        raise UserError(f"`sampler`: '{name}' must be a class derived from optuna's BaseSampler")
    if issubclass(kind, (GridSampler, BruteForceSampler)):
        raise UserError(f"`sampler`: '{name}' would stop the study; take 'grid' or 'brute-force'")
    return kind


def make_custom(name: str, options: Mapping[str, Any], seed: int) -> BaseSampler:
    """An object of the user's class, made with ``seed`` if the class takes one.

    Raises:
        UserError: the class takes no such option, or not the option's value.
    """
    kind = find_class(name)
    parameters = inspect.signature(kind).parameters
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for option in options:
        if not takes_all:
            refuse_unknown(name, option, parameters)
    seeded = {"seed": seed} if "seed" in parameters else {}
    try:
        return kind(**seeded | dict(options))
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"`sampler`: '{name}' cannot be made: {reason}") from None
