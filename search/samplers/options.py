"""The samplers by name, and the options that each takes: Optuna's, under Optuna's names."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sedn.errors import UserError, did_you_mean


class SamplerOptions(BaseModel):
    """Options of a sampler; this one takes none."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class TpeOptions(SamplerOptions):
    """Tree-structured Parzen estimator (Bergstra et al. 2011)."""

    n_startup_trials: int | None = Field(None, ge=0)
    """Trials drawn at random first; ``None``: a quarter of all, four to ten."""
    n_ei_candidates: int = Field(24, ge=1)
    multivariate: bool = True
    """Model axes together, and"""
    group: bool = True
    """within groups that are active at once."""
    constant_liar: bool = True
    """Count running trials as bad ones, so that parallel trials spread."""
    history: int | None = Field(250, ge=1)
    """Ended trials that a draw looks at: the newest, and the 25 best of those before them, so that
    its cost does not grow; ``None``: all."""


class GpOptions(SamplerOptions):
    """Gaussian process with log expected improvement (Ament et al., arXiv 2310.20708)."""

    n_startup_trials: int | None = Field(None, ge=0)
    """Complete trials before the first that is modelled; ``None``: as for TPE."""
    deterministic_objective: bool = False


class CmaEsOptions(SamplerOptions):
    """Covariance matrix adaptation (Hansen, arXiv 1604.00772)."""

    n_startup_trials: int = Field(1, ge=0)
    popsize: int | None = Field(None, ge=2)
    """Trials of a generation; ``None``: ``4 + 3 ln(axes)``."""
    consider_pruned_trials: bool = False
    use_separable_cma: bool = False
    with_margin: bool = False
    lr_adapt: bool = False


class QmcOptions(SamplerOptions):
    """Quasi-Monte Carlo: points that fill the space evenly (Bergstra and Bengio 2012)."""

    qmc_type: Literal["sobol", "halton"] = "sobol"
    scramble: bool = True


class BruteForceOptions(SamplerOptions):
    """Every point of the space, once."""

    avoid_premature_stop: bool = False


class NsgaOptions(SamplerOptions):
    """Genetic search, NSGA-II (Deb et al. 2002)."""

    population_size: int = Field(20, ge=2)
    mutation_prob: float | None = Field(None, ge=0, le=1)
    crossover_prob: float = Field(0.9, ge=0, le=1)
    swapping_prob: float = Field(0.5, ge=0, le=1)


class Nsga3Options(NsgaOptions):
    """NSGA-III (Deb and Jain 2014)."""

    dividing_parameter: int = Field(3, ge=1)


SAMPLERS: dict[str, type[SamplerOptions]] = {
    "tpe": TpeOptions,
    "gp": GpOptions,
    "cmaes": CmaEsOptions,
    "qmc": QmcOptions,
    "random": SamplerOptions,
    "grid": SamplerOptions,
    "brute-force": BruteForceOptions,
    "nsga2": NsgaOptions,
    "nsga3": Nsga3Options,
}


def parse_options(name: str, options: Mapping[str, Any]) -> SamplerOptions:
    """The options of the sampler called ``name``.

    Raises:
        UserError: there is no such sampler, or an option or its value is none of it.
    """
    if name not in SAMPLERS:
        known = did_you_mean(name, SAMPLERS) or f"; there is {', '.join(SAMPLERS)}, or module:Class"
        raise UserError(f"`sampler`: no sampler '{name}'{known}")
    kind = SAMPLERS[name]
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
    """Refuse an option that ``sampler`` has not.

    Raises:
        UserError: it has not; the message names the nearest, or all.
    """
    if option in known:
        return
    listed = f"; it has {', '.join(known)}" if known else "; it has none"
    hint = did_you_mean(option, known) or listed
    raise UserError(f"`sampler_options`: sampler '{sampler}' has no option '{option}'{hint}")
