"""Waiting for a database that went away."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
)

from sedn.errors import UserError

T = TypeVar("T")

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0

PASSING_SQLITE_ERRORS = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)
LASTING_POSTGRESQL_ERRORS = ("28", "3D", "42")
"""Classes of SQLSTATE: a wrong password, no such database, a statement that is wrong."""


class StoreUnavailable(UserError):
    """The database stayed away for longer than it was waited for, or can be used no more."""


def survive_outage(
    call: Callable[[], T],
    database: str,
    *,
    patience_seconds: float = 600.0,
    on_wait: Callable[[str], None] = lambda line: None,
) -> T:
    """Call, and call again while the database is away, locked or full.

    Args:
        call: what to do; it may be done more than once, so it must be idempotent.
        database: its name for a person.
        patience_seconds: how long to try.
        on_wait: called once, at the first failure, with a line on what is waited for.

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
                raise StoreUnavailable(
                    f"{database}: {reason_of(error)}, for {patience_seconds:g} s now; nothing that "
                    f"was trained is lost, the same command goes on"
                ) from error
            if not waited:
                on_wait(f"{database}: {reason_of(error)}; the search waits, nothing is lost")
                waited = True
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def reason_of(error: BaseException) -> str:
    """Why the database could not be used, in a line, by its own words where it has any.

    Optuna wraps the error of the database, and guesses at the cause.
    """
    cause = _database_error(error)
    reason = " ".join(str(error if cause is None else cause.orig).split())[:200]
    code = getattr(cause and cause.orig, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return "the disk is full (make room there)"
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return f"{reason}; something else than this search wrote to its file"
    return reason


@contextmanager
def in_one_line(database: str) -> Iterator[None]:
    """Turn an error of the database into one line.

    Raises:
        StoreUnavailable: the database could not be read or written.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, UserError) or not is_refusal(error):
            raise
        raise StoreUnavailable(
            f"{database}: {reason_of(error)}; nothing that was trained is lost, the same command "
            f"goes on"
        ) from error


def is_refusal(error: BaseException) -> bool:
    """Whether a database will not be read or written, and waiting would not mend it.

    Such a database is read-only now, damaged, or lacks our tables; one that refuses a single value
    is not meant.
    """
    cause = _database_error(error)
    return cause is not None and not isinstance(cause, IntegrityError | DataError)


def _database_error(error: BaseException | None) -> DBAPIError | None:
    """The database's own error: the error itself, or the one that caused it."""
    while error is not None and not isinstance(error, DBAPIError):
        error = error.__cause__ or error.__context__
    return error


def is_outage(error: BaseException | None) -> bool:
    """Whether the error, or what caused it, is a database that is away, locked or full.

    One that cannot be written at all, or lacks a table, is none: waiting would not mend it.
    """
    while error is not None:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            return True
        if isinstance(error, OperationalError | InterfaceError) and _passes(error.orig):
            return True
        hidden = error.__suppress_context__
        error = error.__cause__ or (None if hidden else error.__context__)
    return False


def _passes(error: BaseException | None) -> bool:
    """Whether what the driver says can end by itself."""
    if isinstance(error, sqlite3.Error):
        # The low byte is the kind, the rest its details; an error of the module itself has none.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_BUSY)
        return code & 0xFF in PASSING_SQLITE_ERRORS
    state = getattr(error, "sqlstate", None) or ""
    return not state.startswith(LASTING_POSTGRESQL_ERRORS)
