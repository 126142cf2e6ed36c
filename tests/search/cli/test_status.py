"""What `sedn status` says of a search: whether it runs, what has ended, and what time is left."""

import json
import threading
import time

import pytest
from sqlalchemy import create_engine
from typer.testing import CliRunner

from search.budgets import Spent
from search.cli.main import app
from search.lock import is_driven, sole_driver
from search.packing import Grant
from search.settings import SearchSettings
from sedn.errors import UserError
from tests.search.histories import FLAT, History, height, history, result

SETTINGS = SearchSettings(trials=4, sampler="random", scheduler="none", seed=1)


def status(search: History, *words: str) -> str:
    done = CliRunner().invoke(app, ["status", "history", f"--store={search.url}", *words])
    assert done.exit_code == 0, done.output
    return " ".join(done.stdout.split())


def train(search: History, seconds: float = 0.5) -> None:
    trial = search.driver.next()
    assert trial is not None
    for epoch in range(1, trial.config.epochs + 1):
        search.driver.report(trial.number, result(epoch, height(trial.config), seconds))
    search.driver.finish(trial.number)


def test_trials_run_only_while_a_search_does() -> None:
    with history(FLAT, SETTINGS) as search:
        train(search)
        assert search.driver.next()
        with sole_driver(search.store.engine, "history"):
            said = status(search)
            assert "1 of 4 trials" in said
            assert "1 running" in said
            assert "No search" not in said
            assert json.loads(status(search, "--json"))["searching"] is True
        said = status(search)
        assert "running" not in said
        assert "1 not finished" in said
        assert "No search of 'history' runs now" in said
        assert json.loads(status(search, "--json"))["searching"] is False


def test_a_search_that_has_all_its_trials_is_not_told_to_go_on() -> None:
    with history(FLAT, SETTINGS) as search:
        for _ in range(4):
            train(search)
        assert "No search" not in status(search)
        assert "4 of 4 trials" in status(search)
        # Gone on with for fewer than there are.
        fewer = SETTINGS.model_copy(update={"trials": 2}).model_dump(mode="json")
        search.store.update_settings(search.experiment.id, fewer)
        assert "4 trials (2 asked for)" in status(search)


def test_the_running_trials_are_shown_with_the_epoch_that_they_have_reached() -> None:
    with history(FLAT, SETTINGS) as search:
        train(search, seconds=30.0)
        trial = search.driver.next()
        assert trial is not None
        search.driver.report(trial.number, result(1, 0.625, seconds=30.0))
        with sole_driver(search.store.engine, "history"):
            lines = status(search)
            assert f"1/{trial.config.epochs}" in lines
            assert "0.6250" in lines
            read = json.loads(status(search, "--json"))
        assert read["running"] == [
            {"trial": trial.number, "epoch": 1, "epochs": trial.config.epochs, "mean_auc": 0.625}
        ]
        # One trial was trained, in 30 s an epoch, and three have not ended, of which one runs now.
        spent = search.store.totals(search.experiment.id)[1]
        assert read["seconds_left"] == pytest.approx(3 * spent)


def test_no_time_is_left_where_no_trial_has_ended_or_none_runs() -> None:
    with history(FLAT, SETTINGS) as search:
        assert json.loads(status(search, "--json"))["seconds_left"] is None
        train(search)
        assert json.loads(status(search, "--json"))["seconds_left"] is None
        assert "left" not in status(search)


def test_a_search_is_watched_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.cli.commands.status.WATCH_SECONDS", 0.1)
    with history(FLAT, SETTINGS) as search:
        train(search)
        ended = threading.Event()

        def hold() -> None:
            with sole_driver(search.store.engine, "history"):
                held.set()
                ended.wait(60)

        held = threading.Event()
        thread = threading.Thread(target=hold)
        thread.start()
        held.wait(60)
        threading.Timer(0.5, ended.set).start()
        lines = status(search, "--watch")
        thread.join()
        assert lines.count("1 of 4 trials") == 1
        assert "No search of 'history' runs now" in lines


def test_a_watched_search_is_not_printed_as_json() -> None:
    with history(FLAT, SETTINGS) as search:
        words = ["status", "history", f"--store={search.url}", "--watch", "--json"]
        done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, UserError)
    assert "--watch" in str(done.exception)


def test_who_asks_for_the_lock_does_not_keep_it(tmp_path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/sedn.db")
    assert not is_driven(engine, "one")
    assert not list(tmp_path.iterdir()), "asking leaves nothing behind"
    with sole_driver(engine, "one"):
        assert is_driven(engine, "one")
        assert not is_driven(engine, "two")
    assert not is_driven(engine, "one")


def test_the_lock_of_a_server_can_be_asked_for_too(postgres_url: str) -> None:
    # The keys of some names are negative numbers, of others positive.
    for name in ("one", "two", "three", "four", "five", "six"):
        engine = create_engine(postgres_url)
        assert not is_driven(engine, name)
        with sole_driver(engine, name):
            assert is_driven(engine, name)
            assert not is_driven(engine, name + "x")
        # The server notices in its own time that the session is gone.
        while is_driven(engine, name):
            time.sleep(0.01)


def test_failures_say_nothing_of_the_time_that_is_left() -> None:
    with history(FLAT, SETTINGS.model_copy(update={"trials": 40})) as search:
        assert search.driver.snapshot().remaining is None
        for _ in range(3):
            trial = search.driver.next()
            assert trial is not None
            search.driver.fail(trial.number, "it broke")
        assert search.driver.snapshot().remaining is None
        train(search)
        snapshot = search.driver.snapshot()
        assert snapshot.remaining == pytest.approx(36 * snapshot.elapsed)


def test_no_more_time_is_left_than_the_budget_has() -> None:
    with history(FLAT, SETTINGS.model_copy(update={"time_seconds": 100.0})) as search:
        search.driver.places.grant = Grant()
        trial = search.driver.next()
        assert trial is not None
        search.driver.report(trial.number, result(1, 0.5, seconds=90.0))
        remaining = search.driver.snapshot().remaining
        assert remaining is not None
        assert 0 <= remaining <= 10


def test_gpu_hours_are_left_at_the_pace_of_this_run() -> None:
    spent = Spent(SearchSettings(gpu_hours=1.0), seconds=500, gpu_seconds=1600)
    assert spent.left() is None
    spent.add(seconds=500, gpus=2)
    # 1,000 of the 2,000 GPU-seconds that were left took 500 s.
    assert spent.left() == pytest.approx(500, abs=50)
