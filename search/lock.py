"""A lock for the driver of each experiment: two drivers would hand out the same trials."""

import fcntl
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import IO

from sqlalchemy import Engine, text

from sedn.errors import UserError


@contextmanager
def sole_driver(engine: Engine, name: str, *, to: str | None = None) -> Iterator[None]:
    """Hold the experiment's lock, which is released when this process ends in whatever way.

    Args:
        engine: of the database.
        name: the experiment.
        to: what is to be done with the experiment, other than to search it: ``delete it``.

    Raises:
        UserError: another process holds it.
    """
    if engine.dialect.name == "postgresql":
        with _advisory_lock(engine, name, _taken(name, to)):
            yield
    else:
        with _file_lock(_lock_file(engine, name), _taken(name, to)):
            yield


def is_driven(engine: Engine, name: str) -> bool:
    """Whether a process holds the experiment's lock now."""
    if engine.dialect.name != "postgresql":
        return _is_locked(_lock_file(engine, name))
    with engine.connect() as connection:
        return bool(connection.scalar(text(_HELD), {"key": _key(name)}))


_HELD = """
select exists (
    select from pg_locks where locktype = 'advisory' and objsubid = 1 and granted
    and database = (select oid from pg_database where datname = current_database())
    and ((classid::bigint << 32) | objid::bigint) = :key
)
"""


@contextmanager
def _advisory_lock(engine: Engine, name: str, taken: str) -> Iterator[None]:
    """A lock of the session in PostgreSQL, which the server releases when the session ends."""
    key = _key(name)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.scalar(text("select pg_try_advisory_lock(:key)"), {"key": key}):
            raise UserError(taken)
        try:
            yield
        finally:
            # After an outage the session, and its lock with it, is gone already.
            connection.invalidate()


@contextmanager
def _file_lock(path: Path, taken: str) -> Iterator[None]:
    """A lock on a file beside the database, which the kernel releases when the process ends."""
    with path.open("w") as file:
        for _ in range(_TRIES):
            if _locks(file, fcntl.LOCK_EX):
                break
            time.sleep(0.05)
        else:
            raise UserError(taken)
        yield


_TRIES = 4
"""Number of tries, since a process that asks by :func:`is_driven` whether the lock is held holds
the lock for a moment.
"""


def _is_locked(path: Path) -> bool:
    try:
        with path.open() as file:
            return not _locks(file, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


def _locks(file: IO[str], kind: int) -> bool:
    """Take a lock of the kind on a file, if it is free; closing the file releases the lock."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _lock_file(engine: Engine, name: str) -> Path:
    # One lock for one file, by whatever link it is named.
    database = Path(str(engine.url.database)).resolve()
    return database.with_name(f".{database.name}.{name}.lock")


def _key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"sedn {name}".encode()).digest()[:8], signed=True)


def _taken(name: str, to: str | None) -> str:
    message = f"experiment '{name}' is being searched by another process; "
    if to is not None:
        return f"{message}end that search, which can go on later, to {to}"
    watch = f"watch it with `sedn status {quote(name)}`"
    return f"{message}{watch}, or give the new search another `name`"
