"""Genetic search: NSGA-II (Deb et al. 2002) and NSGA-III (Deb and Jain 2014)."""

from collections.abc import Callable
from functools import partial
from typing import Any

from optuna.samplers import BaseSampler, NSGAIIISampler, NSGAIISampler
from pydantic import Field

from search.samplers.distributions import Axes, always_active
from search.samplers.fixed_axes import FixedAxes
from search.samplers.sampler import MakeSampler, Sampler, SamplerOptions, seed_of
from search.settings import SearchSettings
from spaces import Space


class NsgaOptions(SamplerOptions):
    """Options of NSGA-II."""

    population_size: int = Field(20, ge=2)
    mutation_prob: float | None = Field(None, ge=0, le=1)
    crossover_prob: float = Field(0.9, ge=0, le=1)
    swapping_prob: float = Field(0.5, ge=0, le=1)


class Nsga3Options(NsgaOptions):
    """Options of NSGA-III."""

    dividing_parameter: int = Field(3, ge=1)


class FittedNsga2(FixedAxes, NSGAIISampler):
    """NSGA-II; Optuna keeps generations and parents in the study's attributes."""

    def __init__(self, axes: Axes, **options: Any) -> None:
        super().__init__(**options)
        self.axes = axes


class FittedNsga3(FixedAxes, NSGAIIISampler):
    """NSGA-III; Optuna keeps generations and parents in the study's attributes."""

    def __init__(self, axes: Axes, **options: Any) -> None:
        super().__init__(**options)
        self.axes = axes


def _make(
    kind: Callable[..., BaseSampler],
    settings: SearchSettings,
    space: Space,
    options: dict[str, Any],
) -> MakeSampler:
    axes = always_active(space)
    return lambda number: kind(axes, seed=seed_of(settings, number), **options)


NSGA2, NSGA3 = (
    Sampler(
        partial(_make, kind),
        options,
        models=always_active,
        modelled="axes that are always active",
        others="at random",
    )
    for kind, options in ((FittedNsga2, NsgaOptions), (FittedNsga3, Nsga3Options))
)
