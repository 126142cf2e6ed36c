"""A trial that costs more than a constraint allows is stopped after its first epoch."""

from dataclasses import replace
from pathlib import Path

import pytest

from results.database.models import TrialState
from results.goals.objectives import Goals
from search.backends.local import run_local
from search.driver.recovery import Past
from search.schedulers.choosing import make_decision
from search.schedulers.decision import TOO_COSTLY
from search.schedulers.verdict import GO_ON
from search.settings import SearchSettings
from sedn.measures import goals
from sedn.training.result import EpochResult
from tests.search.histories import FLAT, history, result

WHERE = ("flops<3", "mean_auc>0.9", "peak_memory<1G")
UNMEASURED = dict.fromkeys(goals())


def settings(**fields) -> SearchSettings:
    return SearchSettings(**{"trials": 3, "sampler": "random", "where": WHERE, **fields})


def reached(flops: int | None, auc: float = 0.5) -> EpochResult:
    """The first epoch of a training that holds more memory than is wanted."""
    return replace(result(1, auc), costs={"flops": flops, "peak_memory": int(2e9)})


@pytest.mark.parametrize(
    ("measured", "exceeded"),
    [
        ({"flops": 4.0}, "flops<3: it has 4"),
        ({"flops": 3.0}, "flops<3: it has 3"),
        ({"flops": 26123456.0}, "flops<3: it has 26,123,456"),
        ({"flops": 2.0}, None),
        ({"peak_memory": 2e9}, None),
        ({"mean_auc": 0.1, "worst_auc": 0.1}, None),
        ({}, None),
    ],
)
def test_only_what_a_trial_costs_for_good_counts(measured, exceeded: str | None) -> None:
    goals = Goals.of({"where": WHERE})
    assert goals.exceeded(UNMEASURED | measured) == exceeded


@pytest.mark.parametrize("scheduler", ["asha", "median", "none"])
def test_all_but_the_baseline_are_stopped_and_no_rule_compares_with_them(scheduler: str) -> None:
    decision = make_decision(settings(scheduler=scheduler), 8)
    for number in range(20):
        costly = replace(reached(4, 0.9), epoch=2)
        verdict = decision.decide(number, costly, epochs=8, is_baseline=number == 0)
        assert verdict.cause == (TOO_COSTLY if number else None)
        assert verdict.ends_training is (number > 0)
    cheap = replace(reached(2, 0.1), epoch=2)
    assert decision.decide(20, cheap, epochs=8, is_baseline=False) == GO_ON


def test_it_ends_as_pruned_with_what_it_reached_and_says_why() -> None:
    with history(FLAT, settings()) as search:
        for number, flops in enumerate((4, 4, 2)):
            trial = search.driver.next()
            assert trial.number == number
            search.driver.report(number, reached(flops))
            if number:
                search.driver.finish(number)
        rows = search.store.trials(search.experiment.id)
        told = search.open_study().trials
        past = Past.read(search.driver._writer)
        shown = [one.number for one in past.curves(make_decision(search.settings, 3))]
    assert [row.state.name for row in rows] == ["RUNNING", "PRUNED", "PRUNED"]
    assert [row.cause for row in rows] == [None, "too-costly", None]
    assert rows[1].reason == "flops<3: it has 4"
    assert told[1].value == rows[1].mean_auc == 0.5
    assert list(told[1].constraints.values()) == pytest.approx([1 / 3, 0.4 / 0.9, 1.0])
    assert shown == [0, 2], "no rule is shown it again"


def test_it_is_not_promoted() -> None:
    chosen = settings(scheduler="promote", trials=4, reduction_factor=2, grace_epochs=1)
    with history(FLAT, chosen) as search:
        trained = []

        def train(config, folder: str, after_epoch: int, bounds):
            number = int(Path(folder).name)
            for epoch in range(after_epoch + 1, config.epochs + 1):
                trained.append((number, epoch))
                yield replace(reached(4 if number == 1 else 2, 0.8 - number / 10), epoch=epoch)

        run_local(search.driver, train)
        rows = search.store.trials(search.experiment.id)
    assert [epoch for number, epoch in trained if number == 1] == [1]
    assert rows[1].cause == "too-costly"
    assert (2, 2) in trained, "the best of those that may go on does"
    assert all(row.state is not TrialState.RUNNING for row in rows)


def test_it_is_trained_on_where_that_is_asked_for() -> None:
    decision = make_decision(settings(futility=False, scheduler="none"), 8)
    assert decision.decide(5, reached(4, 0.9), epochs=8, is_baseline=False) == GO_ON
    with history(FLAT, settings(futility=False)) as search:
        for _ in range(2):
            number = search.driver.next().number
            search.driver.report(number, reached(4))
        search.driver.finish(number)
        row = search.store.trial(search.experiment.id, number)
    assert row.state is TrialState.PRUNED
    assert row.cause is None
