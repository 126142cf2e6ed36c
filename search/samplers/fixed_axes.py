"""Optuna's samplers over the axes of a space, instead of axes guessed from past trials.

Optuna takes for the axes those that all past trials have in common. The baseline of a space that
has no plain backbone is no point of the space and has no parameters, so nothing would be in common.
Axes that are known beforehand also cost nothing to find out, and are the same after a restart.
"""

from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from search.optuna_private import StudyView
from search.samplers.distributions import Axes


class FixedAxes(BaseSampler):
    """The base of samplers that model a fixed set of axes."""

    axes: Axes

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> Axes:
        """The axes that are sampled jointly."""
        return dict(self.axes)


def points_of(study: Study, but: int | None = None) -> StudyView:
    """The study without the ended trials that have no parameters, and without trial ``but``."""

    def trials() -> list[FrozenTrial]:
        return [
            trial
            for trial in study.get_trials(deepcopy=False)
            if trial.number != but and (trial.params or not trial.state.is_finished())
        ]

    return StudyView(study, trials)
