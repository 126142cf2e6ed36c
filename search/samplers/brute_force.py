"""Every point of a finite space, with conditions, in an order that comes from the past trials."""

from typing import Any

from optuna.samplers import BruteForceSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from search.samplers.fixed_axes import points_of
from search.samplers.grid import why_not_finite
from search.samplers.sampler import MakeSampler, Sampler, SamplerOptions, seed_of
from search.settings import SearchSettings
from spaces import Space


class BruteForceOptions(SamplerOptions):
    """Options of brute force."""

    avoid_premature_stop: bool = False


class FittedBruteForce(BruteForceSampler):
    """Brute force that counts only trials that are points of the space."""

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        """A value below which there are points that no trial has tried."""
        points: Any = points_of(study)
        return super().sample_independent(points, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Any) -> None:
        """Nothing: Optuna would stop the study, and the driver knows when all is tried."""


def _make(settings: SearchSettings, space: Space, options: dict[str, Any]) -> MakeSampler:
    return lambda number: FittedBruteForce(seed=seed_of(settings, number), **options)


BRUTE_FORCE = Sampler(_make, BruteForceOptions, check=why_not_finite, tries_all_points=True)
