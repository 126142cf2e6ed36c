"""The tables of a database: ours, those that Optuna has beside them, and those of others."""

from sqlalchemy import Connection, Engine, insert, inspect, select, text

from results.database.models import SCHEMA_VERSION, Base, Schema, Trial
from sedn.errors import UserError

CREATION_LOCK = 0x5ED0
"""Any number that no other program takes as an advisory lock in the same database."""
OPTUNA_TABLES = (
    *("studies", "study_directions", "study_system_attributes", "study_user_attributes", "trials"),
    *("trial_heartbeats", "trial_intermediate_values", "trial_params", "trial_system_attributes"),
    *("trial_user_attributes", "trial_values", "version_info", "alembic_version"),
)
"""Optuna's tables; :mod:`search.study` makes them beside ours."""
_OF_OPTUNA_ALONE = "version_info", "study_directions"
"""Tables that a database of Optuna's has in every release, and hardly one of another program's."""


def create_tables(engine: Engine, shown: str) -> None:
    """Make our tables, whole or not at all, where the database has none; two searches that start at
    once make them once.

    Raises:
        UserError: as :func:`check_may_create` says.
    """
    with engine.connect() as connection:
        lock_for_creation(connection)
        if not inspect(connection).has_table(Schema.__tablename__):
            check_may_create(connection, shown)
            Base.metadata.create_all(connection)
            connection.execute(insert(Schema).values(version=SCHEMA_VERSION))
        connection.commit()


def check_version(engine: Engine, shown: str) -> None:
    """See that the tables are there in our version.

    Raises:
        UserError: they are not, or in another one.
    """
    if not inspect(engine).has_table(Schema.__tablename__):
        raise UserError(f"{shown}: holds no results; `sedn search` makes them")
    with engine.connect() as connection:
        version = connection.scalar(select(Schema.version))
    if version is not None and 1 <= version < SCHEMA_VERSION:
        raise UserError(
            f"{shown}: written by an earlier version of sedn-search (tables {version}, this one "
            f"reads {SCHEMA_VERSION}); `sedn store upgrade` brings the tables up to date"
        )
    if version != SCHEMA_VERSION:
        raise UserError(
            f"{shown}: written by a newer version of sedn-search (tables {version}, this one "
            f"reads {SCHEMA_VERSION}); use that version, or name another `store`"
        )


def check_may_create(connection: Connection, shown: str) -> None:
    """See that our tables and Optuna's can be made; SQLite tells by its lock who may write.

    Raises:
        UserError: the schema is not there, the user may not create tables in it, or another program
            has tables of the same names.
    """
    if connection.dialect.name == "postgresql":
        schema = connection.scalar(text("select current_schema()"))
        if schema is None:
            path = connection.scalar(text("show search_path"))
            raise UserError(
                f"{shown}: there is no schema of its search_path, {path}; `create schema` makes one"
            )
        may = text("select has_schema_privilege(:schema, 'CREATE')")
        if not connection.scalar(may, {"schema": schema}):
            raise UserError(
                f"{shown}: holds no results, and you may not create tables in its schema '{schema}'"
            )
    there = [name for name in OPTUNA_TABLES if inspect(connection).has_table(name)]
    if there and not all(name in there for name in _OF_OPTUNA_ALONE):
        way = "another database"
        if connection.dialect.name == "postgresql":
            way += ", or a schema by `?options=-csearch_path%3DSCHEMA` at the end of the address"
        raise UserError(
            f"{shown}: another program has a table '{there[0]}' in it, as Optuna needs one; name "
            f"{way}"
        )


def check_may_write(connection: Connection, shown: str) -> None:
    """See that a search may write to our tables.

    Raises:
        UserError: it may only read them.
    """
    if connection.dialect.name != "postgresql":
        return
    may = text("select has_table_privilege(:table, 'INSERT')")
    if not connection.scalar(may, {"table": Trial.__tablename__}):
        raise UserError(f"{shown}: you may read its results, and not write to them")


def lock_for_creation(connection: Connection) -> None:
    """Hold, until the transaction ends, what only one connection can."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": CREATION_LOCK})
    else:
        # Also finds out now, and not after the first epoch, that the file cannot be written.
        connection.execute(text("BEGIN IMMEDIATE"))
