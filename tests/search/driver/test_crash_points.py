"""A search that is killed before each of its writes in turn comes to the same end."""

import random
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from results.database.models import TrialState
from search.settings import SearchSettings
from tests.search.crashes import Crashing
from tests.search.histories import CONDITIONAL, FINITE_CONDITIONAL


def settings(scheduler: str, sampler: str, trials: int, *where: str) -> SearchSettings:
    options: dict[str, Any] = {"n_startup_trials": 2} if sampler == "tpe" else {}
    return SearchSettings(
        trials=trials,
        seed=2,
        sampler=sampler,
        sampler_options=options,
        scheduler=scheduler,
        where=where,
        reduction_factor=2,
        grace_epochs=None if scheduler == "none" else 1,
    )


POINTS = {
    "ask": "INSERT trials",
    "the enqueued trial is taken": "UPDATE trials",
    "draw": "INSERT trial_params",
    "start": "INSERT sedn_trial, INSERT sedn_setup",
    "checkpoint": "checkpoint",
    "checkpoint is there": "checkpoint is there",
    "report to the store": "INSERT sedn_epoch",
    "report to the study": "INSERT trial_intermediate_values",
    "end in the store": "UPDATE sedn_trial, INSERT sedn_label_aucs",
    "told": "UPDATE trials, INSERT trial_values",
}


def check_each_point(
    start: Crashing,
    chosen: SearchSettings,
    points: Iterable[str],
    which: slice = slice(None),
) -> None:
    """Go on from ``start``, killed before each write; ``points`` are among them."""
    whole = start.copy("whole", chosen)
    writes, outcome = whole.writes(), whole.outcome()
    assert [p for p in points if not any(p in w for w in writes[which])] == []
    for at, what in list(enumerate(writes, start=1))[which]:
        search = start.copy(str(at), chosen)
        assert search.run_and_die(at)
        search.run()
        assert search.outcome() == outcome, f"killed before write {at}: {what}"
        shutil.rmtree(search.folder)


@pytest.fixture
def start(tmp_path: Path) -> Crashing:
    """Tables, and nothing in them."""
    search = Crashing(tmp_path / "start", CONDITIONAL, settings("none", "random", 1))
    search.make_tables()
    return search


@pytest.mark.slow
def test_killed_before_each_write_of_two_trials(start: Crashing) -> None:
    two_epochs = settings("none", "random", 2).model_copy(update={"epochs": 2})
    check_each_point(start, two_epochs, POINTS.values())


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", ["asha", "promote"])
def test_killed_before_each_write(scheduler: str, start: Crashing) -> None:
    check_each_point(start, settings(scheduler, "tpe", 4), POINTS.values())


@pytest.mark.slow
def test_killed_before_each_write_of_a_longer_search_that_reopens_trials(start: Crashing) -> None:
    short = start.copy("short", settings("promote", "random", 4))
    short.run()
    states = [trial["state"] for trial in short.outcome()]
    assert TrialState.PRUNED in states
    longer, reopened = settings("promote", "random", 8), "DELETE trial_values"
    writes = short.copy("longer", longer).writes()
    first = next(at for at, what in enumerate(writes) if reopened in what)
    check_each_point(short, longer, [reopened], slice(first - 3, first + 12))


@pytest.mark.parametrize("where", [(), pytest.param(("flops<3",), marks=pytest.mark.slow)], ids=len)
@pytest.mark.parametrize("scheduler", ["asha", "promote"])
def test_killed_again_and_again(scheduler: str, where: tuple[str, ...], start: Crashing) -> None:
    """Also while it sets right what the crash before has left."""
    chosen = settings(scheduler, "tpe", 6, *where)
    start = replace(start, space=FINITE_CONDITIONAL)
    whole = start.copy("whole", chosen)
    whole.run()
    causes = {trial["cause"] for trial in whole.outcome()}
    assert causes == ({None, "too-costly"} if where else {None})
    lives, killed = random.Random(0), 0
    search = start.copy("killed", chosen)
    while search.run_and_die(lives.randint(2, 20)):
        killed += 1
        assert killed < 200, "no life comes further than the one before"
    assert killed > 5
    assert search.outcome() == whole.outcome()
