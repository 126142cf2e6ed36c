"""Publishing in a thread of its own, so that neither a trial nor a page of the dashboard waits."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from sqlalchemy import inspect

from results.confirmed import last_confirmation
from results.database.connection.outage import reason_of
from results.database.store import Store
from search.lock import is_driven
from search.pacing import BROKEN_OFF_SECONDS, FAILED_SECONDS, REST

if TYPE_CHECKING:
    from search.dashboard.publishing import Publisher

TRIALS_SECONDS, STUDY_SECONDS = 3.0, 20.0
"""Least time from one publishing to the next, of the trials and of the study."""
STUDY_REST = 2 * REST
"""The rest after a round of the study, which costs some ten times one of trials."""
FIRST_SECONDS = 20.0
"""From the start to the first publishing of the study, which loads what draws figures: for a second
or more the driver gets less done, and a search that trains has nothing to show before."""
OF_TRIALS, OF_STUDY = "search.dashboard.publishing", "search.dashboard.study_changes"
"""The modules that publish."""
TICK = 0.5
"""Seconds between two looks at what is due."""
LAST_SECONDS = 30.0
"""How long the end of a search may publish what is still to do."""


@dataclass
class _Part:
    """Something that is done again and again."""

    work: Callable[[], object]
    least: float
    rest: float
    due: float
    needs: str
    """The module that does the work."""

    def do(self) -> None:
        """Do the work, and rest."""
        # Before the time is taken: what is loaded once tells nothing of the next round.
        import_module(self.needs)
        began = time.thread_time()
        self.work()
        busy = time.thread_time() - began
        self.due = time.monotonic() + max(self.least, self.rest * busy)


class Background:
    """Publishes experiments again and again until it is stopped."""

    def __init__(
        self, publishers: "Callable[[], Sequence[Publisher]]", on_notice: Callable[[str], None]
    ) -> None:
        """Begin.

        Args:
            publishers: gives the experiments to publish, asked again each time.
            on_notice: called once with a line where something cannot be published.
        """
        self._publishers = publishers
        self._on_notice = on_notice
        self._was_noticed = False
        self._stopped = threading.Event()
        now = time.monotonic()
        self._parts = (
            _Part(self._trials, TRIALS_SECONDS, REST, now + TRIALS_SECONDS, OF_TRIALS),
            _Part(self._study, STUDY_SECONDS, STUDY_REST, now + FIRST_SECONDS, OF_STUDY),
        )
        self._thread = threading.Thread(target=self._run, name="sedn-dashboard", daemon=True)
        self._thread.start()

    def hurry(self) -> None:
        """Publish all at the next look, as someone waits to see it."""
        for part in self._parts:
            part.due = 0.0

    def stop(self, *, finish: bool) -> None:
        """End the thread; ``finish``: publish what is still to do, for :data:`LAST_SECONDS` at
        most.
        """
        self._stopped.set()
        self._thread.join(LAST_SECONDS if finish else BROKEN_OFF_SECONDS)
        if finish and not self._thread.is_alive():
            self.attempt(self._finish)

    def _run(self) -> None:
        while not self._stopped.wait(TICK):
            for part in self._parts:
                is_due = time.monotonic() >= part.due and not self._stopped.is_set()
                if is_due and not self.attempt(part.do):
                    part.due = time.monotonic() + FAILED_SECONDS

    def attempt(self, work: Callable[[], object]) -> bool:
        """Do what publishes; whether it could be done. Nothing that goes wrong here may end a
        search.
        """
        try:
            work()
        except Exception as error:
            if not self._was_noticed:
                self._was_noticed = True
                self._on_notice(_lacking(error))
            return False
        return True

    def _trials(self) -> None:
        for publisher in self._publishers():
            publisher.publish_trials()

    def _study(self) -> None:
        for publisher in self._publishers():
            if not self._stopped.is_set():
                publisher.publish_study()

    def _finish(self) -> None:
        until = time.monotonic() + LAST_SECONDS
        for publisher in self._publishers():
            while publisher.publish_trials() and time.monotonic() < until:
                pass
            publisher.publish_study()


def _lacking(error: Exception) -> str:
    return (
        f"The Optuna dashboard lacks the newest notes and plots, and nothing else: "
        f"{reason_of(error)}"
    )


def publish_once(
    store: Store, name: str, on_notice: Callable[[str], None], *, anew: bool = False
) -> None:
    """Publish what a command changed or found beside a search; a search that runs publishes all by
    itself, and where there is no study there is nowhere to publish.

    Args:
        store: has the experiment.
        name: of the experiment.
        on_notice: called with a line where it cannot be published.
        anew: also where nothing has changed that tells by itself, as where files were moved.
    """
    if is_driven(store.engine, name) or not inspect(store.engine).has_table("studies"):
        return
    from search.dashboard.publishing import Publisher
    from search.study import open_storage

    try:
        Publisher(store, open_storage(store), name).publish_study(anew=anew)
    except Exception as error:
        on_notice(_lacking(error))


def publish_reading(store: Store, name: str, on_notice: Callable[[str], None]) -> None:
    """Publish an experiment for which the test split was read, and the others that tell how often
    that split was read.
    """
    fingerprint = store.experiment(name).data_fingerprint
    readings = store.test_reads(fingerprint)
    for experiment in store.experiments():
        is_alike = experiment.data_fingerprint == fingerprint
        tells = is_alike and last_confirmation(experiment, readings) is not None
        if experiment.name == name or tells:
            publish_once(store, experiment.name, on_notice)


@contextmanager
def published(store: Store, name: str, on_notice: Callable[[str], None]) -> Iterator[None]:
    """Publish an experiment while something is done with it, and once more in the end.

    Where that was broken off, nothing is published any more: the end shall not wait.
    """
    made: list[Publisher] = []

    def publishers() -> "list[Publisher]":
        # A file that was deleted or replaced would be made again here, empty.
        if not store.is_in_place():
            return []
        if not made:
            # Not before the search begins: they load what draws figures.
            from search.dashboard.publishing import Publisher
            from search.study import open_storage

            made.append(Publisher(store, open_storage(store), name))
        return made

    background = Background(publishers, on_notice)
    try:
        yield
    except BaseException:
        background.stop(finish=False)
        raise
    background.stop(finish=True)
