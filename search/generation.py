"""The number of each start of a search, by which an earlier start notices that a later one came.

A process that was stopped, or whose machine was, may lose the lock of its search without notice:
another process takes the lock, goes on with the search, ends it, and the lock is free again. So
each start takes a number higher than all before, and no transaction of a start is committed when
the database has a higher one. The number is looked up in the transaction itself: no later start can
come between the look and the commit.
"""

import time
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, event, insert, select, update

from results.database.models import Experiment, Request
from results.database.store import Store
from search.lock import HOLD_SECONDS, Hold
from sedn.errors import UserError

_DRIVER = "driver "
"""Stands before the number in the row of an experiment; with the number it has 16 characters at
most."""


class SearchTakenOver(UserError):
    """Another process went on with a search that this one drove."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"experiment '{name}': another process went on with this search, while this one was "
            f"stopped or could not reach the database; this one ends"
        )


class Generation:
    """The number of this start of a search, and the row of the database that has the newest."""

    def __init__(self, engine: Engine, name: str, row: int, number: int) -> None:
        self._engine = engine
        self._name = name
        self._row = row
        self._own = f"{_DRIVER}{number}"
        self._next = time.monotonic() + HOLD_SECONDS

    @classmethod
    def begin(cls, store: Store, experiment: Experiment) -> "Generation":
        """Take the next number, while the lock of the search is held."""
        is_it = (Request.experiment_id == experiment.id) & Request.command.startswith(_DRIVER)
        now = datetime.now(UTC)
        with store.sessions.begin() as session:
            last = session.execute(select(Request.id, Request.command).where(is_it)).one_or_none()
            number = 1 if last is None else int(last.command.removeprefix(_DRIVER)) + 1
            # Answered at once: nothing is asked of a search by this row.
            fields = {"command": f"{_DRIVER}{number}", "made_at": now, "answered_at": now}
            if last is None:
                begun = insert(Request).values(experiment_id=experiment.id, **fields)
                row = session.scalars(begun.returning(Request.id)).one()
            else:
                row = last.id
                session.execute(update(Request).where(Request.id == row).values(**fields))
        return cls(store.engine, experiment.name, row, number)

    def guard(self, engine: Engine) -> None:
        """Commit no transaction of ``engine`` any more once a later start has come; such a
        transaction is rolled back with :class:`SearchTakenOver`.
        """
        event.listen(engine, "commit", self._check)

    def kept(self, hold: Hold) -> Hold:
        """See that the lock is held still, as ``hold`` does, and that no later start has come."""

        def hold_still(at_once: bool) -> None:
            hold(at_once)
            if at_once or time.monotonic() >= self._next:
                with self._engine.connect() as connection:
                    self._check(connection)
                self._next = time.monotonic() + HOLD_SECONDS

        return hold_still

    def _check(self, connection: Connection) -> None:
        """See in a transaction that no later start has come, nor can until the transaction ends.

        SQLite lets nobody else write meanwhile; PostgreSQL lets nobody else change the row.
        """
        query = f"select command from {Request.__tablename__} where id = {self._row}"
        if connection.dialect.name == "postgresql":
            query += " for share"
        # Once a commit: what SQLAlchemy builds and compiles would take longer than the query.
        if connection.exec_driver_sql(query).scalar() != self._own:
            # SQLAlchemy takes a transaction whose commit began for over, and would keep it open.
            connection.invalidate()
            raise SearchTakenOver(self._name)
