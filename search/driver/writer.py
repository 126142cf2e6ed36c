"""The one writer of an experiment: every event goes to the store first and to the study second.

Every write may be repeated. So after a crash the study can only be behind the store.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import optuna
from optuna.samplers import BaseSampler
from sqlalchemy.exc import SQLAlchemyError

from results.database.connection.outage import (
    StoreUnavailable,
    is_refusal,
    reason_of,
    survive_outage,
)
from results.database.models import Epoch, Trial, TrialState
from results.database.store import Store
from results.database.writing.trials import NewTrial
from results.goals.objectives import Goals
from search.driver.events import CallListener
from search.driver.study_writer import StudyWriter
from search.lock import Hold
from sedn.training.checkpoints.predictions import PREDICTIONS
from sedn.training.result import EpochResult

T = TypeVar("T")


class Writer:
    """Writes an experiment's trials, and waits for a database that has gone away."""

    def __init__(
        self,
        store: Store,
        experiment_id: int,
        study: optuna.Study,
        samplers: Callable[[int], BaseSampler],
        goals: Goals,
        *,
        patience_seconds: float,
        on_wait: Callable[[str], None],
        hold: Hold,
    ) -> None:
        self._store = store
        self._experiment_id = experiment_id
        self._goals = goals
        self.patience_seconds = patience_seconds
        self._on_wait = on_wait
        self._hold = hold
        self.call_listeners: list[CallListener] = []
        """Told of each call of the database."""
        self.study = StudyWriter(study, samplers, self.call)

    def check_store(self) -> None:
        """Check that the database file is still in place, as :meth:`Store.check_in_place` does,
        and that no other process drives the experiment.
        """
        self._store.check_in_place()
        # A database that is away is noticed by the next write, which waits for it.
        with suppress(SQLAlchemyError):
            self._hold(False)

    def trial(self, number: int) -> Trial | None:
        """The row of a trial."""
        return self.call(self._store.trial, self._experiment_id, number)

    def trials(self) -> dict[int, Trial]:
        """The rows of all trials, by number."""
        return {t.number: t for t in self.call(self._store.trials, self._experiment_id)}

    def epochs(self) -> dict[int, list[Epoch]]:
        """The epochs of all trials, in order, by number."""
        return self.call(self._store.epochs, self._experiment_id)

    def add_trial(self, row: NewTrial) -> None:
        """Add the row of a trial that starts."""
        self.call(self._store.add_trial, row)

    def record_epoch(self, number: int, result: EpochResult, node: str | None) -> None:
        """Write an epoch of a trial; its values by label are kept when the trial ends."""
        self.call(self._store.record_epoch, self._experiment_id, number, result, node=node)
        self.study.report(number, result.epoch, result.mean_auc)

    def end(
        self,
        number: int,
        state: TrialState,
        last: EpochResult | None,
        *,
        folder: str | None = None,
        cause: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Write the end of a trial, what it reached by its last epoch, and the scores that this
        left in the trial's ``folder``.
        """
        key = (self._experiment_id, number, state)
        labels = None if last is None else _label_aucs(last)
        kept = None if last is None else last.predictions
        predictions = (f"{folder}/{PREDICTIONS}", kept) if folder and kept else None
        self.call(
            self._store.finish_trial, *key, reason, labels, cause=cause, predictions=predictions
        )
        self.tell(number, state, None if last is None else last.mean_auc)

    def answer(self, number: int, original: int) -> Trial:
        """End a trial as the one of the same configuration that has ended; the row of the first."""
        row = self.call(self._store.answer_trial, self._experiment_id, number, by=original)
        for epoch in self.call(self._store.epochs_of, self._experiment_id, original):
            self.study.report(number, epoch.epoch, epoch.mean_auc)
        self.tell(number, row.state, row.mean_auc)
        return row

    def reopen(self, number: int) -> None:
        """Let a trial that was PRUNED run again."""
        # The study first: a store that is behind it is what the next start sets right.
        self.study.reopen(number)
        self.call(self._store.reopen_trial, self._experiment_id, number)

    def tell(self, number: int, state: TrialState, mean_auc: float | None) -> None:
        """Tell the study the end of a trial that the store has."""
        if self._goals.are_plain or state is TrialState.FAILED:
            is_complete = state is TrialState.COMPLETE
            values = [mean_auc] if is_complete and mean_auc is not None else None
            self.study.tell(number, state, values)
            return
        measured = self.call(self._store.measured, self._experiment_id, number)
        self.study.tell(number, state, self._goals.values(measured), self._goals.excesses(measured))

    def satisfies(self, number: int, state: TrialState) -> bool:
        """Whether a complete trial satisfies the constraints, by what the store has of it."""
        if state is not TrialState.COMPLETE or not self._goals.constraints:
            return True
        return self._goals.are_met(self.call(self._store.measured, self._experiment_id, number))

    def call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call the database, and wait for it to come back when it has gone away.

        Raises:
            UserError: the database did not come back, or is another one now, or another process
                has taken the experiment over.
        """
        began = time.perf_counter()
        is_again = False

        def wait(line: str) -> None:
            self._tell(None)
            self._on_wait(line)

        def call() -> T:
            nonlocal is_again
            self._store.check_in_place()
            # The outage may have taken the lock, and another driver it since.
            self._hold(is_again)
            is_again = True
            return function(*args, **kwargs)

        try:
            result = survive_outage(
                call, self._store.shown, patience_seconds=self.patience_seconds, on_wait=wait
            )
        except Exception as error:
            if not is_refusal(error):
                raise
            raise StoreUnavailable(
                f"{self._store.shown}: the database cannot be used any more: {reason_of(error)}"
            ) from error
        self._tell(time.perf_counter() - began)
        return result

    def _tell(self, seconds: float | None) -> None:
        for listener in self.call_listeners:
            listener(seconds)


def _label_aucs(last: EpochResult) -> Mapping[str, tuple[float | None, float | None]]:
    return {
        label: (value, last.label_auc_stderr.get(label)) for label, value in last.label_auc.items()
    }
