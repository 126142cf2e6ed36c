"""Waiting for a database that went away."""

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from sedn.errors import UserError

T = TypeVar("T")

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0


class StoreUnavailable(UserError):
    """The database stayed away for longer than it was waited for."""


def survive_outage(
    call: Callable[[], T],
    *,
    patience_seconds: float = 600.0,
    on_wait: Callable[[Exception], None] = lambda error: None,
) -> T:
    """Call, and call again while the database is away, locked or full.

    Args:
        call: what to do; it may be done more than once, so it must be idempotent.
        patience_seconds: how long to try.
        on_wait: told the error once, at the first failure.

    Raises:
        StoreUnavailable: the database did not come back in time.
    """
    deadline = time.monotonic() + patience_seconds
    pause = FIRST_PAUSE
    waited = False
    while True:
        try:
            return call()
        except Exception as error:
            if not is_outage(error):
                raise
            if time.monotonic() + pause > deadline:
                reason = " ".join(str(error).split())[:200]
                raise StoreUnavailable(
                    f"the database did not come back within {patience_seconds:g} s; nothing that "
                    f"was trained is lost, the same command goes on: {reason}"
                ) from error
            if not waited:
                on_wait(error)
                waited = True
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def is_outage(error: BaseException | None) -> bool:
    """Whether the error, or what caused it, is a database that is away, locked or full."""
    while error is not None:
        if isinstance(error, OperationalError | InterfaceError):
            return True
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            return True
        error = error.__cause__ or error.__context__
    return False
