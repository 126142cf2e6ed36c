"""A trial that can no longer become the best is stopped; one that would become it never is."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from results.database.models import TrialState
from results.database.store import open_store
from search.driver.recovery import Past
from search.run import run_search
from search.schedulers.choosing import make_decision
from search.schedulers.futility import FUTILE
from search.settings import Resources, SearchSettings
from tests.search.curves import make_curves
from tests.search.histories import FLAT, history, result
from tests.search.schedulers.test_schedulers import Crashing, check_truth

NAN = float("nan")


def decision_of(epochs: int = 8, **fields):
    settings = SearchSettings(**{"scheduler": "median", "min_trials": 1000, **fields})
    return make_decision(settings, epochs)


def show(decision, number: int, curve: dict[int, float]) -> None:
    for epoch, auc in curve.items():
        decision.goes_on(number, epoch, auc, 0.01)


def complete(decision, trials: int = 5) -> None:
    """From epoch 2 each rises by 0.2, trial 3 by 0.25; the best reaches 0.9."""
    for number in range(trials):
        rise = 0.25 if number == 3 else 0.2
        end = 0.9 if number == 1 else 0.8
        show(decision, number, {2: end - rise, 4: end - rise / 2, 8: end})


@pytest.mark.parametrize(
    ("epoch", "auc", "stderr", "goes_on"),
    [
        (2, 0.66, 0.0, True),
        (2, 0.64, 0.0, False),
        (2, 0.64, 0.02, True),
        (2, 0.64, NAN, True),
        (4, 0.64, 0.02, False),
        (4, 0.78, 0.0, True),
        (1, 0.1, 0.0, True),
        (3, 0.1, 0.0, True),
        (8, 0.1, 0.0, True),
    ],
)
def test_futility_by_its_rule(epoch: int, auc: float, stderr: float, goes_on: bool) -> None:
    decision = decision_of(grace_epochs=2)
    complete(decision)
    assert decision.goes_on(9, epoch, auc, stderr) is goes_on


def test_nothing_is_stopped_before_the_grace_epochs_or_on_too_few_curves() -> None:
    early, few = decision_of(grace_epochs=5), decision_of(grace_epochs=2)
    complete(early)
    complete(few, trials=4)
    assert early.goes_on(9, 4, 0.1, 0.0)
    assert few.goes_on(9, 4, 0.1, 0.0)
    show(few, 4, {2: 0.6, 4: 0.7, 8: 0.8})
    assert not few.goes_on(9, 4, 0.1, 0.0)


def test_the_baseline_goes_on_and_has_to_be_beaten() -> None:
    decision = decision_of(grace_epochs=2)
    for number in range(1, 6):
        show(decision, number, {2: 0.6, 8: 0.7})
    assert decision.goes_on(0, 2, 0.1, 0.0, is_baseline=True)
    assert decision.goes_on(9, 2, 0.65, 0.0)
    decision.goes_on(0, 8, 0.8, 0.0, is_baseline=True)
    # The baseline rose by 0.7 from epoch 2, and may be followed in that.
    assert decision.goes_on(9, 2, 0.15, 0.0)
    show(decision, 0, {2: 0.7})
    assert not decision.goes_on(9, 2, 0.65, 0.0)


@pytest.mark.parametrize(
    "fields",
    [
        {"futility": False},
        {"scheduler": "none", "min_trials": None},
        {"objective": ("auc", "latency")},
        {"objective": ("worst-auc",)},
        {"where": ("latency_ms<5",)},
    ],
)
def test_where_a_lower_auc_may_be_wanted_nothing_is_futile(fields: dict) -> None:
    decision = decision_of(**fields)
    complete(decision)
    assert decision.goes_on(9, 4, 0.1, 0.0)


EPOCHS = 6
AUC = st.integers(0, 32).map(lambda value: value / 64)


@st.composite
def curves(draw: st.DrawFn) -> list[list[float]]:
    """Five curves of any form, and more that rise from no epoch on more than one of those."""
    seen = [draw(st.lists(AUC, min_size=EPOCHS, max_size=EPOCHS)) for _ in range(5)]
    most = [max(curve[-1] - curve[at] for curve in seen) for at in range(EPOCHS)]
    later = []
    for _ in range(draw(st.integers(1, 6))):
        end = draw(AUC)
        falls = [draw(st.integers(0, 32)) / 64 for _ in range(EPOCHS - 1)]
        later.append([end - most[at] + fall for at, fall in enumerate(falls)] + [end])
    return seen + later


@given(curves=curves(), data=st.data())
def test_what_would_have_become_the_best_is_never_stopped(curves, data: st.DataObject) -> None:
    decision = decision_of(EPOCHS, grace_epochs=1)
    for number, curve in enumerate(curves[:5]):
        show(decision, number, dict(enumerate(curve, start=1)))
    ends = [curve[-1] for curve in curves[:5]]
    at = dict.fromkeys(range(5, len(curves)), 0)
    stopped: set[int] = set()
    # Any number of them run side by side.
    while running := [n for n, epoch in at.items() if epoch < EPOCHS and n not in stopped]:
        number = data.draw(st.sampled_from(running))
        at[number] += 1
        auc = curves[number][at[number] - 1]
        if not decision.goes_on(number, at[number], auc, 0.0):
            stopped.add(number)
            assert curves[number][-1] < max(ends), "it would have become the best"
        elif at[number] == EPOCHS:
            ends.append(auc)
    assert max(ends) == max(curve[-1] for curve in curves)


SPACE = FLAT.replace("epochs: 3", "epochs: 8")


def run(crashes: set[int], **fields):
    """Ray's part, without Ray: what is decided, and how each trial ends."""
    settings = SearchSettings(
        trials=16, seed=3, sampler="random", scheduler="median", min_trials=100, **fields
    )
    with history(SPACE, settings) as search:
        driver = Crashing(search, crashes)
        driver.run()
        check_truth(search)
        rows = search.store.trials(search.experiment.id)
        return list(driver.decisions.items()), rows


