"""Rows of very many trials as the database driver gives them, past the objects of SQLAlchemy."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from results.database.models import Trial, TrialState

AnySelect = Select[*tuple[Any, ...]]

CHUNK = 1000
"""Rows that are taken from the database at once."""
MOST_NUMBERS = 500
"""Trials that one statement asks for by number."""


def is_complete(experiment_id: int) -> tuple[ColumnElement[bool], ...]:
    """Trained to the last epoch, with an AUC."""
    return (
        Trial.experiment_id == experiment_id,
        Trial.state == TrialState.COMPLETE,
        Trial.mean_auc.is_not(None),
    )


def rows_of_trials(
    session: Session,
    query: AnySelect,
    numbers: Sequence[int] | None,
    read: Callable[[Session, AnySelect], Iterable[Any]] = Session.execute,
) -> Iterator[Any]:
    """Rows of the trials with these ``numbers``, or of all."""
    if numbers is None:
        yield from read(session, query)
        return
    for start in range(0, len(numbers), MOST_NUMBERS):
        some = [int(number) for number in numbers[start : start + MOST_NUMBERS]]
        yield from read(session, query.where(Trial.number.in_(some)))


def plain_rows(session: Session, query: AnySelect) -> Iterator[tuple[Any, ...]]:
    """Rows of integers, floats, text and bytes as the driver gives them."""
    return chain.from_iterable(batches(session, query))


def batches(session: Session, query: AnySelect) -> Iterator[list[tuple[Any, ...]]]:
    """Rows as :func:`plain_rows` gives them, :data:`CHUNK` at a time.

    Of 100,000 rows, the objects that SQLAlchemy makes of each take longer than all else.
    """
    dialect: Any = session.get_bind().dialect
    statement = str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    raw: Any = session.connection().connection.driver_connection
    # By default psycopg gets bytes as hexadecimal text.
    cursor = raw.cursor() if isinstance(raw, sqlite3.Connection) else raw.cursor(binary=True)
    try:
        cursor.execute(statement)
        while rows := cursor.fetchmany(CHUNK):
            yield rows
    except dialect.loaded_dbapi.Error as error:
        # As SQLAlchemy raises it, of which all know who wait for a database or tell of one.
        raised = DBAPIError.instance(
            statement, None, error, dialect.loaded_dbapi.Error, dialect=dialect
        )
        raise raised from error
