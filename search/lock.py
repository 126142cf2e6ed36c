"""One driver at a time for each experiment: two would hand out the same trials."""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote

from sqlalchemy import Engine, text

from sedn.errors import UserError


@contextmanager
def sole_driver(engine: Engine, name: str) -> Iterator[None]:
    """Hold the experiment's lock; it is released when this process ends, however it ends.

    Raises:
        UserError: another search holds it.
    """
    if engine.dialect.name == "postgresql":
        with _advisory_lock(engine, name):
            yield
    else:
        # One lock for one file, by whatever link it is named.
        with _file_lock(Path(str(engine.url.database)).resolve(), name):
            yield


@contextmanager
def _advisory_lock(engine: Engine, name: str) -> Iterator[None]:
    """A lock of the session in PostgreSQL, which the server releases when the session ends."""
    key = int.from_bytes(hashlib.sha256(f"sedn {name}".encode()).digest()[:8], signed=True)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.scalar(text("select pg_try_advisory_lock(:key)"), {"key": key}):
            raise UserError(_taken(name))
        try:
            yield
        finally:
            # After an outage the session, and its lock with it, is gone already.
            connection.invalidate()


@contextmanager
def _file_lock(database: Path, name: str) -> Iterator[None]:
    """A lock on a file beside the database, which the kernel releases when the process ends."""
    path = database.with_name(f".{database.name}.{name}.lock")
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(_taken(name)) from None
        yield


def _taken(name: str) -> str:
    return (
        f"experiment '{name}' is being searched by another process; watch it with "
        f"`sedn status {quote(name)}`, or give the new search another --name"
    )
