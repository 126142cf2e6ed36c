"""What other terminals ask of a search while it runs, by the database."""

import time
from collections.abc import Callable
from enum import StrEnum

from sqlalchemy.exc import SQLAlchemyError

from results.database.store import Store
from search.lock import is_driven
from sedn.errors import UserError

POLL_SECONDS = 2.0
"""Between two looks into the database, at least."""


class Command(StrEnum):
    """What can be asked of a search."""

    STOP = "stop"
    """Cut off what runs, which goes on from its last checkpoint when the search does."""
    FINISH = "finish"
    """Train what runs to its end, and start no other trial."""


_CONCURRENT = "concurrent "
"""Stands before a number of trials in a request; with the number it has 16 characters at most."""
MOST_CONCURRENT = 99_999


def ask_concurrent(number: int) -> str:
    """The request to train at most so many trials at a time.

    Raises:
        UserError: the number is none that can be asked for.
    """
    if not 1 <= number <= MOST_CONCURRENT:
        raise UserError(f"`max_concurrent={number}`: give a number from 1 to {MOST_CONCURRENT:,}")
    return f"{_CONCURRENT}{number}"


def send_request(store: Store, name: str, request: str) -> None:
    """Ask something of the search of ``name``, which runs on whatever machine.

    Raises:
        UserError: there is no such experiment, or no search of it runs.
    """
    experiment = store.experiment(name)
    if not is_driven(store.engine, name):
        raise UserError(f"no search of '{name}' runs now")
    store.add_request(experiment.id, request)


class Requests:
    """The requests that were made since a search began; of each kind the latest counts."""

    def __init__(
        self, store: Store, experiment_id: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._experiment_id = experiment_id
        self._clock = clock
        self._next = clock()
        self.last: Command | None = None
        self.concurrent: int | None = None
        """Trials at a time, at most; ``None``: nobody has asked."""

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
        for command in commands:
            self._take(command)

    def _take(self, command: str) -> None:
        if command.startswith(_CONCURRENT):
            self.concurrent = int(command.removeprefix(_CONCURRENT))
        else:
            self.last = Command(command)
