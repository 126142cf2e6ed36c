"""What other terminals ask of a search while it runs, by the database."""

import time
from collections.abc import Callable
from enum import StrEnum

from sqlalchemy.exc import SQLAlchemyError

from results.database.store import Store

POLL_SECONDS = 2.0
"""Between two looks into the database, at least."""


class Command(StrEnum):
    """What can be asked of a search."""

    STOP = "stop"
    """Cut off what runs, which goes on from its last checkpoint when the search does."""
    FINISH = "finish"
    """Train what runs to its end, and start no other trial."""


class Requests:
    """The requests that were made since a search began, the latest of which counts."""

    def __init__(
        self, store: Store, experiment_id: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._experiment_id = experiment_id
        self._clock = clock
        self._next = clock()
        self.last: Command | None = None

    def poll(self) -> None:
        """Look for new requests, unless the last look was a moment ago."""
        if self._clock() < self._next:
            return
        self._next = self._clock() + POLL_SECONDS
        try:
            commands = self._store.answer_requests(self._experiment_id)
        except SQLAlchemyError:
            # A database that is away is noticed by the next write, which waits for it.
            return
        if commands:
            self.last = Command(commands[-1])
