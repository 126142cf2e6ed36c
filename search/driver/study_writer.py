"""What a search reads from Optuna's study, and writes to it.

COMPLETE only for a trial that was trained to its last epoch, PRUNED with its intermediate values
for one that was stopped, FAIL for one that broke. Steps are epochs completed.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study._constrained_optimization import _CONSTRAINTS_KEY
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from results.models import TrialState
from search.rebuilding import GPUS, OPTUNA_STATES
from search.samplers.drawing import draw
from search.study import reopen_trial
from sedn.errors import UserError
from spaces import Space

T = TypeVar("T")

LOSSES = "lost_workers"
"""The attribute, in the study, that says how often a trial's worker was lost."""
NEUTRAL = RandomSampler(seed=0)
"""Stands in the study between a trial's draw and its end: it does nothing there."""


class StudyLost(UserError):
    """The study was deleted or renamed while the search ran."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the Optuna study '{name}' was deleted or renamed while the search ran; the store has "
            f"all trials, and the same command makes the study again from it and goes on"
        )


class Call(Protocol):
    """Calls the database, and waits for it to come back when it has gone away."""

    def __call__(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """What the function returns."""
        ...


class StudyWriter:
    """What a driver asks of a study and tells it; every write may be repeated."""

    def __init__(
        self, study: optuna.Study, samplers: Callable[[int], BaseSampler], call: Call
    ) -> None:
        self._study = study
        self._study.sampler = NEUTRAL
        self._samplers = samplers
        self._survive = call
        self._trials = 0
        """That the study is known to have."""

    def trials(self) -> list[FrozenTrial]:
        """All trials as they stand."""
        found = self._call(self._study.get_trials, deepcopy=False)
        self._trials = len(found)
        return found

    def ask(self, known: Container[int]) -> optuna.Trial:
        """A new trial; after an outage the one that was made unseen, as it is not ``known``."""
        asked_before = False

        def ask() -> optuna.Trial:
            nonlocal asked_before
            if asked_before:
                for frozen in self._study.get_trials(deepcopy=False, states=(OptunaState.RUNNING,)):
                    if frozen.number not in known:
                        return optuna.Trial(self._study, frozen._trial_id)
            asked_before = True
            return self._study.ask()

        trial = self._call(ask)
        self._trials = max(self._trials, trial.number + 1)
        return trial

    def trial(self, optuna_id: int) -> optuna.Trial:
        """The trial with this id in Optuna's tables."""
        return self._call(optuna.Trial, self._study, optuna_id)

    def draw(self, space: Space, trial: optuna.Trial) -> dict[str, Any]:
        """The trial's parameters, by its sampler."""
        return self._call(lambda: draw(space, trial, self._samplers(trial.number)))

    def set_gpus(self, trial: optuna.Trial, gpus: float) -> None:
        """Keep with the trial what it has of the GPUs."""
        if gpus:
            self._call(trial.set_user_attr, GPUS, gpus)

    def set_losses(self, optuna_id: int, losses: int) -> None:
        """Keep with the trial how often its worker was lost."""
        self._write(
            optuna_id,
            lambda: self._study._storage.set_trial_user_attr(optuna_id, LOSSES, losses),
        )

    def report(self, optuna_id: int, epoch: int, mean_auc: float) -> None:
        """Tell an epoch; told again, the later value stands, as in the store.

        ``optuna.Trial.report`` would keep the earlier one, which no checkpoint holds any more.
        """
        self._write(
            optuna_id,
            lambda: self._study._storage.set_trial_intermediate_value(optuna_id, epoch, mean_auc),
        )

    def report_missing(self, trial: FrozenTrial, curve: Mapping[int, float]) -> None:
        """Tell those epochs, mean AUC by epoch, which the trial lacks or has otherwise."""
        for epoch, mean_auc in curve.items():
            if trial.intermediate_values.get(epoch) != mean_auc:
                self.report(trial._trial_id, epoch, mean_auc)

    def tell(
        self,
        number: int,
        state: TrialState,
        values: Sequence[float] | None,
        excesses: Sequence[float] = (),
    ) -> None:
        """Tell the end of a trial, also where it was ended otherwise by hand, in the dashboard say.

        Args:
            number: of the trial.
            state: what became of it.
            values: one for each objective. A trial that was stopped has the end of its curve where
                none are given; one that broke has none.
            excesses: for each constraint by how much it is violated; not for one that broke.
        """
        told = OPTUNA_STATES[state]
        if self._is_otherwise(self._call(self._frozen, number), told, values):
            self.reopen(number)
        self._study.sampler = self._samplers(number)
        if excesses and told is not OptunaState.FAIL:
            self._call(self._constrain, number, excesses)
        if told is OptunaState.PRUNED and values is not None:
            self._call(self._prune, number, values)
        else:
            told_values = values if told is OptunaState.COMPLETE else None
            self._call(self._study.tell, number, told_values, state=told, skip_if_finished=True)
        self._study.sampler = NEUTRAL

    def _constrain(self, number: int, excesses: Sequence[float]) -> None:
        """Keep with a trial by how much it violates the constraints."""
        if frozen := self._unfinished(number):
            # As a list, which Optuna reads and its dashboard knows; not under names of their own.
            self._study._storage.set_trial_system_attr(
                frozen._trial_id, _CONSTRAINTS_KEY, list(excesses)
            )

    def _prune(self, number: int, values: Sequence[float]) -> None:
        """Tell what a trial reached; ``Study.tell`` would take the end of its curve for that."""
        if frozen := self._unfinished(number):
            self._study._thread_local.cached_all_trials = None
            self._study.sampler.after_trial(self._study, frozen, OptunaState.PRUNED, values)
            self._study._storage.set_trial_state_values(
                frozen._trial_id, OptunaState.PRUNED, values
            )

    def _unfinished(self, number: int) -> FrozenTrial | None:
        """The trial, if the study does not know yet that it has ended."""
        frozen = self._frozen(number)
        return None if frozen.state.is_finished() else frozen

    def _frozen(self, number: int) -> FrozenTrial:
        storage, study_id = self._study._storage, self._study._study_id
        return storage.get_trial(storage.get_trial_id_from_study_id_trial_number(study_id, number))

    @staticmethod
    def _is_otherwise(
        frozen: FrozenTrial, told: OptunaState, values: Sequence[float] | None
    ) -> bool:
        """Whether a trial has ended in the study, and not as it is to be told."""
        if not frozen.state.is_finished():
            return False
        is_complete = told is OptunaState.COMPLETE
        return frozen.state is not told or (is_complete and frozen.values != list(values or ()))

    def reopen(self, number: int) -> int:
        """Make a trial that was PRUNED a running one again; its id in Optuna's tables."""
        return self._call(reopen_trial, self._study, number)

    def _write(self, optuna_id: int, write: Callable[[], None]) -> None:
        """Write about a trial that runs, also where it was ended by hand."""
        try:
            self._call(write)
        except UpdateFinishedTrialError:
            number = self._study._storage.get_trial_number_from_id
            self.reopen(self._call(number, optuna_id))
            self._call(write)

    def _call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call the study, and wait for the database to come back when it has gone away.

        Raises:
            StudyLost: the study is not there any more.
        """
        try:
            return self._survive(function, *args, **kwargs)
        except (UserError, UpdateFinishedTrialError):
            raise
        except Exception as error:
            if self._survive(self._is_lost):
                raise StudyLost(self._study.study_name) from error
            raise

    def _is_lost(self) -> bool:
        """Whether the study was deleted, even if another one has its name and its id now."""
        # What is remembered of a study outlives it.
        backend = self._study._storage._backend  # type: ignore[attr-defined]
        try:
            if backend.get_study_id_from_name(self._study.study_name) != self._study._study_id:
                return True
            return bool(backend.get_n_trials(self._study._study_id) < self._trials)
        except KeyError:
            return True
