"""What happens to the trials of a search, told as it happens: for logs and for metrics."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

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
