"""The rules by which trials stop or pause, against their definitions, and after a crash."""

from collections import Counter, defaultdict
from statistics import fmean, median
from types import SimpleNamespace

import optuna
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from optuna.trial import TrialState as OptunaState
from ray.tune.schedulers import AsyncHyperBandScheduler

from results.database.models import TrialState
from search.backends.local import run_local
from search.driver import Driver
from search.schedulers.choosing import check_scheduler
from search.schedulers.promotion import RIVALS, Promotion
from search.schedulers.rules import (
    MedianStopping,
    SuccessiveHalving,
    bracket_shares,
    rung_epochs,
)
from search.schedulers.verdict import Action, Verdict
from search.settings import SearchSettings
from sedn.errors import UserError
from sedn.training.result import EpochResult
from tests.search.histories import FLAT, History, height, history, result, space_of

AUC = st.integers(0, 64).map(lambda value: value / 64)
"""Such that quantiles are exact, and equal values come up."""


@st.composite
def streams(draw: st.DrawFn) -> list[tuple[int, int, float]]:
    """Epochs of several trials, each trial's in order: number, epoch, mean AUC."""
    left = {number: draw(st.integers(1, 8)) for number in range(draw(st.integers(1, 12)))}
    at = dict.fromkeys(left, 0)
    found = []
    while open_trials := [number for number in left if at[number] < left[number]]:
        number = draw(st.sampled_from(open_trials))
        at[number] += 1
        found.append((number, at[number], draw(AUC)))
    return found


@given(stream=streams(), factor=st.sampled_from([2, 4]), grace=st.integers(1, 3))
def test_successive_halving_decides_as_rays_does(stream, factor: int, grace: int) -> None:
    ray = AsyncHyperBandScheduler(
        time_attr="epoch",
        metric="auc",
        mode="max",
        max_t=9,
        grace_period=grace,
        reduction_factor=factor,
    )
    ours = SuccessiveHalving(rung_epochs(grace, 9, factor), factor)
    for number in {number for number, _, _ in stream}:
        ray.on_trial_add(None, SimpleNamespace(trial_id=number))
    for number, epoch, auc in stream:
        trial = SimpleNamespace(trial_id=number)
        theirs = ray.on_trial_result(None, trial, {"epoch": epoch, "auc": auc})
        assert ours.goes_on(number, epoch, auc) == (theirs == AsyncHyperBandScheduler.CONTINUE)


@given(stream=streams(), grace=st.integers(1, 4), least=st.integers(1, 4))
def test_median_stopping_by_its_definition(stream, grace: int, least: int) -> None:
    rule = MedianStopping(grace, least)
    curves: dict[int, list[float]] = defaultdict(list)
    for number, epoch, auc in stream:
        curves[number].append(auc)
        others = [
            fmean(curve[:epoch])
            for other, curve in curves.items()
            if other != number and len(curve) >= epoch
        ]
        expected = True
        if epoch >= grace and len(others) >= least:
            bar = median(others)
            if abs(bar - max(curves[number])) < 1e-9:
                return
            expected = max(curves[number]) >= bar
        assert rule.goes_on(number, epoch, auc) == expected


@given(stream=streams(), data=st.data())
@hypothesis_settings(max_examples=40)
def test_the_order_of_past_trials_does_not_matter(stream, data: st.DataObject) -> None:
    numbers = data.draw(st.permutations(sorted({number for number, _, _ in stream})))
    by_trial = sorted(stream, key=lambda event: (numbers.index(event[0]), event[1]))
    for make in (lambda: SuccessiveHalving((1, 2, 4), 2, 3), lambda: MedianStopping(1, 1)):
        first, second = make(), make()
        for event in stream:
            first.goes_on(*event)
        for event in by_trial:
            second.goes_on(*event)
        for epoch in range(1, 9):
            assert first.goes_on(99, epoch, 0.5) == second.goes_on(99, epoch, 0.5)


