"""`sedn stop` ends the search that runs, and the same search goes on later."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from results.database.store import open_store
from search.budgets import EndedBy
from search.cli.main import app
from search.lock import is_driven
from search.run import SearchOutcome, run_search
from search.settings import Resources, SearchSettings
from sedn.errors import UserError
from tests.search.curves import make_curves

pytestmark = pytest.mark.usefixtures("requests_at_once")


def sedn_stop(url: str, *words: str) -> str:
    done = CliRunner().invoke(app, ["stop", "spring", f"--store={url}", *words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stderr


def search(
    url: str, space: Path, folder: Path, at_epoch: Callable[[int], None] = lambda epoch: None
) -> SearchOutcome:
    """A search of six trials of four epochs; the training calls ``at_epoch`` with the number of
    epochs that were trained before.
    """
    curves, trained = make_curves(), iter(range(10_000))

    def train(config, checkpoints, after, bounds) -> Iterator:
        for result in curves(config, checkpoints, after, bounds):
            at_epoch(next(trained))
            yield result

    settings = SearchSettings(trials=6, seed=1, scheduler="none", sampler="random")
    resources = Resources(backend="local", storage_path=str(folder))
    return run_search("spring", str(space), settings, url, resources, train=train)


def test_a_search_that_is_stopped_goes_on_and_loses_nothing(
    url: str, tmp_path: Path, space_file: Path
) -> None:
    lines: list[str] = []

    def stop_in_the_second_trial(epoch: int) -> None:
        if epoch == 5:
            thread = threading.Thread(target=lambda: lines.append(sedn_stop(url)))
            thread.start()
            threads.append(thread)
            wait_for_request(url)

    threads: list[threading.Thread] = []
    outcome = search(url, space_file, tmp_path, stop_in_the_second_trial)
    threads[0].join()
    assert not outcome.finished
    assert outcome.ended_by is EndedBy.REQUEST
    assert lines == ["The search of 'spring' has ended; the same `sedn search` command goes on.\n"]
    store = open_store(url)
    assert [trial.epochs for trial in store.trials(1)] == [4, 2]
    outcome = search(url, space_file, tmp_path)
    assert outcome.finished
    assert outcome.ended_by is EndedBy.TRIALS
    assert [trial.epochs for trial in store.trials(1)] == [4] * 6


def test_a_search_that_finishes_ends_its_running_trials_and_starts_no_other(
    url: str, tmp_path: Path, space_file: Path
) -> None:
    def finish(epoch: int) -> None:
        if epoch == 5:
            assert "starts no other trial" in sedn_stop(url, "--finish")

    outcome = search(url, space_file, tmp_path, finish)
    assert outcome.ended_by is EndedBy.REQUEST
    assert [trial.epochs for trial in open_store(url).trials(1)] == [4, 4]
    assert search(url, space_file, tmp_path).finished


def test_a_request_to_a_search_that_ended_before_does_not_stop_the_next(
    url: str, tmp_path: Path, space_file: Path
) -> None:
    def stop_too_late(epoch: int) -> None:
        if epoch == 6 * 4 - 1:
            sedn_stop(url, "--finish")

    assert search(url, space_file, tmp_path, stop_too_late).ended_by is EndedBy.TRIALS
    store = open_store(url)
    store.add_request(1, "stop")
    assert search(url, space_file, tmp_path).ended_by is EndedBy.TRIALS
    assert store.answer_requests(1) == []


def test_a_search_that_does_not_run_is_not_stopped(
    url: str, tmp_path: Path, space_file: Path
) -> None:
    search(url, space_file, tmp_path)
    assert not is_driven(open_store(url).engine, "spring")
    with pytest.raises(UserError, match="no search of 'spring' runs now"):
        sedn_stop(url)


def wait_for_request(url: str) -> None:
    """Until the request is in the database, which no one has answered yet."""
    from sqlalchemy import func, select

    from results.database.models import Request

    store, until = open_store(url), time.monotonic() + 30
    is_open = select(func.count()).select_from(Request).where(Request.answered_at.is_(None))
    while time.monotonic() < until:
        with store.sessions() as session:
            if session.scalar(is_open):
                return
        time.sleep(0.02)
    raise AssertionError("nothing was asked")
