"""What happens to the trials of a search, told as it happens: for logs and for metrics."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from results.database.models import TrialState
from search.driver.assignment import Assignment, Live
from sedn.training.result import EpochResult

What = Literal["started", "epoch", "paused", "ended", "queued-again"]
"""``queued-again``: a trial whose worker, node or storage was lost goes on from its checkpoint."""


@dataclass(frozen=True)
class TrialEvent:
    """One thing that happened to a trial."""

    what: What
    trial: int
    node: str | None = None
    """The node that trains the trial, as far as the trial has reported from there."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """As of JSON: epoch, mean AUC, state, cause."""


Listener = Callable[[TrialEvent], None]
"""Called by the driver's thread, which waits for it."""

CallListener = Callable[[float | None], None]
"""Told how many seconds each call of the database took, waits included, and ``None`` when a call
begins to wait for a database that is away.
"""


class Events:
    """Tells the listeners what happens to the trials."""

    def __init__(self, live: Mapping[int, Live]) -> None:
        """Tell nobody yet; ``live``: the trials that are handed out, by number."""
        self._live = live
        self.listeners: list[Listener] = []

    def started(self, assignment: Assignment) -> None:
        """A backend got a trial."""
        self._tell("started", assignment.number, after_epoch=assignment.after_epoch)

    def epoch(self, number: int, result: EpochResult) -> None:
        """A trial completed an epoch."""
        speed = result.cost("images_per_second")
        facts = {"epoch": result.epoch, "mean_auc": result.mean_auc, "seconds": result.seconds}
        self._tell("epoch", number, **facts, images_per_second=speed)

    def paused(self, number: int, epoch: int) -> None:
        """A trial waits at a rung."""
        self._tell("paused", number, epoch=epoch)

    def queued_again(self, number: int) -> None:
        """A trial goes on later, from its checkpoint."""
        self._tell("queued-again", number)

    def ended(
        self, number: int, state: TrialState, cause: str | None, mean_auc: float | None
    ) -> None:
        """A trial ended, whether a backend had it or not."""
        self._tell("ended", number, state=str(state.value), cause=cause, mean_auc=mean_auc)

    def _tell(self, what: What, number: int, **facts: Any) -> None:
        if self.listeners:
            live = self._live.get(number)
            event = TrialEvent(what, number, None if live is None else live.node, facts)
            for listener in self.listeners:
                listener(event)
