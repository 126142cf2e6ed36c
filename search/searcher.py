"""The bridge between Tune and the ledger: what Tune asks for and what it reports."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray import cloudpickle
from ray.exceptions import RayActorError, WorkerCrashedError
from ray.tune import Callback, Stopper
from ray.tune.search import Searcher

from search.ledger import Ledger
from search.progress import Snapshot
from search.waiting import StorageWait
from sedn.errors import TimeExceeded, TrainingError, UserError
from sedn.training.storage import StorageFault

MAX_LOSSES = 3
"""A trial whose worker is lost this often is taken for the cause of it, and fails."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class LedgerSearcher(Searcher):  # type: ignore[misc]
    """Suggests the ledger's trials to Tune and ends them in it.

    Nothing of it is saved: the database holds all that a resume needs.
    """

    def __init__(
        self,
        ledger: Ledger,
        on_notice: Callable[[str], None] = lambda line: None,
        why: Callable[[int], str | None] = lambda number: None,
    ) -> None:
        super().__init__(metric="mean_auc", mode="max")
        self._ledger = ledger
        self._why = why
        """Why a trial, by its number, was stopped; ``None``: by the scheduler."""
        self.storage = StorageWait(on_notice)
        self._numbers: dict[str, int] = {}
        self.broken_off_by: UserError | None = None
        """Why nothing more is written: the database stayed away, or is not what it was."""

    def number_of(self, trial_id: str) -> int:
        """The number, in the experiment, of Tune's trial."""
        return self._numbers[trial_id]

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The next trial's configuration for Tune.

        ``None`` while a running trial may yet come back to be restarted, or checkpoints cannot be
        written; FINISHED after that.
        """
        if self.broken_off_by is not None:
            return str(Searcher.FINISHED)
        try:
            if not self.storage.is_over():
                self._ledger.check_store()
                return str(Searcher.FINISHED) if self._ledger.out_of_budget else None
            assignment = self._ledger.next()
        except UserError as error:
            self.broken_off_by = error
            return str(Searcher.FINISHED)
        if assignment is None:
            return None if self._ledger.live else str(Searcher.FINISHED)
        self._numbers[trial_id] = assignment.number
        return {"assignment": assignment}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """End the trial in the ledger; one with an error is ended by :class:`LedgerCallback`."""
        if error or self.broken_off_by is not None:
            return
        try:
            number = self._numbers[trial_id]
            self._ledger.finish(number, self._why(number))
        except UserError as broken:
            # Tune takes what is raised here for a fault of the trial, so it is raised later.
            self.broken_off_by = broken

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""


class LedgerCallback(Callback):  # type: ignore[misc]
    """Records each epoch, the one that ends a trial too, and each error with its traceback."""

    def __init__(self, ledger: Ledger, searcher: LedgerSearcher) -> None:
        self._ledger = ledger
        self._searcher = searcher

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Write the epoch to the database before Tune acts on it."""
        number = self._searcher.number_of(trial.trial_id)
        # The object itself must not linger in Tune's memory of last results.
        reached = result.pop("result")
        if self._searcher.broken_off_by is not None:
            return
        try:
            self._searcher.storage.stored()
            self._ledger.record_epoch(number, reached, result.get("node"))
        except UserError as error:
            # What is raised here ends in a traceback of Tune's; the stopper ends the search.
            self._searcher.broken_off_by = error

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Fail the trial, or queue it again when its worker or its checkpoint was the cause."""
        if self._searcher.broken_off_by is not None:
            return
        try:
            self._end(trial)
        except UserError as error:
            self._searcher.broken_off_by = error

    def _end(self, trial: Any) -> None:
        number = self._searcher.number_of(trial.trial_id)
        error = _error_of(trial)
        lost = isinstance(error, (RayActorError, WorkerCrashedError))
        if lost and self._ledger.count_loss(number) < MAX_LOSSES:
            self._ledger.give_back(number)
            return
        raised = getattr(error, "cause", None) or error
        if isinstance(raised, StorageFault):
            self._ledger.give_back(number)
            self._searcher.storage.begin(raised)
            return
        if isinstance(raised, TimeExceeded):
            self._ledger.stop(number, raised.kind, str(raised))
            return
        cause = raised.kind if isinstance(raised, TrainingError) else TrainingError.kind
        self._ledger.fail(number, _reason(trial, error), "worker-lost" if lost else cause)


class SearchStopper(Stopper):  # type: ignore[misc]
    """Stops the search when a budget is used up, or the database cannot be written any more."""

    def __init__(self, ledger: Ledger, searcher: LedgerSearcher) -> None:
        self._ledger = ledger
        self._searcher = searcher

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """No trial is stopped on its own."""
        return False

    def stop_all(self) -> bool:
        """Whether the database is given up, or a budget is used up."""
        try:
            self._ledger.check_store()
        except UserError as error:
            self._searcher.broken_off_by = error
        return self._searcher.broken_off_by is not None or self._ledger.out_of_budget

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles its stoppers to restore them; a resume here goes by the database alone.
        return {}


def _error_of(trial: Any) -> BaseException | None:
    """The error that Tune has just written down; ``None`` if it cannot be read back."""
    # Not by Tune's own get_pickled_error: that reads a copy which is made later, or never.
    try:
        error = cloudpickle.loads(Path(trial.pickled_error_file).read_bytes())
    except Exception:
        return None
    return error if isinstance(error, BaseException) else None


def _reason(trial: Any, error: BaseException | None) -> str:
    """The error of a trial: its own message in the first line, the traceback below."""
    file = Path(trial.error_file or "")
    traceback = _COLOUR.sub("", file.read_text()) if file.is_file() else ""
    shown = getattr(error, "cause", None) or error
    if shown is not None:
        first = f"{type(shown).__name__}: {shown}".splitlines()[0]
    else:
        first = (traceback.splitlines() or ["unknown error"])[-1]
    return f"{first}\n{traceback}"


class WatchCallback(Callback):  # type: ignore[misc]
    """Shows a watcher where the search stands, about twice a second."""

    def __init__(self, ledger: Ledger, watch: Callable[[Snapshot], None]) -> None:
        self._ledger = ledger
        self._watch = watch
        self._next = 0.0

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Called by Tune after each turn of its loop."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + 0.5
            self._watch(self._ledger.snapshot())
