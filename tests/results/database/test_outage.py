"""A database that is locked, read-only or gone: waited for where waiting can help."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.exc import IntegrityError, OperationalError

from benchmarks.machines.postgresql import new_database
from results.database.connection.outage import StoreUnavailable, is_outage, survive_outage
from results.database.models import TrialState
from results.database.store import Store, open_store
from sedn.errors import UserError
from tests.results.permissions import ordinary_user
from tests.results.rows import add_trial, new_experiment


@pytest.fixture
def impatient(tmp_path: Path) -> Store:
    """A store with one running trial, whose connections do not wait for a lock themselves."""
    url = f"sqlite:///{tmp_path}/sedn.db"
    full = open_store(url, create=True)
    add_trial(full, new_experiment(full), 0, 0.5, state=TrialState.RUNNING)
    full.engine.dispose()
    return Store(create_engine(url, connect_args={"timeout": 0.0}))


@contextmanager
def locked(store: Store) -> Iterator[Callable[[], None]]:
    """Another connection writes; gives what ends that early."""
    connection = sqlite3.connect(str(store.engine.url.database))
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection.rollback
    finally:
        connection.close()


def finish(store: Store) -> None:
    store.finish_trial(1, 0, TrialState.FAILED, reason="out of patience")


def test_a_lock_is_waited_for_and_told_of_once(impatient: Store) -> None:
    lines: list[str] = []
    tries = []
    with locked(impatient) as release:

        def call() -> None:
            tries.append(1)
            if len(tries) == 3:
                release()
            finish(impatient)

        survive_outage(call, "the-store", on_wait=lines.append)
    assert len(tries) == 3
    assert len(lines) == 1
    assert lines[0] == "the-store: database is locked; the search waits, nothing is lost"
    assert impatient.trials(1)[0].reason == "out of patience"


def test_patience_ends_in_one_line(impatient: Store) -> None:
    with locked(impatient):
        started = time.monotonic()
        with pytest.raises(
            StoreUnavailable, match=r"^the-store: database is locked, for 0.3 s now; "
        ) as end:
            survive_outage(lambda: finish(impatient), "the-store", patience_seconds=0.3)
        assert time.monotonic() - started < 30, "not for the ten minutes that are the default"
    assert isinstance(end.value, UserError)
    assert "\n" not in str(end.value)
    assert impatient.trials(1)[0].state is TrialState.RUNNING


def test_what_no_waiting_mends_is_raised_at_once(impatient: Store) -> None:
    calls = []

    def call() -> None:
        calls.append(1)
        with impatient.engine.connect() as connection:
            connection.exec_driver_sql("select * from no_such_table")

    with pytest.raises(OperationalError, match="no such table"):
        survive_outage(call, "the-store")
    assert len(calls) == 1
    with pytest.raises(ZeroDivisionError):
        survive_outage(lambda: 1 // 0, "the-store")


def test_a_file_that_may_not_be_written_is_no_outage(open_folder: Path) -> None:
    url = f"sqlite:///{open_folder}/sedn.db"
    writer = open_store(url, create=True)
    add_trial(writer, new_experiment(writer), 0, 0.5, state=TrialState.RUNNING)
    writer.engine.dispose()
    (open_folder / "sedn.db").chmod(0o444)
    with ordinary_user():
        reader = Store(create_engine(url))
        with pytest.raises(OperationalError, match="readonly") as caught:
            survive_outage(lambda: finish(reader), "the-store", patience_seconds=60)
        reader.engine.dispose()
    assert not is_outage(caught.value)


def test_a_full_disk_is_waited_for(impatient: Store) -> None:
    """A bound on the size of the file stands for the disk; it is lifted while it is waited for."""
    bound = [True]

    @event.listens_for(impatient.engine, "checkout")
    def set_bound(connection: sqlite3.Connection, *_: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages if bound[0] else 10**6}")

    def call() -> None:
        impatient.finish_trial(1, 0, TrialState.FAILED, reason="x" * 100_000)

    with pytest.raises(OperationalError, match="full"):
        call()

    def lift(line: str) -> None:
        bound[0] = False

    survive_outage(call, "the-store", on_wait=lift)
    assert impatient.trials(1)[0].reason == "x" * 100_000


def test_a_cause_counts_unless_it_was_hidden(impatient: Store) -> None:
    def wrap(hide: bool) -> Exception:
        try:
            try:
                finish(impatient)
            except OperationalError as error:
                raise RuntimeError("wrapped") from (None if hide else error)
        except RuntimeError as error:
            return error
        raise AssertionError("was not locked")

    with locked(impatient):
        assert is_outage(wrap(hide=False))
        assert not is_outage(wrap(hide=True))


def test_a_server_that_ended_the_connection_is_called_again(postgres_server: str) -> None:
    url = new_database(postgres_server)
    store = open_store(url, create=True)
    add_trial(store, new_experiment(store), 0, 0.5, state=TrialState.RUNNING)
    calls = []

    def call() -> None:
        """The first time, the server ends the connection in mid-transaction."""
        with store.engine.begin() as connection:
            connection.exec_driver_sql("select 1")
            calls.append(1)
            if len(calls) == 1:
                with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as other:
                    other.execute(
                        "select pg_terminate_backend(pid) from pg_stat_activity "
                        "where datname = current_database() and pid <> pg_backend_pid()"
                    )
            connection.exec_driver_sql("update sedn_trial set reason = 'written'")

    survive_outage(call, "the-store")
    assert len(calls) == 2
    assert store.trials(1)[0].reason == "written"
    with pytest.raises(IntegrityError):
        survive_outage(lambda: new_experiment(store), "the-store")
    with pytest.raises(UserError, match="no experiment"):
        survive_outage(lambda: store.experiment("none"), "the-store")
