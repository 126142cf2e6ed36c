"""Bringing a database of an earlier version up to date."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, select, text
from sqlalchemy.exc import SQLAlchemyError

from results.database.connection.opening import describe_failure
from results.database.connection.tables import lock_for_creation
from results.database.migrations import migrate
from results.database.migrations.backup import copy_file
from results.database.models import SCHEMA_VERSION, Schema
from sedn.errors import UserError


@dataclass(frozen=True)
class Upgrade:
    """An upgrade of a database: the schema versions before and after, and the backup."""

    before: int
    """The version of its tables."""
    after: int
    backup: Path | None
    """A copy of the database as it was; ``None`` where nothing was done, or for PostgreSQL, which
    has its own ways of keeping one."""


def experiment_names(engine: Engine) -> list[str]:
    """The experiments of a database, whichever version of our tables it holds."""
    with engine.connect() as connection:
        return list(connection.scalars(text("SELECT name FROM sedn_experiment ORDER BY id")))


def upgrade(engine: Engine) -> Upgrade:
    """Bring the tables of a database to this version, whole or not at all.

    Args:
        engine: of the database; no search may run in it.

    Raises:
        UserError: the tables are of a newer version, or cannot be changed.
    """
    shown = engine.url.database
    with engine.connect() as connection:
        version = connection.scalar(select(Schema.version)) or 0
    if not 1 <= version <= SCHEMA_VERSION:
        raise UserError(
            f"{shown}: written by a newer version of sedn-search (tables {version}, this one "
            f"reads {SCHEMA_VERSION}); use that version"
        )
    if version == SCHEMA_VERSION:
        return Upgrade(version, version, None)
    backup = _back_up(Path(str(shown)), version) if engine.dialect.name == "sqlite" else None
    try:
        with engine.connect() as connection:
            lock_for_creation(connection)
            migrate(connection, version)
            connection.commit()
    except SQLAlchemyError as error:
        raise UserError(f"{shown}: cannot be upgraded: {describe_failure(error)}") from None
    return Upgrade(version, SCHEMA_VERSION, backup)


def _back_up(database: Path, version: int) -> Path:
    """Copy a database before it is changed."""
    copy = database.with_name(f"{database.name}.tables-{version}")
    copy_file(database, copy)
    return copy
