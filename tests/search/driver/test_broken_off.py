"""What is taken from a search while it runs: it ends in one line, and the same command goes on."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState as OptunaState
from ray import cloudpickle
from rich.console import Console
from sqlalchemy.event import listens_for

from results.database.connection.in_place import StoreLost
from results.database.connection.outage import StoreUnavailable, survive_outage
from results.database.models import TrialState
from results.database.store import open_store
from search.backends.ray_tune.bridge import (
    DriverCallback,
    DriverScheduler,
    DriverSearcher,
    SearchStopper,
)
from search.cli.live import LiveView
from search.cli.main import main
from search.driver.study_writer import StudyLost
from search.settings import SearchSettings
from sedn.errors import UserError
from tests.search.histories import CONDITIONAL, History, history, result

SETTINGS = SearchSettings(trials=4, sampler="tpe", scheduler="none")


class Driven:
    """A search with one trial that has reached an epoch, driven as Tune drives it."""

    def __init__(self, search: History) -> None:
        self.search = search
        self.searcher = DriverSearcher(search.driver)
        self.callback = DriverCallback(search.driver, self.searcher)
        self.scheduler = DriverScheduler(search.driver, self.searcher)
        self.stopper = SearchStopper(search.driver, self.searcher)
        suggested = self.searcher.suggest("1")
        assert isinstance(suggested, dict)
        self.config = suggested
        self.result(1)

    def result(self, epoch: int) -> None:
        trial = SimpleNamespace(trial_id="1", config=self.config)
        self.scheduler.on_trial_result(None, trial, {"result": result(epoch, 0.6)})

    def error(self) -> None:
        file = Path(self.search.url.removeprefix("sqlite:///")).with_name("error.pkl")
        file.write_bytes(cloudpickle.dumps(ValueError("no")))
        trial = SimpleNamespace(trial_id="1", pickled_error_file=str(file), error_file=None)
        self.callback.on_trial_error(1, [], trial)


EVENTS: dict[str, Callable[[Driven], Any]] = {
    "suggest": lambda driven: driven.searcher.suggest("2"),
    "result": lambda driven: driven.result(2),
    "error": lambda driven: driven.error(),
    "complete": lambda driven: driven.searcher.on_trial_complete("1"),
}
each_event = pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)


def check_broken_off(driven: Driven, kind: type[UserError]) -> None:
    """The search ends, whatever Tune tells yet, and nothing more is written."""
    assert isinstance(driven.searcher.broken_off_by, kind)
    assert "\n" not in str(driven.searcher.broken_off_by)
    assert driven.stopper.stop_all()
    before = driven.search.store.trials(driven.search.experiment.id)[0].epochs
    for event in EVENTS.values():
        event(driven)
    assert driven.searcher.suggest("3") == DriverSearcher.FINISHED
    after = driven.search.store.trials(driven.search.experiment.id)[0].epochs
    assert after == before


def go_on(search: History) -> None:
    search.open()
    while trial := search.driver.next():
        for epoch in range(trial.after_epoch + 1, trial.config.epochs + 1):
            search.driver.report(trial.number, result(epoch, 0.6))
        search.driver.finish(trial.number)
    assert search.driver.finished
    rows = search.store.trials(search.experiment.id)
    assert [row.number for row in rows] == list(range(SETTINGS.trials))
    assert all(row.state is not TrialState.RUNNING for row in rows)


@contextmanager
def locked(search: History) -> Iterator[None]:
    """Another program holds the database, for longer than the search waits."""
    other = sqlite3.connect(search.url.removeprefix("sqlite:///"))
    other.execute("BEGIN IMMEDIATE")
    yield
    other.rollback()
    other.close()


@each_event
def test_a_database_that_stays_away_ends_the_search(event: Callable[[Driven], Any]) -> None:
    with history(CONDITIONAL, SETTINGS) as search:
        driven = Driven(search)
        search.driver._writer.patience_seconds = 0.2
        study = search.driver._writer.study._study
        for engine in (search.store.engine, study._storage._backend.engine):
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA busy_timeout = 20")
        with locked(search):
            event(driven)
        check_broken_off(driven, StoreUnavailable)
        go_on(search)


@each_event
@pytest.mark.parametrize("replaced", [False, True])
def test_a_study_that_is_deleted_ends_the_search(
    event: Callable[[Driven], Any], replaced: bool
) -> None:
    with history(CONDITIONAL, SETTINGS) as search:
        driven = Driven(search)
        optuna.delete_study(study_name="history", storage=search.url)
        if replaced:
            optuna.create_study(study_name="history", storage=search.url, direction="maximize")
        event(driven)
        check_broken_off(driven, StudyLost)
        go_on(search)


@pytest.mark.parametrize("event", ["result", "complete", "error"])
@pytest.mark.parametrize("state", [OptunaState.COMPLETE, OptunaState.FAIL])
def test_a_trial_that_is_ended_by_hand_runs_on(event: str, state: OptunaState) -> None:
    with history(CONDITIONAL, SETTINGS) as search:
        driven = Driven(search)
        study = optuna.load_study(study_name="history", storage=search.url)
        study.tell(0, 1.0 if state is OptunaState.COMPLETE else None, state=state)
        EVENTS[event](driven)
        assert driven.searcher.broken_off_by is None
        [row] = search.store.trials(search.experiment.id)
        told = optuna.load_study(study_name="history", storage=search.url).trials[0]
        expected = {"result": "RUNNING", "complete": "PRUNED", "error": "FAIL"}[event]
        assert told.state.name == expected
        assert row.state.name == ("FAILED" if event == "error" else expected)
        assert told.intermediate_values == dict.fromkeys(range(1, row.epochs + 1), 0.6)
        go_on(search)


def replace_by_another(file: Path) -> None:
    open_store(f"sqlite:///{file}.new", create=True).engine.dispose()
    file.with_name(f"{file.name}.new").replace(file)


def delete_all(file: Path) -> None:
    for one in file.parent.glob(f"{file.name}*"):
        one.unlink()


TAKEN: dict[str, Callable[[Path], Any]] = {
    "deleted": Path.unlink,
    "deleted with its log": delete_all,
    "moved": lambda file: file.rename(file.with_name("old.db")),
    "replaced": replace_by_another,
}


@pytest.mark.parametrize("take", TAKEN.values(), ids=TAKEN)
@pytest.mark.parametrize("event", ["suggest", "complete", "nothing"])
def test_a_file_that_is_taken_away_is_noticed_and_saved(
    take: Callable[[Path], Any], event: str
) -> None:
    with history(CONDITIONAL, SETTINGS) as search:
        driven = Driven(search)
        file = Path(search.url.removeprefix("sqlite:///"))
        take(file)
        if event != "nothing":
            EVENTS[event](driven)
        assert driven.stopper.stop_all()
        check_broken_off(driven, StoreLost)
        saved = file.with_name("sedn.saved.db")
        assert str(driven.searcher.broken_off_by) == (
            f"{file}: was deleted, moved or replaced while the search ran; all that it held is "
            f"saved in {saved}, and the same search with `store='sqlite:///{saved}'` goes on"
        )
        with pytest.raises(StoreLost):
            search.driver.check_store()
        assert not file.with_name("sedn.saved-2.db").exists(), "it is saved once"
        search.url = f"sqlite:///{saved}"
        go_on(search)
        assert search.store.trials(1)[0].epochs == 3


def test_where_nothing_can_be_saved_that_is_said() -> None:
    with history(CONDITIONAL, SETTINGS) as search:
        driven = Driven(search)
        Path(search.url.removeprefix("sqlite:///")).unlink()
        search.store.engine.dispose()
        assert driven.stopper.stop_all()
        assert "could not be saved" in str(driven.searcher.broken_off_by)


@each_event
@pytest.mark.parametrize("table", ["sedn_trial", "trials"])
def test_a_table_that_is_dropped_ends_the_search(
    event: Callable[[Driven], Any], table: str
) -> None:
    with history(CONDITIONAL, SETTINGS) as search:
        driven = Driven(search)
        with closing(sqlite3.connect(search.url.removeprefix("sqlite:///"))) as other:
            other.execute(f"DROP TABLE {table}")
        event(driven)
        assert isinstance(driven.searcher.broken_off_by, StoreUnavailable)
        said = str(driven.searcher.broken_off_by)
        assert ".db: the database cannot be used any more: no such table: " in said
        assert said.endswith(table)


def test_a_full_disk_is_told_of_in_the_words_of_the_database() -> None:
    """A bound on the size of the file stands for the disk."""
    with history(CONDITIONAL, SETTINGS) as search:
        study = search.open_study()

        @listens_for(study._storage._backend.engine, "checkout")
        def set_bound(connection: sqlite3.Connection, *_: object) -> None:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages}")

        told: list[str] = []
        full = "a.db: the disk is full (make room there)"
        with pytest.raises(StoreUnavailable) as caught:
            survive_outage(
                lambda: study.set_user_attr("large", 100_000 * "x"),
                "a.db",
                patience_seconds=1.0,
                on_wait=told.append,
            )
        shown = Console(file=StringIO(), width=80)
        LiveView(shown, "full").waiting(told[0])
        assert shown.file.getvalue() == (  # type: ignore[attr-defined]
            f"{full}; the search waits, nothing is lost\n"
        )
        assert str(caught.value) == (
            f"{full}, for 1 s now; nothing that was trained is lost, the same command goes on"
        )


@pytest.mark.parametrize("words", ["rank", "labels", "status", "export", "report"])
def test_a_table_that_is_gone_is_told_in_one_line_by_every_command(
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with history(CONDITIONAL, SETTINGS) as search:
        with closing(sqlite3.connect(search.url.removeprefix("sqlite:///"))) as other:
            other.execute("DROP TABLE sedn_trial")
        monkeypatch.setattr(sys, "argv", ["sedn", words, "history", f"--store={search.url}"])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == "sedn: --store: no such table: sedn_trial\n"


@pytest.mark.slow
@pytest.mark.parametrize("taken", ["study", "file"])
def test_the_command_ends_in_one_line_and_goes_on(
    taken: str, table: Path, space_file: Path
) -> None:
    command = (
        *(sys.executable, "-m", "search.cli.main", "search", "--name=gone", "--epochs=30"),
        *(f"--data={table}", f"--space={space_file}", "--trials=2", "--concurrent=1"),
        *("--sampler=random", "--scheduler=none", "--no-futility"),
    )
    file = table.parent / "sedn.db"
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = subprocess.Popen(command, cwd=table.parent, **pipes)
    try:
        wait_for_an_epoch(file)
        if taken == "study":
            optuna.delete_study(study_name="gone", storage=f"sqlite:///{file}")
        else:
            delete_all(file)
        _, said = running.communicate(timeout=120)
    finally:
        running.kill()
    assert running.returncode == 2, said
    assert "Traceback" not in said
    assert "Nothing is lost" not in said
    line = said.splitlines()[-1]
    if taken == "study":
        assert line.startswith("sedn: the Optuna study 'gone' was deleted or renamed")
    else:
        assert line.startswith(f"sedn: {file}: was deleted, moved or replaced while")
        file = file.with_name("sedn.saved.db")
        assert f" --store sqlite:///{file} goes on" in line
    url = f"sqlite:///{file}"
    command = (*command, f"--store={url}")
    again = subprocess.run(command, cwd=table.parent, timeout=200, check=False, **pipes)
    assert again.returncode == 0, again.stderr
    assert ("made again from 1 trial in the store" in again.stderr) is (taken == "study")
    trials = optuna.load_study(study_name="gone", storage=url).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE", "COMPLETE"]


def wait_for_an_epoch(database: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with suppress(UserError):
            store = open_store(f"sqlite:///{database}")
            if any(trial.epochs for trial in store.trials(1)):
                return
        time.sleep(0.1)
    raise AssertionError("no epoch was recorded")
