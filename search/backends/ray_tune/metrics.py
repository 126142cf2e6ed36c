"""What a search does, as metrics of Ray's, which Prometheus reads from the node of the driver.

The metrics agent of the node exports them under ``ray_`` and the names here; it runs where
``ray[default]`` is installed. A counter gets ``_total`` at its end.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from results.database.models import TrialState
from search.driver import Driver
from search.driver.events import TrialEvent
from search.progress import Snapshot, Watcher

SECONDS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0]
"""Bounds of the histogram of database calls."""
PAUSED = "PAUSED"
"""The state, here, of a trial that waits at a rung: in the store it runs."""


class SearchMetrics:
    """The metrics of one search, with its name as the tag ``search``."""

    def __init__(self, name: str) -> None:
        from ray.util.metrics import Counter, Gauge, Histogram

        def made(kind: Any, metric: str, description: str, *tags: str, **options: Any) -> Any:
            one = kind(metric, description, tag_keys=("search", *tags), **options)
            one.set_default_tags({"search": name})
            return one

        self._trials = made(Gauge, "sedn_trials", "Trials by state.", "state")
        self._best = made(Gauge, "sedn_best_mean_auc", "Highest mean AUC of a complete trial.")
        self._epochs = made(Counter, "sedn_epochs", "Epochs that the driver has written.")
        self._again = made(
            Counter, "sedn_trials_queued_again", "Times that a trial went on from a checkpoint."
        )
        self._seconds = made(
            *(Histogram, "sedn_database_seconds", "Seconds of a call of the database, with waits."),
            boundaries=SECONDS,
        )
        self._away = made(
            Gauge, "sedn_database_away", "1 while a call waits for a database that is away."
        )
        self._away.set(0)

    def on_event(self, event: TrialEvent) -> None:
        """Count what happened to a trial."""
        if event.what == "epoch":
            self._epochs.inc()
        elif event.what == "queued-again":
            self._again.inc()

    def on_call(self, seconds: float | None) -> None:
        """Note a call of the database, as :data:`~search.driver.events.CallListener` has it."""
        self._away.set(seconds is None)
        if seconds is not None:
            self._seconds.observe(seconds)

    def show(self, snapshot: Snapshot) -> None:
        """Note where the search stands."""
        for state in TrialState:
            self._trials.set(snapshot.counts.get(state, 0), {"state": str(state)})
        self._trials.set(snapshot.paused, {"state": PAUSED})
        if snapshot.best is not None:
            self._best.set(snapshot.best.mean_auc)


@contextmanager
def measured(driver: Driver, watch: Watcher) -> Iterator[Watcher]:
    """Let Ray export metrics of the driver's search, where Ray exports any.

    Yields:
        What is to be called with each snapshot in place of ``watch``.
    """
    if not _exports():
        yield watch
        return
    metrics = SearchMetrics(driver.name)
    driver.events.listeners.append(metrics.on_event)
    driver.call_listeners.append(metrics.on_call)

    def show(snapshot: Snapshot) -> None:
        metrics.show(snapshot)
        watch(snapshot)

    try:
        yield show
    finally:
        driver.events.listeners.remove(metrics.on_event)
        driver.call_listeners.remove(metrics.on_call)


def _exports() -> bool:
    """Whether the node of this process has a metrics agent; a client of a cluster has no node."""
    import ray
    from ray.util.client import ray as client

    if client.is_connected():
        return False
    own = ray.get_runtime_context().get_node_id()
    return any(row["NodeID"] == own and row.get("MetricsExportPort", -1) > 0 for row in ray.nodes())
