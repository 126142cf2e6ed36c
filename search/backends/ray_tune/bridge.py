"""The bridge between Tune and the driver: what Tune asks for and what it reports."""

import re
import time
from collections.abc import Callable
from typing import Any

from ray.exceptions import RayActorError, WorkerCrashedError
from ray.tune import Callback, Stopper
from ray.tune.progress_reporter import TrialProgressCallback
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from search.backends.ray_tune.actor import NodeLeaves
from search.backends.ray_tune.private import (
    drop_ended_trials,
    error_of,
    pending_trials,
    traceback_of,
)
from search.driver import Driver
from search.failures import error_line
from search.progress import Watcher
from sedn.errors import UserError

ROOM_SECONDS = 5.0
"""Between two looks at the nodes of the cluster, which come and go."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class DriverSearcher(Searcher):  # type: ignore[misc]
    """Suggests the driver's trials to Tune.

    Nothing of the searcher is saved: the database holds all that a resume needs.
    """

    def __init__(self, driver: Driver) -> None:
        super().__init__(metric="mean_auc", mode="max")
        self._driver = driver
        self._numbers: dict[str, int] = {}
        """Of the trials that have not ended, by Tune's names."""
        self.broken_off_by: UserError | None = None
        """Why nothing more is written: the database stayed away, or is not what it was. Tune takes
        what is raised in it for a fault of a trial, so the error is raised when Tune has ended."""

    def forget(self, trial_id: str) -> int | None:
        """The number, in the experiment, of Tune's trial, which ends; ``None`` where the trial has
        ended before.
        """
        return self._numbers.pop(trial_id, None)

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The next trial's configuration for Tune; ``None`` where there may be one later, FINISHED
        where there is none any more.
        """
        assignment = self.attempt(self._driver.next)
        if assignment is None:
            may_come = self.broken_off_by is None and self._driver.waits
            return None if may_come else str(Searcher.FINISHED)
        self._numbers[trial_id] = assignment.number
        return {"assignment": assignment}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """End the trial; one with an error is ended by :class:`DriverCallback`."""
        if not error and (number := self.forget(trial_id)) is not None:
            self.attempt(self._driver.finish, number)

    def attempt(self, act: Callable[..., Any], *args: Any) -> Any:
        """Let the driver act; ``None`` where an error has broken the search off, or does so now."""
        if self.broken_off_by is not None:
            return None
        try:
            return act(*args)
        except UserError as error:
            self.broken_off_by = error
            return None

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""


class DriverScheduler(FIFOScheduler):  # type: ignore[misc]
    """Reports each epoch to the driver, the last one of a trial too, and does what it answers.

    Ray names trials anew at each start and saves no scheduler; the driver knows them by number.
    """

    def __init__(self, driver: Driver, searcher: DriverSearcher) -> None:
        super().__init__()
        self._driver = driver
        self._searcher = searcher

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """The pending trial of the lowest number that no worker is starting for; called by Tune in
        each turn of its loop.
        """
        drop_ended_trials(tune_controller)
        pending = pending_trials(tune_controller)
        return min(pending, key=lambda t: t.config["assignment"].number, default=None)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Whether the trial goes on; its epoch is in the database before Tune acts on it."""
        number, reached = trial.config["assignment"].number, result["result"]
        verdict = self._searcher.attempt(self._driver.report, number, reached, result.get("node"))
        # Without a verdict the search is broken off: no other epoch is to be trained, nor written.
        ends = verdict is None or verdict.ends_training
        return str(TrialScheduler.STOP if ends else TrialScheduler.CONTINUE)


class DriverCallback(Callback):  # type: ignore[misc]
    """Breaks trials off, each error with its traceback, shows a watcher where the search stands,
    about twice a second, and looks now and then for room on nodes that have come or gone.
    """

    def __init__(
        self,
        driver: Driver,
        searcher: DriverSearcher,
        watch: Watcher = lambda snapshot: None,
        look_for_room: Callable[[], None] = lambda: None,
    ) -> None:
        self._driver = driver
        self._searcher = searcher
        self._watch = watch
        self._look_for_room = look_for_room
        self._next = self._next_room = 0.0

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Drop the result itself, which must not linger in Tune's memory of last results."""
        result.pop("result", None)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """End the trial, or queue it again when its worker or its storage was the cause.

        A worker that ended with its node, as Ray reports it, is no sign against the trial.
        """
        number = self._searcher.forget(trial.trial_id)
        if number is None:
            return
        error = error_of(trial)
        text = _reason(trial, error)
        raised = getattr(error, "cause", None) or error
        if isinstance(raised, NodeLeaves) or getattr(error, "preempted", False):
            self._searcher.attempt(self._driver.give_back, number)
        elif isinstance(error, (RayActorError, WorkerCrashedError)):
            self._searcher.attempt(self._driver.lose_worker, number, text)
        else:
            self._searcher.attempt(self._driver.break_off, number, raised, text)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Called by Tune after each turn of its loop."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + 0.5
            self._watch(self._driver.snapshot())
        if now >= self._next_room:
            self._next_room = now + ROOM_SECONDS
            self._look_for_room()


class NoProgress(TrialProgressCallback):  # type: ignore[misc]
    """Stands in the place of Tune's own progress, which prints nothing here and keeps every trial
    with its last result.
    """

    def on_trial_result(self, *args: Any, **info: Any) -> None:
        """Keep nothing."""

    def on_trial_error(self, *args: Any, **info: Any) -> None:
        """Keep nothing."""

    def on_trial_complete(self, *args: Any, **info: Any) -> None:
        """Keep nothing."""


class SearchStopper(Stopper):  # type: ignore[misc]
    """Stops the search when a budget is used up, or the database cannot be written any more."""

    def __init__(self, driver: Driver, searcher: DriverSearcher) -> None:
        self._driver = driver
        self._searcher = searcher

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """No trial is stopped on its own."""
        return False

    def stop_all(self) -> bool:
        """Whether the database is given up, or a budget is used up."""
        self._searcher.attempt(self._driver.check_store)
        return self._searcher.broken_off_by is not None or self._driver.out_of_budget

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles its stoppers to restore them; a resume here goes by the database alone.
        return {}


def _reason(trial: Any, error: BaseException | None) -> str:
    """The error of a trial: its own message in the first line, the traceback below."""
    traceback = _COLOUR.sub("", traceback_of(trial))
    shown = getattr(error, "cause", None) or error
    if shown is not None:
        first = error_line(shown)
    else:
        first = (traceback.splitlines() or ["unknown error"])[-1]
    return f"{first}\n{traceback}"
