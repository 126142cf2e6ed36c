"""Optuna's samplers, told the space's axes instead of guessing them from past trials.

Optuna takes for the axes those that all past trials have in common. The baseline of a space that
has no plain backbone is no point of it and has no parameters, so nothing would be in common. What
is known beforehand also costs nothing to find out, and is the same after a restart.
"""

from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import (
    BaseSampler,
    BruteForceSampler,
    CmaEsSampler,
    GPSampler,
    NSGAIIISampler,
    NSGAIISampler,
)
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from search.optuna_private import NumberedQmc, StudyView

Axes = dict[str, BaseDistribution]


class _Told(BaseSampler):
    """Models the axes that it was told."""

    axes: Axes

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> Axes:
        """The axes that are drawn together."""
        return dict(self.axes)


class FittedGp(_Told, GPSampler):
    """Gaussian process over the trials that are points of the space."""

    def __init__(self, axes: Axes, **options: Any) -> None:
        super().__init__(warn_independent_sampling=False, **options)
        self.axes = axes

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: Axes
    ) -> dict[str, Any]:
        """Values of the axes in ``search_space``."""
        # The trial itself has values already where a crash has cut off its draw.
        points: Any = _points(study, but=trial.number)
        return super().sample_relative(points, trial, search_space)


class FittedCmaEs(_Told, CmaEsSampler):
    """CMA-ES; its state is kept by Optuna in the attributes of each generation's first trial."""

    def __init__(self, axes: Axes, **options: Any) -> None:
        super().__init__(warn_independent_sampling=False, **options)
        self.axes = axes

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Any) -> None:
        """Nothing: Optuna would warn, at each trial, that constraints are not used."""


class FittedNsga2(_Told, NSGAIISampler):
    """NSGA-II; generations and parents are kept by Optuna in the study's attributes."""

    def __init__(self, axes: Axes, **options: Any) -> None:
        super().__init__(**options)
        self.axes = axes


class FittedNsga3(_Told, NSGAIIISampler):
    """NSGA-III, likewise."""

    def __init__(self, axes: Axes, **options: Any) -> None:
        super().__init__(**options)
        self.axes = axes


class FittedQmc(_Told, NumberedQmc):
    """QMC over all axes; an axis that is not active leaves its coordinate unused."""

    def __init__(self, axes: Axes, number: int, **options: Any) -> None:
        super().__init__(number, warn_independent_sampling=False, **options)
        self.axes = axes


class FittedBruteForce(BruteForceSampler):
    """Brute force over the trials that are points of the space."""

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        """A value below which there are points that no trial has tried."""
        points: Any = _points(study)
        return super().sample_independent(points, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Any) -> None:
        """Nothing: Optuna would stop the study, and the driver knows when all is tried."""


def _points(study: Study, but: int | None = None) -> StudyView:
    """The study without the ended trials that have no parameters, and without trial ``but``."""

    def trials() -> list[FrozenTrial]:
        return [
            trial
            for trial in study.get_trials(deepcopy=False)
            if trial.number != but and (trial.params or not trial.state.is_finished())
        ]

    return StudyView(study, trials)
