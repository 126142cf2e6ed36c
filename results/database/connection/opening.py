"""Opening the database: SQLite or PostgreSQL, its settings, and every way in which it can fail."""

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from sqlalchemy import (
    URL,
    Engine,
    create_engine,
    event,
    inspect,
    make_url,
)
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from results.database.connection.tables import (
    check_may_create,
    check_may_write,
    check_version,
    create_tables,
    lock_for_creation,
)
from results.database.models import Schema
from sedn.addresses import hide_password, without_password
from sedn.errors import UserError
from sedn.extras import check_extra
from sedn.files import check_folder, make_folder

BUSY_TIMEOUT_SECONDS = 30
DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}
LEAST_BYTES = 2**20
"""A disk with less than that cannot hold the tables and SQLite's log."""
LIVENESS = {
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""Options of libpq, in seconds; the last one in milliseconds."""
_SESSION = """
select set_config('DateStyle', 'ISO, YMD', false), set_config('extra_float_digits', '1', false)
"""
"""Settings of each session of a server by which moments are read, and numbers with all digits: a
server, a database or a role may have others."""


def open_engine(url: str, *, create: bool) -> Engine:
    """Connect to the database at ``url`` and see that it holds our tables, or ``create`` them.

    Raises:
        UserError: the URL is wrong, the database cannot be read, or it is not one of ours.
    """
    parsed = _parse(url)
    address = parsed
    if parsed.get_backend_name() == "sqlite":
        _check_file(str(parsed.database), create=create)
        if create:
            make_folder(Path(str(parsed.database)).parent)
        else:
            address = _readable(parsed)
    engine = _connect(address, parsed)
    try:
        if create:
            create_tables(engine, shown_name(parsed))
        check_version(engine, shown_name(parsed))
    except SQLAlchemyError as error:
        reason = describe_failure(error, url)
        raise UserError(f"{shown_name(parsed)}: cannot be opened: {reason}") from None
    return engine


def find_engine(url: str) -> Engine | None:
    """Connect to the database at ``url`` if it holds our tables; write nothing.

    Raises:
        UserError: :func:`open_engine` could neither open nor create it, so that a search cannot
            write to it.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        path = Path(str(parsed.database))
        _check_file(str(path), create=True)
        _check_disk(path)
        if not path.exists():
            return None
    engine = _connect(parsed, parsed)
    try:
        with engine.connect() as connection:
            # Waits for nobody else's trial for long, and undoes what it began.
            lock_for_creation(connection)
            holds_tables = inspect(connection).has_table(Schema.__tablename__)
            check = check_may_write if holds_tables else check_may_create
            check(connection, shown_name(parsed))
        if holds_tables:
            check_version(engine, shown_name(parsed))
    except SQLAlchemyError as error:
        reason = describe_failure(error, url)
        raise UserError(f"{shown_name(parsed)}: cannot be opened: {reason}") from None
    return engine if holds_tables else None


def open_any_version(url: str) -> Engine:
    """Connect to the database at ``url``, whichever version of our tables it holds.

    Raises:
        UserError: the database cannot be opened, or holds none of our tables.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        _check_file(str(parsed.database), create=False)
    engine = _connect(parsed, parsed)
    try:
        if not inspect(engine).has_table(Schema.__tablename__):
            raise UserError(f"{shown_name(parsed)}: holds no results; `sedn search` makes them")
    except SQLAlchemyError as error:
        reason = describe_failure(error, url)
        raise UserError(f"{shown_name(parsed)}: cannot be opened: {reason}") from None
    return engine


def _connect(address: URL, named: URL) -> Engine:
    """An engine for ``address``, of which a person knows what is ``named``."""
    if address.get_backend_name() == "postgresql":
        check_extra(shown_name(named), "postgres")
    try:
        engine = create_engine(
            address, pool_pre_ping=True, connect_args=connection_options(address)
        )
    except ImportError as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{shown_name(named)}: its driver cannot be loaded: {reason}") from None
    event.listen(engine, "connect", configure_connection)
    return engine


def connection_options(address: URL) -> dict[str, int]:
    """Options of each connection to a server, but for those that the address names itself.

    A server whose machine is gone, or out of reach, is noticed within a minute: the system itself
    would wait for hours for an answer that does not come.
    """
    if address.get_backend_name() != "postgresql":
        return {}
    return {name: value for name, value in LIVENESS.items() if name not in address.query}


def configure_connection(connection: Any, _record: object) -> None:
    """Settings of each connection. In SQLite readers never block the writer, nor the other way."""
    cursor = connection.cursor()
    if isinstance(connection, sqlite3.Connection):
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000}")
        cursor.execute("PRAGMA journal_mode = WAL")
        # In WAL this loses nothing when the process is killed, and spares a sync a commit.
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
    else:
        cursor.execute(_SESSION)
        connection.commit()
    cursor.close()


def _parse(url: str) -> URL:
    """The URL with the one driver that is used for its database."""
    shown = without_password(url)
    try:
        if "\0" in url:
            raise ValueError
        parsed = make_url(url)
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError):
        raise UserError(
            f"`store` '{shown}': not a database URL; use sqlite:///sedn.db or "
            f"postgresql+psycopg://user@host/database"
        ) from None
    backend = parsed.get_backend_name()
    if backend not in DRIVERS or parsed.drivername not in (backend, DRIVERS[backend]):
        raise UserError(
            f"`store` '{shown}': only sqlite:///… and postgresql+psycopg://… are supported"
        )
    unquoted = url.count("@") > 1 or "@" in (parsed.database or "") or "@" in url.partition("?")[2]
    if backend == "postgresql" and unquoted:
        raise UserError(f"`store` '{shown}': write '@' in a user or password as %40")
    if backend == "sqlite":
        if (
            parsed.host
            or parsed.username
            or parsed.password
            or parsed.database in (None, "", ":memory:")
        ):
            raise UserError(f"`store` '{shown}': name a file, such as sqlite:///sedn.db")
        if parsed.query:
            raise UserError(f"`store` '{shown}': a file takes no options; leave out '?' and after")
    return _with_socket(parsed.set(drivername=DRIVERS[backend]))


def _with_socket(url: URL) -> URL:
    """The URL with the folder of a socket as an option, also where the folder stands in place of
    the host, as libpq takes it: ``user@%2Fvar%2Frun%2Fpostgresql/database``.
    """
    folder = unquote(url.host or "")
    if not folder.startswith("/"):
        return url
    place = {"host": folder} | ({"port": str(url.port)} if url.port else {})
    return URL.create(
        *(url.drivername, url.username, url.password),
        database=url.database,
        query={**url.query, **place},
    )


def _check_file(name: str, *, create: bool) -> None:
    path = Path(name)
    try:
        if path.is_dir():
            raise UserError(f"{path}: is a folder, not a database; name a file in it")
        if not path.exists() and not create:
            raise UserError(
                f"{path}: no results yet; `sedn search` makes it, or name another `store`"
            )
    except (OSError, ValueError) as error:
        raise UserError(
            f"{name!r}: cannot be a database: {describe_failure(error, name)}"
        ) from None
    if not path.exists():
        check_folder(path.parent)


def _check_disk(path: Path) -> None:
    """See that a search can begin to write on the disk of an SQLite file."""
    folder = next(folder for folder in path.absolute().parents if folder.is_dir())
    if shutil.disk_usage(folder).free < LEAST_BYTES:
        raise UserError(f"{path}: the disk is full; make room there, or name another `store`")


def _readable(url: URL) -> URL:
    """The URL, by which also a file can be read in a folder that nothing can be written to.

    SQLite keeps a log beside the file even to read it. Where there is none and none can be made,
    nobody writes the file either, and it can be read as it is.
    """
    path = Path(str(url.database)).absolute()
    log = path.with_name(f"{path.name}-wal")
    if log.exists() or os.access(path.parent, os.W_OK, effective_ids=True):
        return url
    options = {"mode": "ro", "immutable": "1", "uri": "true"}
    return url.set(database=f"file:{quote(str(path))}", query=options)


def describe_failure(error: Exception, url: str = "") -> str:
    """Describe in one line, without the password, why an address cannot be opened."""
    cause = getattr(error, "orig", None) or error
    reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        reason = "the disk is full; make room there"
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
        reason += "; SQLite must be able to write the file and to keep its log in the same folder"
    if code == sqlite3.SQLITE_BUSY:
        reason += " by another process that has not ended its write; wait for it or end it"
    return hide_password(" ".join(reason.split()), url)


def shown_name(url: URL) -> str:
    """The database's name for a person."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return without_password(url.render_as_string())
