"""Ending trials: each end is written and counted, and ends the trials of the same configuration."""

from collections.abc import Callable

from results.database.models import TrialState
from search.driver.account import Account
from search.driver.assignment import Assignment
from search.driver.duplicates import Duplicates
from search.driver.writer import Writer
from search.study import SAMPLED
from sedn.training.result import EpochResult


class Endings:
    """Writes the ends of trials, and keeps the account and the duplicates level with the store."""

    def __init__(
        self,
        writer: Writer,
        account: Account,
        duplicates: Duplicates,
        on_end: Callable[[int, TrialState, str | None, float | None], None],
    ) -> None:
        """Write the ends by ``writer``, and call ``on_end`` with the number, state, cause and mean
        AUC of each trial that has ended.
        """
        self._writer = writer
        self._on_end = on_end
        self._account = account
        self._duplicates = duplicates

    def end(
        self,
        assignment: Assignment,
        state: TrialState,
        last: EpochResult | None,
        cause: str | None,
        reason: str | None,
    ) -> None:
        """End a trial that was handed out, with what the trial reached by its last epoch."""
        number, folder = assignment.number, assignment.folder
        self._writer.end(number, state, last, folder=folder, cause=cause, reason=reason)
        scores = () if last is None else (last.mean_auc, last.mean_auc_stderr)
        self._account.add_end(
            *(number, assignment.role, state, *scores),
            satisfies=self._writer.satisfies(number, state),
            seed=assignment.config.seed,
        )
        self._account.add_trained(number, state, reason)
        self._on_end(number, state, cause, None if last is None else last.mean_auc)

    def prune(self, number: int, *, cause: str | None = None, reason: str | None = None) -> None:
        """End a trial that no worker has, with what the trial reached before, if anything."""
        self._writer.end(number, TrialState.PRUNED, None, cause=cause, reason=reason)
        self._account.add_end(number, SAMPLED, TrialState.PRUNED)
        self._on_end(number, TrialState.PRUNED, cause, None)

    def answer_waiting(self, number: int) -> None:
        """End the trials that waited for the end of a trial of the same configuration."""
        for waiting in self._duplicates.end(number):
            self._answer(waiting, number)

    def follow(self, number: int, original: int) -> None:
        """End a trial as another of the same configuration, now or when the other has ended."""
        if self._duplicates.has_ended(original):
            self._answer(number, original)
        else:
            self._duplicates.wait(original, number)

    def reopen(self, number: int) -> None:
        """Let a trial that was PRUNED run again; those that ended as it did wait for its end."""
        for answered in self._duplicates.reopen(number):
            self._reopen(answered)
            self._duplicates.wait(number, answered)
        self._reopen(number)

    def _reopen(self, number: int) -> None:
        self._account.take_back_pruned()
        self._writer.reopen(number)

    def _answer(self, number: int, original: int) -> None:
        """End a trial as the trial of the same configuration that has ended."""
        row = self._writer.answer(number, original)
        self._duplicates.answered(original, number)
        scores = (row.mean_auc, row.mean_auc_stderr)
        self._account.add_end(
            *(number, row.role, row.state, *scores),
            satisfies=self._writer.satisfies(number, row.state),
            seed=row.seed,
        )
        self._on_end(number, row.state, row.cause, row.mean_auc)