def test_hyperbands_brackets() -> None:
    assert rung_epochs(1, 27, 3) == (1, 3, 9)
    assert rung_epochs(4, 16, 3) == (4, 12)
    shares = bracket_shares(3, 3, 4)
    assert shares == pytest.approx(
        [27 / 4 / (27 / 4 + 9 / 3 + 3 / 2 + 1), 3 / 12.25, 1.5 / 12.25, 1 / 12.25]
    )
    rule = SuccessiveHalving((1, 3, 9), 3, 4, seed=5)
    drawn = Counter(rule.bracket(number) for number in range(3000))
    assert [drawn[b] / 3000 for b in range(4)] == pytest.approx(list(shares), abs=0.03)
    again = SuccessiveHalving((1, 3, 9), 3, 4, seed=5)
    assert all(rule.bracket(n) == again.bracket(n) for n in range(50))
    full = next(n for n in range(50) if rule.bracket(n) == 3)
    for other in range(100, 130):
        for epoch in (1, 3, 9):
            rule.goes_on(other, epoch, 1.0)
    assert all(rule.goes_on(full, epoch, 0.0) for epoch in range(1, 28)), "bracket without rungs"


def test_promotion_by_an_example() -> None:
    rule = Promotion((1, 2), 2)
    assert not rule.goes_on(0, 1, 0.1)
    assert rule.promote() is None, "half of one is none"
    assert not rule.goes_on(1, 1, 0.5)
    assert rule.promote() == 1
    assert rule.promote() is None
    assert not rule.goes_on(1, 2, 0.6)
    assert not rule.goes_on(2, 1, 0.3)
    assert not rule.goes_on(3, 1, 0.4)
    assert rule.promote() == 3
    assert not rule.goes_on(3, 2, 0.7)
    assert rule.promote() == 3, "the higher rung comes first"
    assert rule.goes_on(3, 3, 0.8)
    assert rule.is_paused(1)
    assert not rule.is_paused(3)


def test_beyond_the_first_rung_the_better_of_two_goes_on() -> None:
    rule = Promotion((1, 2), 3)
    promoted = []
    for number, auc in enumerate((0.1, 0.5, 0.3, 0.2, 0.4)):
        assert not rule.goes_on(number, 1, auc)
        promoted.append(rule.promote())
    assert promoted == [None, None, 1, None, None], "at the first rung the best of three"
    assert not rule.goes_on(1, 2, 0.6)
    assert rule.promote() is None, "there is none to compare with"
    assert not rule.goes_on(5, 1, 0.0)
    assert rule.promote() == 4
    assert not rule.goes_on(4, 2, 0.7)
    assert rule.promote() == 4
    assert rule.promote() is None, "the other one is not the best"


def test_the_baseline_goes_on_when_a_trial_has_left_the_last_rung() -> None:
    rule = Promotion((1, 2), 2)
    assert not rule.baseline_goes_on(0, 1)
    assert rule.is_paused(0)
    for number, auc in ((1, 0.5), (2, 0.6), (3, 0.4), (4, 0.7)):
        assert not rule.goes_on(number, 1, auc)
    assert [rule.promote() for _ in range(2)] == [4, 2]
    assert not rule.goes_on(4, 2, 0.8)
    assert not rule.goes_on(2, 2, 0.7)
    assert rule.release_baseline() is None
    assert rule.promote() == 4
    assert rule.release_baseline() == 0
    assert rule.release_baseline() is None
    assert not rule.is_paused(0)
    assert rule.baseline_goes_on(0, 1), "its worker was lost before the next epoch"


def test_the_baseline_goes_on_when_nothing_else_will() -> None:
    rule = Promotion((1, 2), 2)
    assert not rule.baseline_goes_on(0, 1)
    assert rule.release_baseline() is None
    assert rule.release_baseline(last=True) == 0