def test_a_search_stops_the_futile_and_loses_not_the_best() -> None:
    _, rows = run(set())
    _, all_trained = run(set(), futility=False)
    stopped = [row for row in rows if row.state is TrialState.PRUNED]
    assert len(stopped) > 2
    assert {(row.cause, row.reason) for row in stopped} == {(None, FUTILE)}
    assert all(row.epochs >= 2 for row in stopped), "a quarter of all is each trial's"
    assert {row.state for row in all_trained} == {TrialState.COMPLETE}
    best, truly = (
        max(found, key=lambda row: (row.epochs, row.mean_auc)) for found in (rows, all_trained)
    )
    assert best.number == truly.number


@given(crashes=st.sets(st.integers(0, 200), max_size=10))
@hypothesis_settings(max_examples=2, deadline=None)
def test_a_resumed_search_finds_the_same_futile(crashes: set[int]) -> None:
    decisions, rows = run(crashes)
    expected, of_uninterrupted = run(set())
    assert decisions == expected
    assert [row.state for row in rows] == [row.state for row in of_uninterrupted]


def test_the_past_has_what_the_rule_needs() -> None:
    settings = SearchSettings(trials=2, scheduler="asha")
    with history(SPACE, settings) as search:
        trial = search.driver.next()
        for epoch in (1, 2):
            search.driver.report(trial.number, result(epoch, 0.5))
        past = Past.read(search.driver._writer)
        (shown,) = past.curves(make_decision(settings, 8))
        assert (shown.number, shown.curve) == (0, ((1, 0.5, 0.01),))


@pytest.mark.slow
def test_ray_tells_the_rule_what_it_needs(table: Path, space_file: Path, store_url: str) -> None:
    settings = SearchSettings(
        data=str(table), trials=14, seed=1, sampler="random", scheduler="median", min_trials=1000
    )
    where = Resources(storage_path=str(table.parent), max_concurrent=1)
    run_search("futile", str(space_file), settings, store_url, where, train=make_curves())
    rows = open_store(store_url).trials(1)
    stopped = [row for row in rows if row.state is TrialState.PRUNED]
    assert len(stopped) > 2
    assert {row.cause for row in stopped} == {None}
    expected = decision_of(4, grace_epochs=1)
    for row in rows:
        epochs = open_store(store_url).epochs_of(1, row.number)
        known = [expected.goes_on(row.number, e.epoch, e.mean_auc, 0.01) for e in epochs]
        assert known == [True] * (row.epochs - 1) + [row.state is TrialState.COMPLETE]
