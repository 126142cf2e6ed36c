"""A lock for the driver of each experiment: two drivers would hand out the same trials."""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from shlex import quote
from typing import IO, Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from results.database.connection.tables import lock_for_creation
from results.database.models import Experiment
from sedn.errors import UserError

HOLD_SECONDS = 5.0
"""Between two looks at whether the lock in a database is held still."""

Hold = Callable[[bool], None]
"""Sees that a lock is held still: at once where so asked, else if the last look was long ago."""


@contextmanager
def sole_driver(engine: Engine, name: str, *, to: str | None = None) -> Iterator[Hold]:
    """Hold the experiment's lock, which is released when this process ends in whatever way.

    Args:
        engine: of the database.
        name: the experiment.
        to: what is to be done with the experiment, other than to search it: ``delete it``.

    Yields:
        What takes the lock again where the database has ended its session, in an outage say. It
        raises :class:`UserError` where another process has the lock since, and an error of the
        database where that is away.

    Raises:
        UserError: another process holds it.
    """
    if engine.dialect.name == "postgresql":
        with closing(_SessionLock(engine, name, _taken(name, to))) as lock:
            yield lock.hold
    else:
        with _file_lock(_lock_file(engine, name), _taken(name, to)):
            yield lambda at_once: None


@contextmanager
def sole_maker(engine: Engine) -> Iterator[None]:
    """Hold, while tables are made, what only one process can; others wait for the end."""
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            lock_for_creation(connection)
            yield
        return
    # The folder: a lock of the database would keep out the connections that make the tables.
    path = Path(str(engine.url.database)).resolve().parent
    folder = os.open(path if path.is_dir() else os.curdir, os.O_RDONLY)
    try:
        # Some network file systems lock no folder; SQLite is not for these.
        with suppress(OSError):
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def is_driven(engine: Engine, name: str) -> bool:
    """Whether a process holds the experiment's lock now."""
    if engine.dialect.name != "postgresql":
        return _is_locked(_lock_file(engine, name))
    with engine.connect() as connection:
        return bool(connection.scalar(text(_HELD), {"key": _key(connection, name)}))


_HELD = """
select exists (
    select from pg_locks where locktype = 'advisory' and objsubid = 1 and granted
    and database = (select oid from pg_database where datname = current_database())
    and ((classid::bigint << 32) | objid::bigint) = :key
)
"""


_LIVENESS = "tcp_keepalives_idle = 10", "tcp_keepalives_interval = 5", "tcp_keepalives_count = 3"
"""The server ends the session of a machine that is gone after half a minute, not after hours."""


_TAKE = "select pg_try_advisory_lock(:key)"
_SESSION = "select pid, backend_start from pg_stat_activity where pid = pg_backend_pid()"
_END_SESSION = """
select pg_terminate_backend(pid) from pg_stat_activity
where pid = :pid and backend_start = :backend_start
"""
"""Ends a session, and no later one of the same number. Where nothing but the connection was cut,
the server keeps the session, and the lock with it, for a while."""
_TRIES_AFTER_END = 100
"""Number of tries in five seconds, as a session takes a moment to end."""


class _SessionLock:
    """A lock of the session in PostgreSQL, which the server releases when the session ends."""

    def __init__(self, engine: Engine, name: str, taken: str) -> None:
        self._engine = engine
        self._name = name
        self._connection: Connection | None = None
        self._session: Mapping[str, Any] | None = None
        """The session that took the lock last."""
        self._next = 0.0
        self._is_lost = False
        if not self._take():
            raise UserError(taken)

    def hold(self, at_once: bool) -> None:
        """Take the lock again, where the session has ended."""
        if not at_once and time.monotonic() < self._next:
            return
        if not self._is_alive() and (self._is_lost or not self._take()):
            # Also when the other has ended: the trials are not as this process knows them.
            self._is_lost = True
            raise UserError(
                f"experiment '{self._name}': while the database could not be reached, another "
                f"process went on with this search; this one ends"
            )
        self._next = time.monotonic() + HOLD_SECONDS

    def close(self) -> None:
        """Release the lock, by the end of the session."""
        if self._connection is not None:
            # After an outage the session, and its lock with it, is gone already.
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    def _take(self) -> bool:
        """Take the lock in a new session; whether it was free."""
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._connection = connection
        for setting in _LIVENESS:
            connection.execute(text(f"set {setting}"))
        ends_own = self._session and connection.scalar(text(_END_SESSION), self._session)
        key = _key(connection, self._name)
        for _ in range(_TRIES_AFTER_END if ends_own else 1):
            if connection.scalar(text(_TAKE), {"key": key}):
                self._session = dict(connection.execute(text(_SESSION)).mappings().one())
                self._next = time.monotonic() + HOLD_SECONDS
                return True
            if ends_own:
                time.sleep(0.05)
        self.close()
        return False

    def _is_alive(self) -> bool:
        if self._connection is None:
            return False
        try:
            self._connection.execute(text("select 1"))
        except SQLAlchemyError:
            self.close()
            return False
        return True


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


_SCHEMA = "select relnamespace::regnamespace::text from pg_class where oid = to_regclass(:table)"
"""The schema of our tables: each may have an experiment of the same name."""


def _key(connection: Connection, name: str) -> int:
    """The number of the experiment's lock, of which a database has one for all its schemas."""
    schema = connection.scalar(text(_SCHEMA), {"table": Experiment.__tablename__})
    words = f"sedn {schema} {name}"
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], signed=True)


def _taken(name: str, to: str | None) -> str:
    message = f"experiment '{name}' is being searched by another process; "
    if to is not None:
        return f"{message}end that search, which can go on later, to {to}"
    watch = f"watch it with `sedn status {quote(name)}`"
    return f"{message}{watch}, or give the new search another `name`"
