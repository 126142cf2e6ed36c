"""Opening the database: SQLite or PostgreSQL, its settings, and every way in which it can fail."""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, inspect, make_url, select
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import Session

from results.models import SCHEMA_VERSION, Base, Schema
from sedn.errors import UserError

BUSY_TIMEOUT_SECONDS = 30


def open_engine(url: str, *, create: bool) -> Engine:
    """Connect to the database at ``url`` and see that it holds our tables, or ``create`` them.

    Raises:
        UserError: the URL is wrong, the database cannot be read, or it is not one of ours.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        _check_file(Path(parsed.database or ""), create=create)
    try:
        engine = create_engine(parsed, pool_pre_ping=True)
    except ImportError:
        raise UserError(
            f"{_shown(parsed)}: PostgreSQL's driver is missing; pip install 'sedn-search[postgres]'"
        ) from None
    event.listen(engine, "connect", configure_connection)
    try:
        _check_schema(engine, _shown(parsed), create=create)
    except SQLAlchemyError as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        raise UserError(f"{_shown(parsed)}: cannot be read as a database: {reason}") from None
    return engine


def configure_connection(connection: Any, _record: object) -> None:
    """Settings of each SQLite connection: readers never block the writer, nor the other way."""
    if isinstance(connection, sqlite3.Connection):
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000}")
        cursor.execute("PRAGMA journal_mode = WAL")
        # In WAL this loses nothing when the process is killed, and spares a sync a commit.
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError):
        name = url.split("@")[-1]
        raise UserError(
            f"--store '{name}': not a database URL; use sqlite:///sedn.db or "
            f"postgresql+psycopg://user@host/database"
        ) from None
    except ImportError:
        raise UserError(
            f"--store '{url.split('@')[-1]}': the driver is missing; "
            f"pip install 'sedn-search[postgres]'"
        ) from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise UserError(
            f"--store '{_shown(parsed)}': only sqlite and postgresql+psycopg are supported"
        )
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise UserError(f"--store '{url}': name a file, such as sqlite:///sedn.db")
    return parsed


def _check_file(path: Path, *, create: bool) -> None:
    if path.is_dir():
        raise UserError(f"{path}: is a folder, not a database; name a file in it")
    if not path.exists() and not create:
        raise UserError(f"{path}: no results yet; `sedn search` makes it, or name another --store")
    if create:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{path.parent}: cannot be made: {error.strerror}") from None


def _check_schema(engine: Engine, shown: str, *, create: bool) -> None:
    """See that the tables are there in our version; make them in a database that has none."""
    if not inspect(engine).has_table(Schema.__tablename__):
        if not create:
            raise UserError(f"{shown}: holds no results; `sedn search` makes them")
        Base.metadata.create_all(engine)
        with Session(engine) as session, session.begin():
            session.add(Schema(version=SCHEMA_VERSION))
    with Session(engine) as session:
        version = session.scalar(select(Schema.version))
    if version != SCHEMA_VERSION:
        raise UserError(
            f"{shown}: written by another version of sedn-search (tables {version}, this one "
            f"reads {SCHEMA_VERSION}); use that version, or name another --store"
        )


def _shown(url: URL) -> str:
    """The database's name for a person, without the password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.render_as_string(hide_password=True)
