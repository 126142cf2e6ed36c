"""`sedn set` changes a search while the search runs."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from search.backends.virtual import Clock, run_virtual
from search.cli.main import app
from search.lock import sole_driver
from search.progress import Snapshot
from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.errors import UserError
from tests.search.curves import make_curves
from tests.search.histories import FLAT, History, space_of

pytestmark = pytest.mark.usefixtures("requests_at_once")


def sedn_set(url: str, name: str, number: int) -> str:
    """What the command says, called in a thread as from another terminal."""
    done = CliRunner().invoke(app, ["set", name, f"--store={url}", f"--concurrent={number}"])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stderr


def at(moments: dict[int, Callable[[], None]], ran: list[int]) -> Callable[[Snapshot], None]:
    """A watcher that notes how many trials run, and acts as so many have ended."""
    left = dict(moments)

    def watch(snapshot: Snapshot) -> None:
        ran.append(len(snapshot.running))
        if snapshot.ended in left:
            left.pop(snapshot.ended)()

    return watch


def test_fewer_and_then_more_trials_run_at_a_time(url: str) -> None:
    settings = SearchSettings(trials=40, scheduler="none", sampler="random")
    search = History(space_of(FLAT), settings, url)
    notices: list[str] = []
    clock, ran = Clock(), list[int]()
    search.open(clock=clock, on_notice=notices.append)
    moments = {10: lambda: ask(2), 20: lambda: ask(5), 30: lambda: ask(100)}
    seen: dict[int, int] = {}

    def ask(number: int) -> None:
        seen[number] = len(ran)
        assert "at most" in sedn_set(url, "history", number)

    with sole_driver(search.store.engine, "history"):
        curves = make_curves(seconds=1.0, sleeps=False)
        run_virtual(search.driver, curves, clock, workers=8, watch=at(moments, ran))
    assert search.driver.finished
    assert max(ran[: seen[2]]) == 8
    # Those that ran go on to their end first.
    assert set(ran[seen[5] - 4 : seen[5]]) == {2}
    assert max(ran[seen[5] : seen[100]]) == 5
    assert max(ran[seen[100] :]) == 8
    assert [line.split()[4] for line in notices] == ["2", "5", "100"]


def test_a_number_that_cannot_be_asked_for(url: str) -> None:
    for number in (0, -1, 100_000):
        with pytest.raises(UserError, match=f"--concurrent {number}: give a number from 1"):
            sedn_set(url, "history", number)


def test_no_search_runs(url: str) -> None:
    History(space_of(FLAT), SearchSettings(trials=2), url)
    with pytest.raises(UserError, match="no search of 'history' runs now"):
        sedn_set(url, "history", 2)


@pytest.mark.slow
def test_ray_trains_more_trials_at_a_time_once_asked(
    url: str, space_file: Path, tmp_path: Path
) -> None:
    ran, before = list[int](), list[int]()
    notices: list[str] = []

    def ask() -> None:
        before.append(len(ran))
        thread = threading.Thread(target=sedn_set, args=(url, "spring", 3))
        thread.start()
        thread.join()

    outcome = run_search(
        "spring",
        str(space_file),
        SearchSettings(trials=12, scheduler="none", sampler="random"),
        url,
        Resources(storage_path=str(tmp_path), cpus_per_trial=0.25, max_concurrent=1),
        train=make_curves(seconds=0.3),
        watch=at({3: ask}, ran),
        on_notice=notices.append,
    )
    assert outcome.finished
    assert max(ran[: before[0]]) == 1
    assert max(ran[before[0] :]) == 3
    assert any("at most 3 trials at a time from now on; there is room" in one for one in notices)
