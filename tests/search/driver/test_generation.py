"""A process whose search another one went on with writes nothing more, however late it wakes up."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, select, text

from results.database.models import Request, TrialState
from results.database.store import Store, open_store
from search.generation import Generation, SearchTakenOver
from search.lock import sole_driver
from search.settings import SearchSettings
from search.study import open_storage
from sedn.errors import UserError
from tests.search.conftest import SPACE
from tests.search.driver.test_lock import end_sessions
from tests.search.histories import CONDITIONAL, History, history

SETTINGS = SearchSettings(trials=3, sampler="random", scheduler="none")
DRIVER = """
import sys
from search.run import run_search
from search.settings import Resources, SearchSettings
from tests.search.curves import make_curves
settings = SearchSettings(trials=int(sys.argv[4]), sampler="random", scheduler="none", seed=1)
where = Resources(backend="local", storage_path=sys.argv[3])
train = make_curves(seconds=float(sys.argv[5]))
run_search("spring", sys.argv[2], settings, sys.argv[1], where, train=train)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path}/sedn.db"


@pytest.fixture
def search(url: str) -> Iterator[History]:
    with history(CONDITIONAL, SETTINGS, url=url) as made:
        yield made


def begin(search: History) -> Generation:
    """A start of the search by another process."""
    store = open_store(search.url)
    return Generation.begin(store, store.experiment("history"))


def guarded(search: History) -> Store:
    """The store of a process that has started the search."""
    store = open_store(search.url)
    store.guard(Generation.begin(store, store.experiment("history")).guard)
    return store


def test_each_start_has_a_row_in_common_and_a_number_of_its_own(search: History) -> None:
    for _ in range(3):
        begin(search)
    with search.store.sessions() as session:
        assert [row.command for row in session.scalars(select(Request))] == ["driver 3"]
    assert search.store.answer_requests(search.experiment.id) == [], "nothing is asked by it"


def test_writes_are_committed_while_no_other_process_has_started_the_search(
    search: History,
) -> None:
    store = guarded(search)
    for tag in ("one", "two"):
        store.change_tags(search.experiment.id, [tag])
    assert search.store.experiment("history").tags == ["one", "two"]


def test_a_transaction_is_rolled_back_that_a_later_start_came_into(search: History) -> None:
    """The process was stopped after its last look, and before or after its first statement."""
    store = guarded(search)
    change = text("update sedn_experiment set note = 'mine'")
    with store.engine.connect() as connection:
        begin(search)
        connection.execute(change)
        with pytest.raises(SearchTakenOver, match="another process went on with this search"):
            connection.commit()
    with pytest.raises(SearchTakenOver), store.engine.begin() as connection:
        connection.execute(change)
    assert search.store.experiment("history").note is None
    search.store.write_note(search.experiment.id, "of another terminal")
    assert search.store.experiment("history").note == "of another terminal"


def test_the_study_is_guarded_as_the_store_is(search: History) -> None:
    store = guarded(search)
    storage = open_storage(store)
    study = storage.get_study_id_from_name("history")
    begin(search)
    with pytest.raises(SearchTakenOver):
        storage.create_new_trial(study)
    assert len(search.open_study().trials) == 1, "the one that every study begins with"


def test_a_driver_whose_experiment_was_deleted_meanwhile_writes_nothing(search: History) -> None:
    store = guarded(search)
    search.store.delete_experiment(search.experiment.id)
    with pytest.raises(SearchTakenOver):
        store.write_note(search.experiment.id, "mine")


def test_a_driver_ends_at_its_next_look_though_the_lock_is_free_again(search: History) -> None:
    with sole_driver(search.store.engine, "history") as hold:
        generation = Generation.begin(search.store, search.experiment)
        search.open(hold=generation.kept(hold))
        first = search.driver.next()
        assert first is not None
        begin(search)
        with pytest.raises(SearchTakenOver):
            generation.kept(hold)(True)
    assert [row.epochs for row in search.store.trials(search.experiment.id)] == [0]


def rows_of(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """All that a database holds, by table; Optuna's tables too."""
    engine = open_store(url).engine
    metadata = MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for name, table in metadata.tables.items()
        }


def lose_lock(url: str) -> None:
    """What ends the lock of a process that is stopped: the server ends the session of a machine
    that does not answer, and a person removes the lock file of a process that does not.
    """
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).with_name(".sedn.db.spring.lock").unlink()
    else:
        end_sessions(url)


def pause(process: subprocess.Popen[str], url: str) -> None:
    """Stop ``process`` outside a transaction: one that has begun there locks SQLite's file for all,
    for as long as the process is stopped.
    """
    until = time.monotonic() + 120
    while True:
        os.kill(process.pid, signal.SIGSTOP)
        if not url.startswith("sqlite") or is_writable(Path(url.removeprefix("sqlite:///"))):
            return
        os.kill(process.pid, signal.SIGCONT)
        assert time.monotonic() < until
        time.sleep(0.05)


def is_writable(path: Path) -> bool:
    """Whether no process is inside a transaction that writes to the SQLite database."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("begin immediate")
        except sqlite3.OperationalError as error:
            assert "locked" in str(error)
            return False
        connection.execute("rollback")
    return True


def start(url: str, folder: Path, trials: int, seconds: float) -> subprocess.Popen[str]:
    space = folder / "space.yaml"
    space.write_text(SPACE)
    words = (url, str(space), str(folder / "runs"), str(trials), str(seconds))
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, *words],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(is_so: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 120
    while not is_so():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.05)


def ended(url: str) -> int:
    with suppress(UserError):
        store = open_store(url)
        counts = store.counts(store.experiment("spring").id)
        return counts.get(TrialState.COMPLETE, 0)
    return 0


@pytest.mark.slow
def test_a_stopped_process_wakes_up_after_another_has_ended_its_search(
    url: str, tmp_path: Path
) -> None:
    open_store(url, create=True)
    stopped = start(url, tmp_path, 12, 0.2)
    try:
        wait_until(lambda: ended(url) >= 2, stopped)
        pause(stopped, url)
        lose_lock(url)
        other = start(url, tmp_path, 12, 0.0)
        assert (other.wait(120), other.communicate()[1]) == (0, "")
        before = rows_of(url)
        assert {row.state for row in open_store(url).trials(1)} == {TrialState.COMPLETE}
        os.kill(stopped.pid, signal.SIGCONT)
        _, said = stopped.communicate(timeout=60)
    finally:
        stopped.kill()
        stopped.wait()
    assert stopped.returncode == 1
    assert "another process went on with this search" in said.splitlines()[-1]
    assert rows_of(url) == before
    assert len(before["sedn_trial"]) == 12
