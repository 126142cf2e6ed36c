"""Covariance matrix adaptation (Hansen, arXiv 1604.00772)."""

from typing import Any

from optuna.distributions import CategoricalDistribution
from optuna.samplers import CmaEsSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from pydantic import Field

from search.samplers.distributions import Axes, always_active
from search.samplers.fixed_axes import FixedAxes
from search.samplers.sampler import MakeSampler, Sampler, SamplerOptions, seed_of
from search.settings import SearchSettings
from spaces import Space


class CmaEsOptions(SamplerOptions):
    """Options of CMA-ES."""

    n_startup_trials: int = Field(1, ge=0)
    popsize: int | None = Field(None, ge=2)
    """Trials of a generation; ``None``: ``4 + 3 ln(axes)``."""
    consider_pruned_trials: bool = False
    use_separable_cma: bool = False
    with_margin: bool = False
    lr_adapt: bool = False


class FittedCmaEs(FixedAxes, CmaEsSampler):
    """CMA-ES; Optuna keeps its state in the attributes of each generation's first trial."""

    def __init__(self, axes: Axes, **options: Any) -> None:
        super().__init__(warn_independent_sampling=False, **options)
        self.axes = axes

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Any) -> None:
        """Nothing: Optuna would warn, at each trial, that constraints are not used."""


def _numbers(space: Space) -> Axes:
    axes = always_active(space)
    return {p: one for p, one in axes.items() if not isinstance(one, CategoricalDistribution)}


def _make(settings: SearchSettings, space: Space, options: dict[str, Any]) -> MakeSampler:
    axes = _numbers(space)

    def make(number: int) -> FittedCmaEs:
        seed = seed_of(settings, number)
        return FittedCmaEs(axes, seed=seed, independent_sampler=TPESampler(seed=seed), **options)

    return make


CMAES = Sampler(
    _make,
    CmaEsOptions,
    models=_numbers,
    modelled="numbers that are always active",
    others="by TPE",
    extra="cmaes",
)
