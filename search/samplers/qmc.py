"""Quasi-Monte Carlo: points that fill the space evenly (Bergstra and Bengio 2012)."""

from typing import Any, Literal

from search.optuna_private import NumberedQmc
from search.samplers.distributions import Axes, all_axes
from search.samplers.fixed_axes import FixedAxes
from search.samplers.sampler import MakeSampler, Sampler, SamplerOptions, seed_of
from search.settings import SearchSettings
from spaces import Space


class QmcOptions(SamplerOptions):
    """Options of QMC."""

    qmc_type: Literal["sobol", "halton"] = "sobol"
    scramble: bool = True


class FittedQmc(FixedAxes, NumberedQmc):
    """QMC over all axes; an axis that is not active leaves its coordinate unused."""

    def __init__(self, axes: Axes, number: int, **options: Any) -> None:
        super().__init__(number, warn_independent_sampling=False, **options)
        self.axes = axes


def _make(settings: SearchSettings, space: Space, options: dict[str, Any]) -> MakeSampler:
    axes = all_axes(space)
    # One seed for all: the points of one sequence are even, those of several are not.
    return lambda number: FittedQmc(axes, number, seed=seed_of(settings, 0), **options)


QMC = Sampler(_make, QmcOptions)