@given(aucs=st.lists(AUC, min_size=2, max_size=20), factor=st.integers(2, 4))
def test_promoted_are_the_best_of_their_rung(aucs: list[float], factor: int) -> None:
    """One worker: after each promotion, what went on was among the best then."""
    rule = Promotion((1, 2, 4), factor)
    reached: dict[int, dict[int, float]] = {1: {}, 2: {}, 4: {}}
    at: dict[int, int] = {}

    def go(number: int, epoch: int) -> None:
        at[number] = epoch
        reached[epoch][number] = aucs[number] + epoch
        assert not rule.goes_on(number, epoch, aucs[number] + epoch)

    finished = []
    for number in range(len(aucs)):
        while (promoted := rule.promote()) is not None:
            rung = reached[at[promoted]]
            better = sum(auc > rung[promoted] for auc in rung.values())
            leads = at[promoted] > 1 and len(rung) >= RIVALS
            assert better < max(len(rung) // factor, int(leads))
            if at[promoted] == 4:
                assert all(rule.goes_on(promoted, epoch, 9.0) for epoch in (5, 6))
                finished.append(promoted)
            else:
                go(promoted, at[promoted] * 2)
        go(number, 1)
    while (promoted := rule.promote(last=True)) is not None:
        if at[promoted] == 4:
            finished.append(promoted)
        else:
            go(promoted, at[promoted] * 2)
    assert finished, "even a small search trains one to its end"


SPACE = FLAT.replace("epochs: 3", "epochs: 8")


def auc_at(config, epoch: int) -> float:
    """Curves that cross: the best at the end is not the best at the beginning."""
    rate = 0.3 + 10 * config.optimizer.learning_rate
    return height(config) * (1 - 0.5 ** (rate * epoch))


class Crashed(Exception):
    """The process is gone."""


class Crashing:
    """A search in this process that crashes after the events asked for, and is started again."""

    def __init__(self, search: History, crashes: set[int]) -> None:
        self.search = search
        self.crashes = crashes
        self.event = 0
        self.decisions: dict[tuple[int, int], Action] = {}

    def run(self) -> None:
        while True:
            self.search.open()
            self.watch(self.search.driver)
            try:
                run_local(self.search.driver, train)
            except Crashed:
                continue
            assert self.search.driver.finished
            return

    def watch(self, driver: Driver) -> None:
        """Note what is decided, and crash before and after each write of an epoch and an end."""
        report, finish = driver.report, driver.finish

        def reporting(number: int, result: EpochResult, node: str | None = None) -> Verdict:
            self.happen()
            verdict = report(number, result, node)
            known = self.decisions.setdefault((number, result.epoch), verdict.action)
            assert known is verdict.action, "decided otherwise than before the crash"
            self.happen()
            return verdict

        def finishing(number: int) -> TrialState:
            state = finish(number)
            self.happen()
            return state

        driver.report = reporting
        driver.finish = finishing

    def happen(self) -> None:
        self.event += 1
        if self.event - 1 in self.crashes:
            raise Crashed


def train(config, folder: str, after_epoch: int, bounds):
    for epoch in range(after_epoch + 1, config.epochs + 1):
        yield result(epoch, auc_at(config, epoch))


def decide(scheduler: str, crashes: set[int], trials: int = 9):
    settings = SearchSettings(
        trials=trials,
        seed=3,
        sampler="random",
        scheduler=scheduler,
        reduction_factor=2,
        grace_epochs=1,
        min_trials=2,
    )
    with history(SPACE, settings) as search:
        driver = Crashing(search, crashes)
        driver.run()
        check_truth(search)
        states = [row.state for row in search.store.trials(search.experiment.id)]
        return list(driver.decisions.items()), states


def check_truth(search: History) -> None:
    """Study and store agree, and intermediate values are complete."""
    trials = optuna.load_study(study_name="history", storage=search.url).trials
    rows = search.store.trials(search.experiment.id)
    epochs = search.store.epochs(search.experiment.id)
    assert len(rows) == len(trials)
    for row, trial in zip(rows, trials, strict=True):
        assert trial.state.is_finished()
        assert trial.intermediate_values == {e.epoch: e.mean_auc for e in epochs[row.number]}
        assert sorted(trial.intermediate_values) == list(range(1, row.epochs + 1))
        full = row.epochs == row.target_epochs
        assert row.state is (TrialState.COMPLETE if full else TrialState.PRUNED)
        assert trial.state is (OptunaState.COMPLETE if full else OptunaState.PRUNED)
        assert trial.value == pytest.approx(row.mean_auc)


UNINTERRUPTED: dict[str, tuple] = {}
SCHEDULERS = ("asha", "hyperband", "median", "promote")


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@given(crashes=st.sets(st.integers(0, 60), max_size=8))
@example(crashes={3, 8, 9, 15, 22, 31})
@hypothesis_settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_crash_changes_no_decision(scheduler: str, crashes: set[int]) -> None:
    if scheduler not in UNINTERRUPTED:
        UNINTERRUPTED[scheduler] = decide(scheduler, set())
    decisions, states = decide(scheduler, crashes)
    assert (decisions, states) == UNINTERRUPTED[scheduler]
    counted = Counter(states)
    assert counted[TrialState.PRUNED] > 1
    assert counted[TrialState.COMPLETE] > 1
    assert states[0] is TrialState.COMPLETE, "the baseline is never stopped"


LONGER = SearchSettings(
    trials=4, seed=3, sampler="random", scheduler="promote", reduction_factor=2, grace_epochs=1
)


def go_on_with_more_trials(search: History) -> None:
    Crashing(search, set()).run()
    check_truth(search)
    before = search.store.trials(search.experiment.id)
    search.settings = LONGER.model_copy(update={"trials": 12})
    Crashing(search, {4, 9}).run()
    check_truth(search)
    after = search.store.trials(search.experiment.id)
    assert len(after) == 12
    assert any(
        now.epochs > then.epochs and then.state is TrialState.PRUNED
        for then, now in zip(before, after, strict=False)
    )


def test_what_ended_paused_may_still_be_promoted() -> None:
    with history(SPACE, LONGER) as search:
        go_on_with_more_trials(search)


def test_what_ended_paused_may_still_be_promoted_in_postgresql(postgres_url: str) -> None:
    go_on_with_more_trials(History(space_of(SPACE), LONGER, postgres_url))


WRONG = [
    ({"scheduler": "asha", "brackets": 2}, "`brackets`: scheduler 'asha' does not take it; hyper"),
    ({"scheduler": "none", "grace_epochs": 2}, "`grace_epochs`: scheduler 'none' does not take"),
    ({"scheduler": "median", "reduction_factor": 2}, "`reduction_factor`: scheduler 'median'"),
    ({"scheduler": "promote", "min_trials": 2}, "`min_trials`: .*; median does"),
    ({"scheduler": "asha", "grace_epochs": 8}, "`grace_epochs=8`: a full training has 8 epochs"),
    ({"scheduler": "hyperband", "brackets": 9}, "`brackets=9`: with 2 rungs below 8 epochs"),
]


@pytest.mark.parametrize(("fields", "expected"), WRONG)
def test_wrong_options_are_said_in_one_line(fields: dict, expected: str) -> None:
    with pytest.raises(UserError, match=expected) as said:
        check_scheduler(SearchSettings(**fields), 8)
    assert len(str(said.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("grace", "epochs", "fold", "rungs"),
    [
        (2, 45, 9, (2, 6, 18)),
        (2, 18, 9, (2, 6)),
        (1, 5, 1, (1, 3)),
        (10, 200, 40, (10, 30, 120)),
        (40, 200, 40, (40, 120)),
        (41, 200, 40, (80,)),
        (161, 200, 40, ()),
        (2, 9, 9, (2, 6)),
    ],
)
def test_beyond_the_first_fold_rungs_lie_at_ends_of_folds(
    grace: int, epochs: int, fold: int, rungs: tuple[int, ...]
) -> None:
    assert rung_epochs(grace, epochs, 3, fold) == rungs


def test_right_options_are_taken() -> None:
    for scheduler in (*SCHEDULERS, "none"):
        check_scheduler(SearchSettings(scheduler=scheduler), 1)
        check_scheduler(SearchSettings(scheduler=scheduler), 30)
    check_scheduler(SearchSettings(scheduler="hyperband", brackets=3, grace_epochs=2), 8)
