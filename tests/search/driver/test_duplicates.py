"""Trials of one configuration are trained once, and stand for each other in store and study."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from results.database.models import TrialState
from results.database.store import open_store
from results.ranking.leaders import rank
from search.driver import Assignment
from search.run import run_search
from search.schedulers.promotion import Promotion
from search.schedulers.verdict import Action
from search.settings import Resources, SearchSettings
from tests.search.crashes import Crashing
from tests.search.curves import make_curves
from tests.search.driver.test_crash_points import check_each_point
from tests.search.histories import History, history, result

SPACE = """
name: doubles
description: the inner widths of attention are rounded, so that two ratios are one network
base: {data: {image_size: 32}, backbone: {name: resnet10t, pretrained: false}, epochs: 3}
axes:
  embedding.placement: {choice: [none, input, stage1]}
  attention.kind: {choice: [se], when: {embedding.placement: stage1}}
  attention.reduction_ratio: {choice: [4, 16, 32], when: {embedding.placement: stage1}}
first:
  - {embedding.placement: stage1, attention.reduction_ratio: 16}
  - {embedding.placement: stage1, attention.reduction_ratio: 32}
"""
SETTINGS = SearchSettings(trials=3, sampler="random", scheduler="none")
ORIGINAL, DUPLICATE = 1, 2


def train(search: History, trial: Assignment, epochs: int = 3) -> TrialState:
    for epoch in range(trial.after_epoch + 1, epochs + 1):
        search.driver.report(trial.number, result(epoch, 0.5 + 0.1 * epoch))
    return search.driver.finish(trial.number)


def start(search: History) -> Assignment:
    """The original, when the baseline is trained."""
    baseline = search.driver.next()
    assert baseline is not None
    train(search, baseline)
    original = search.driver.next()
    assert original is not None
    assert original.number == ORIGINAL
    return original


def check(search: History, state: TrialState, epochs: int, cause: str | None = None) -> None:
    """See that both have ended alike, in store and study, and that only one was trained."""
    rows = search.store.trials(search.experiment.id)
    original, duplicate = rows[ORIGINAL], rows[DUPLICATE]
    assert duplicate.duplicate_of == ORIGINAL
    assert original.config_hash == duplicate.config_hash
    assert original.params != duplicate.params
    for name in ("state", "cause", "reason", "epochs", "mean_auc", "mean_auc_stderr", "costs"):
        assert getattr(original, name) == getattr(duplicate, name), name
    assert (duplicate.state, duplicate.cause, duplicate.epochs) == (state, cause, epochs)
    assert duplicate.seconds == 0
    assert duplicate.ended_at is not None
    assert search.store.epochs(search.experiment.id).get(DUPLICATE) is None
    first, second = optuna.load_study(study_name="history", storage=search.url).trials[1:3]
    assert first.state is second.state
    assert first.state.is_finished()
    assert first.values == second.values
    assert first.intermediate_values == second.intermediate_values
    assert sorted(second.intermediate_values) == list(range(1, epochs + 1))


def test_a_duplicate_of_an_ended_trial_ends_at_once_and_is_ranked_once() -> None:
    with history(SPACE, SETTINGS) as search:
        train(search, start(search))
        assert search.driver.next() is None
        assert search.driver.finished
        check(search, TrialState.COMPLETE, 3)
        assert search.driver.snapshot().counts[TrialState.COMPLETE] == 3
        ranked = rank(search.store, "history")
        assert sorted(ranked["trial"]) == [0, ORIGINAL]
        assert list(ranked["replicates"]) == [1, 1]


@pytest.mark.parametrize("epochs", [3, 1])
@pytest.mark.parametrize("crash", [None, "before", "while", "after"])
def test_a_duplicate_of_a_running_trial_waits_for_its_end(crash: str | None, epochs: int) -> None:
    with history(SPACE, SETTINGS) as search:
        original = start(search)
        if crash == "before":
            search.open()
            again = search.driver.next()
            assert again is not None
            assert again.number == ORIGINAL
        assert search.driver.next() is None
        assert not search.driver.finished
        assert search.store.trials(1)[DUPLICATE].state is TrialState.RUNNING
        if crash == "while":
            search.driver.report(ORIGINAL, result(1, 0.6))
            search.open()
            again = search.driver.next()
            assert again is not None
            assert again.number == ORIGINAL
            assert search.driver.next() is None
        state = train(search, original, epochs)
        if crash == "after":
            search.open()
        assert search.driver.next() is None
        assert search.driver.finished
        check(search, state, epochs)


def test_a_duplicate_whose_original_ended_in_the_store_alone() -> None:
    with history(SPACE, SETTINGS) as search:
        original = start(search)
        assert search.driver.next() is None
        for epoch in (1, 2):
            search.driver.report(original.number, result(epoch, 0.6))
        search.store.finish_trial(1, ORIGINAL, TrialState.PRUNED)
        search.open()
        assert search.driver.next() is None
        check(search, TrialState.PRUNED, 2)


def test_a_duplicate_that_ended_in_the_store_alone() -> None:
    with history(SPACE, SETTINGS) as search:
        original = start(search)
        assert search.driver.next() is None
        for epoch in (1, 2, 3):
            search.driver.report(original.number, result(epoch, 0.6))
        search.store.finish_trial(1, ORIGINAL, TrialState.COMPLETE)
        search.store.answer_trial(1, DUPLICATE, by=ORIGINAL)
        search.open()
        assert search.driver.next() is None
        assert search.driver.finished
        check(search, TrialState.COMPLETE, 3)


@pytest.mark.parametrize("waits", [True, False])
def test_a_duplicate_of_a_failed_trial_fails_without_a_training(waits: bool) -> None:
    with history(SPACE, SETTINGS) as search:
        original = start(search)
        if waits:
            assert search.driver.next() is None
        search.driver.report(original.number, result(1, 0.6))
        search.driver.fail(original.number, "NonFiniteLoss: …\nTraceback …", "non-finite")
        assert search.driver.next() is None
        rows = search.store.trials(1)
        assert rows[DUPLICATE].reason == rows[ORIGINAL].reason is not None
        check(search, TrialState.FAILED, 1, "non-finite")


def test_a_duplicate_of_a_trial_that_gives_its_worker_back_waits_on() -> None:
    with history(SPACE, SETTINGS) as search:
        original = start(search)
        assert search.driver.next() is None
        search.driver.give_back(original.number)
        again = search.driver.next()
        assert again is not None
        assert again.number == ORIGINAL
        train(search, again)
        check(search, TrialState.COMPLETE, 3)


PROMOTE = SearchSettings(
    trials=3, sampler="random", scheduler="promote", reduction_factor=2, grace_epochs=1
)


def promotion(search: History) -> Promotion:
    found = search.driver._decision.promotion
    assert found is not None
    return found


def pause(search: History, trial: Assignment, auc: float) -> None:
    """One epoch more, and a rung."""
    epoch = trial.after_epoch + 1
    verdict = search.driver.report(trial.number, result(epoch, auc))
    assert verdict.action is Action.PAUSE
    assert search.driver.finish(trial.number) is TrialState.RUNNING


@pytest.mark.parametrize("crashes", [False, True])
def test_a_duplicate_of_a_paused_trial_ends_with_it_and_goes_on_with_it(crashes: bool) -> None:
    with history(SPACE, PROMOTE) as search:
        pause(search, start(search), 0.6)
        if crashes:
            search.open()
        # Nothing else is left: the duplicate waits, and the only one at the rung is promoted.
        promoted = search.driver.next()
        assert promoted is not None
        assert (promoted.number, promoted.after_epoch) == (ORIGINAL, 1)
        assert search.store.trials(1)[DUPLICATE].state is TrialState.RUNNING
        if crashes:
            search.open()
            promoted = search.driver.next()
            assert promoted is not None
        pause(search, promoted, 0.65)
        promoted = search.driver.next()
        assert promoted is not None
        train(search, promoted)
        assert search.driver.next() is None
        assert search.driver.finished
        check(search, TrialState.COMPLETE, 3)


def test_a_duplicate_of_a_trial_that_ended_paused_is_opened_again_with_it() -> None:
    with history(SPACE, PROMOTE) as search:
        pause(search, start(search), 0.6)
        # Something better came to the rung, so the original ends where it waits.
        promotion(search).replay(7, [(1, 0.9), (2, 0.9), (3, 0.9)], may_go_on=False)
        assert search.driver.next() is None
        check(search, TrialState.PRUNED, 1)
        # A longer search, in which the others at the rung are worse.
        search.settings = PROMOTE.model_copy(update={"trials": 4})
        search.open()
        for number in (8, 9):
            promotion(search).replay(number, [(1, 0.1)], may_go_on=False)
        again = search.driver.next()
        assert again is not None
        assert (again.number, again.after_epoch) == (ORIGINAL, 1)
        counts = search.driver.snapshot().counts
        assert counts[TrialState.PRUNED] == 0
        assert search.store.trials(1)[DUPLICATE].state is TrialState.RUNNING
        for epoch in (2, 3):
            search.driver.report(ORIGINAL, result(epoch, 0.7))
        search.driver.finish(ORIGINAL)
        check(search, TrialState.COMPLETE, 3)


@pytest.mark.slow
def test_killed_before_each_write_of_a_search_that_opens_a_duplicate_again(
    tmp_path: Path,
) -> None:
    space = SPACE.replace(
        "first:", "  optimizer.weight_decay: {choice: [0.0, 0.1, 0.2, 0.3]}\nfirst:"
    )
    short = Crashing(tmp_path / "short", space, PROMOTE.model_copy(update={"trials": 5}))
    short.make_tables()
    short.run()
    longer = PROMOTE.model_copy(update={"trials": 6})
    # Copies share the checkpoints of the trials that they begin with: let those be there.
    short.copy("before", longer).run()
    check_each_point(short, longer, ["INSERT sedn_trial", "DELETE trial_values"])
    whole = replace(short, folder=tmp_path / "whole", settings=longer)
    before, after = (search.outcome()[DUPLICATE] for search in (short, whole))
    assert before["duplicate_of"] == after["duplicate_of"] == ORIGINAL
    assert before["epochs"] < after["epochs"], "it went on with its original"


def test_no_epoch_is_trained_twice_where_most_draws_repeat(table: Path, store_url: str) -> None:
    space = table.parent / "space.yaml"
    space.write_text(SPACE)
    log = table.parent / "epochs.log"
    outcome = run_search(
        "doubles",
        str(space),
        SearchSettings(data=str(table), trials=20, seed=1, sampler="random", reduction_factor=2),
        store_url,
        Resources(backend="local", storage_path=str(table.parent)),
        train=make_curves(log, seconds=0.05),
    )
    assert outcome.finished
    store = open_store(store_url)
    rows, epochs = store.trials(1), store.epochs(1)
    trials = optuna.load_study(study_name="doubles", storage=store_url).trials
    assert len(rows) == len(trials) == 20
    trained = [row for row in rows if row.duplicate_of is None]
    assert len(trained) == len({row.config_hash for row in rows}) <= 4
    ran = Counter(log.read_text().splitlines())
    assert set(ran.values()) == {1}
    assert len(ran) == sum(row.epochs for row in trained)
    for row, trial in zip(rows, trials, strict=True):
        source = rows[row.trained_number]
        assert (row.state, row.mean_auc) == (source.state, source.mean_auc)
        assert trial.value == row.mean_auc
        assert trial.intermediate_values == {e.epoch: e.mean_auc for e in epochs[source.number]}
    assert len(rank(store, "doubles")) == sum(r.state is TrialState.COMPLETE for r in trained)
