"""Gaussian process with log expected improvement (Ament et al., arXiv 2310.20708)."""

from typing import Any

from optuna.samplers import GPSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial
from pydantic import Field

from search.samplers.distributions import Axes, always_active
from search.samplers.fixed_axes import FixedAxes, points_of
from search.samplers.sampler import MakeSampler, Sampler, SamplerOptions, seed_of, startup_trials
from search.settings import SearchSettings
from spaces import Space


class GpOptions(SamplerOptions):
    """Options of the Gaussian process."""

    n_startup_trials: int | None = Field(None, ge=0)
    """Complete trials before the first that is modelled; ``None``: as for TPE."""
    deterministic_objective: bool = False


class FittedGp(FixedAxes, GPSampler):
    """Gaussian process over the trials that are points of the space."""

    def __init__(self, axes: Axes, **options: Any) -> None:
        super().__init__(warn_independent_sampling=False, **options)
        self.axes = axes

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: Axes
    ) -> dict[str, Any]:
        """Values of the axes in ``search_space``."""
        # The trial itself has values already where a crash has cut off its draw.
        points: Any = points_of(study, but=trial.number)
        return super().sample_relative(points, trial, search_space)


def _make(settings: SearchSettings, space: Space, options: dict[str, Any]) -> MakeSampler:
    startup = startup_trials(settings, options.pop("n_startup_trials"))
    axes = always_active(space)

    def make(number: int) -> FittedGp:
        seed = seed_of(settings, number)
        others = TPESampler(seed=seed)
        return FittedGp(
            axes, seed=seed, independent_sampler=others, n_startup_trials=startup, **options
        )

    return make


GP = Sampler(
    _make,
    GpOptions,
    models=always_active,
    modelled="axes that are always active",
    others="by TPE",
)
