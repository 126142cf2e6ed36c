"""What a search reads from Optuna's study, and writes to it.

COMPLETE only for a trial that was trained to its last epoch, PRUNED with its intermediate values
for one that was stopped, FAIL for one that broke. Steps are epochs completed.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from results.database.models import TrialState
from search.node_use import KEY, ClusterUse
from search.optuna_private import StudyTables
from search.rebuilding import GPUS, OPTUNA_STATES
from search.samplers.drawing import draw
from sedn.errors import UserError
from spaces import Space

T = TypeVar("T")

LOSSES = "lost_workers"
"""The attribute, in the study, that says how often a trial's worker was lost."""
PLACEHOLDER = RandomSampler(seed=0)
"""The study's sampler between a trial's draw and its end, which draws nothing."""


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
        self._tables = StudyTables(study)
        self._study.sampler = PLACEHOLDER
        self._samplers = samplers
        self._survive = call
        self._trials = 0
        """That the study is known to have."""

    def trials(self) -> list[FrozenTrial]:
        """All trials as they stand."""
        trials = self._call(self._study.get_trials, deepcopy=False)
        self._trials = len(trials)
        return trials

    def ask(self, known: Container[int]) -> optuna.Trial:
        """A new trial; after an outage the one that was made unseen, as it is not ``known``."""
        asked_before = False

        def ask() -> optuna.Trial:
            nonlocal asked_before
            if asked_before:
                for frozen in self._study.get_trials(deepcopy=False, states=(OptunaState.RUNNING,)):
                    if frozen.number not in known:
                        return self._tables.trial(frozen.number)
            asked_before = True
            return self._study.ask()

        trial = self._call(ask)
        self._trials = max(self._trials, trial.number + 1)
        return trial

    def trial(self, number: int) -> optuna.Trial:
        """A trial that the study has."""
        return self._call(self._tables.trial, number)

    def draw(self, space: Space, trial: optuna.Trial) -> dict[str, Any]:
        """The trial's parameters, by its sampler."""
        return self._call(lambda: draw(space, trial, self._samplers(trial.number)))

    def note_nodes(self, use: ClusterUse) -> None:
        """Keep with the study what the nodes of the cluster are busy with. Any thread may call
        this; a database that is away is not waited for.
        """
        self._tables.set_attribute(KEY, use.to_json())

    def set_gpus(self, trial: optuna.Trial, gpus: float) -> None:
        """Keep with the trial what it has of the GPUs."""
        if gpus:
            self._call(trial.set_user_attr, GPUS, gpus)

    def set_losses(self, number: int, losses: int) -> None:
        """Keep with the trial how often its worker was lost."""
        self._write(number, lambda: self._tables.trial(number).set_user_attr(LOSSES, losses))

    def report(self, number: int, epoch: int, mean_auc: float) -> None:
        """Report an epoch to the study; a later report of the same epoch replaces it, as in the
        store.

        No checkpoint holds what the earlier value was measured on.
        """
        self._write(number, lambda: self._tables.report(number, epoch, mean_auc))

    def report_missing(self, trial: FrozenTrial, curve: Mapping[int, float]) -> None:
        """Tell those epochs, mean AUC by epoch, which the trial lacks or has otherwise."""
        for epoch, mean_auc in curve.items():
            if trial.intermediate_values.get(epoch) != mean_auc:
                self.report(trial.number, epoch, mean_auc)

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
        expected = OPTUNA_STATES[state]
        if self._is_otherwise(self._call(self._tables.frozen, number), expected, values):
            self.reopen(number)
        self._study.sampler = self._samplers(number)
        if excesses and expected is not OptunaState.FAIL:
            self._call(self._constrain, number, excesses)
        if expected is OptunaState.PRUNED and values is not None:
            self._call(self._prune, number, values)
        else:
            expected_values = values if expected is OptunaState.COMPLETE else None
            self._call(
                self._study.tell, number, expected_values, state=expected, skip_if_finished=True
            )
        self._study.sampler = PLACEHOLDER

    def _constrain(self, number: int, excesses: Sequence[float]) -> None:
        """Keep with a trial by how much it violates the constraints."""
        if not self._has_ended(number):
            self._tables.constrain(number, excesses)

    def _prune(self, number: int, values: Sequence[float]) -> None:
        """Tell what a trial reached; ``Study.tell`` would take the end of its curve for that."""
        if not self._has_ended(number):
            self._tables.prune(number, values)

    def _has_ended(self, number: int) -> bool:
        """Whether the study knows that a trial has ended."""
        return self._tables.frozen(number).state.is_finished()

    @staticmethod
    def _is_otherwise(
        frozen: FrozenTrial, expected: OptunaState, values: Sequence[float] | None
    ) -> bool:
        """Whether a trial has ended in the study in another way than in the store."""
        if not frozen.state.is_finished():
            return False
        is_complete = expected is OptunaState.COMPLETE
        return frozen.state is not expected or (is_complete and frozen.values != list(values or ()))

    def reopen(self, number: int) -> None:
        """Make a trial that has ended a running one again."""
        self._call(self._tables.reopen, number)

    def _write(self, number: int, write: Callable[[], None]) -> None:
        """Write about a trial that runs, also where it was ended by hand."""
        try:
            self._call(write)
        except UpdateFinishedTrialError:
            self.reopen(number)
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
        count = self._tables.count()
        return count is None or count < self._trials
