"""TPE over the newest trials and the best of all, so that the ten-thousandth draw costs little."""

import copy
from itertools import islice
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from search.optuna_private import StudyView

ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
BEST = 25
"""The most trials that TPE counts as good under one objective."""


class RecentTpe(TPESampler):
    """TPE whose cost does not grow with the search.

    Optuna's TPE reads all trials for each draw, takes at most 25 of these for good ones, and weighs
    the others the less the older they are; so this TPE leaves out old trials that are not among
    the best. A sampler is made for one draw: what the sampler knows is read once.

    A trial that runs, or waits at a rung, counts by what its curve has reached, as a pruned one
    does. Optuna's TPE knows nothing of such a trial until its end; where a scheduler lets trials
    wait most of them never end before the search does, and the draws would stay random.
    """

    def __init__(self, history: int, **options: Any) -> None:
        super().__init__(**options)
        self._history = history
        self._seen: Any = None

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """The axes of the trials that are seen, in groups that are active at once."""
        return super().infer_relative_search_space(self._see(study), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Values of the axes in ``search_space``."""
        return super().sample_relative(self._see(study), trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        """Sample the value of one axis."""
        study = self._see(study)
        return super().sample_independent(study, trial, param_name, param_distribution)

    def _see(self, study: Study) -> Any:
        if self._seen is None:
            seen = _seen(study, self._history)
            self._seen = StudyView(study, lambda: seen)
        return self._seen


def _seen(study: Study, history: int) -> list[FrozenTrial]:
    """The newest trials that have a result, the best of the others, and what runs, in order."""
    ended, running = [], []
    for trial in study.get_trials(deepcopy=False):
        if trial.state in ENDED:
            ended.append(trial)
        elif trial.state is TrialState.RUNNING:
            if trial.intermediate_values:
                ended.append(_as_pruned(trial))
            else:
                running.append(trial)
    seen = [*_best(ended[:-history], study.directions), *ended[-history:], *running]
    return sorted(seen, key=lambda trial: trial.number)


def _as_pruned(trial: FrozenTrial) -> FrozenTrial:
    """The trial as if it ended now."""
    pruned = copy.copy(trial)
    pruned.state = TrialState.PRUNED
    return pruned


def _best(trials: list[FrozenTrial], directions: list[StudyDirection]) -> list[FrozenTrial]:
    """The complete trials that are best for an objective, and violate no constraint."""
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    best: dict[int, FrozenTrial] = {}
    for place, direction in enumerate(directions):
        complete.sort(key=lambda t: t.values[place], reverse=direction is StudyDirection.MAXIMIZE)
        best.update((t.number, t) for t in islice(filter(_is_feasible, complete), BEST))
    return list(best.values())


def _is_feasible(trial: FrozenTrial) -> bool:
    return all(violation <= 0 for violation in trial.constraints.values())
