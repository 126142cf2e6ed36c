"""What ends a search, counted over all its runs."""

from datetime import UTC, datetime, timedelta

import pytest

from results.database.models import Epoch
from search.budgets import Score, on_plateau, trained_seconds
from search.packing import Grant
from search.settings import SearchSettings
from tests.search.histories import FINITE, FLAT, History, height, history, result


def scores(*aucs: float) -> list[Score]:
    return [Score(auc, 0.01) for auc in aucs]


@pytest.mark.parametrize(
    ("aucs", "patience", "expected"),
    [
        ((), 1, False),
        ((0.7,), 1, False),
        ((0.7, 0.7), 1, True),
        ((0.7, 0.705), 1, True),
        ((0.7, 0.72), 1, False),
        ((0.7, 0.72, 0.6), 1, True),
        ((0.7, 0.72, 0.6), 2, False),
        ((0.8, 0.72, 0.6), 2, True),
        ((0.8, 0.72, 0.6), 3, False),
        ((0.8, 0.72, 0.6), None, False),
    ],
)
def test_plateau_by_its_rule(aucs, patience: int | None, expected: bool) -> None:
    assert on_plateau(scores(*aucs), patience) is expected


def test_time_in_which_something_is_trained() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)

    def epoch(ended: float, seconds: float) -> Epoch:
        return Epoch(recorded_at=start + timedelta(seconds=ended), seconds=seconds)

    assert trained_seconds([]) == 0
    assert trained_seconds([epoch(10, 10), epoch(20, 10)]) == pytest.approx(20)
    assert trained_seconds([epoch(10, 10), epoch(12, 10)]) == pytest.approx(12), "two at a time"
    assert trained_seconds([epoch(100, 50), epoch(90, 5)]) == pytest.approx(50), "one in another"
    assert trained_seconds([epoch(1000, 10), epoch(10, 10)]) == pytest.approx(20), "a night between"


def train_next(search: History, seconds: float = 0.5) -> bool:
    trial = search.driver.next()
    if trial is None:
        return False
    for epoch in range(trial.after_epoch + 1, trial.config.epochs + 1):
        search.driver.report(
            trial.number, result(epoch, height(trial.config) * (1 - 0.5**epoch), seconds)
        )
    search.driver.finish(trial.number)
    return True


def test_a_search_on_a_plateau_starts_no_more_and_a_resumed_one_neither() -> None:
    settings = SearchSettings(trials=60, sampler="random", scheduler="none", plateau=3, seed=1)
    with history(FLAT, settings) as search:
        ended = 0
        while train_next(search):
            ended += 1
            assert ended < 60
            search.open()
        assert search.driver.finished
        assert search.driver.ended_by == "plateau"
        search.settings = settings.model_copy(update={"plateau": None, "trials": ended + 2})
        search.open()
        assert train_next(search)
        assert train_next(search)
        assert not train_next(search)
        assert search.driver.ended_by == "trials"


def test_every_point_tried_is_an_end_too() -> None:
    settings = SearchSettings(trials=60, sampler="brute-force", scheduler="none")
    with history(FINITE, settings) as search:
        for _ in range(12):
            assert search.driver.ended_by is None
            assert train_next(search)
        assert search.driver.next() is None
        assert search.driver.ended_by == "points"
        assert len(search.params()) == search.driver.snapshot().asked == 12


def test_gpu_hours_are_counted_over_all_runs() -> None:
    settings = SearchSettings(trials=60, sampler="random", scheduler="none", gpu_hours=1.0)
    with history(FLAT, settings) as search:
        search.driver.places.grant = Grant(gpus=2.0)
        train_next(search, seconds=299)
        assert not search.driver.out_of_budget
        search.open()
        assert not search.driver.out_of_budget
        search.driver.places.grant = Grant(gpus=1.0)
        train_next(search, seconds=600)
        assert search.driver.ended_by is None
        trial = search.driver.next()
        assert trial is not None
        search.driver.report(trial.number, result(1, 0.5, seconds=6.1))
        assert search.driver.ended_by == "gpu-hours"
        assert not search.driver.finished, "what was cut off goes on with more"
        search.open()
        assert search.driver.ended_by == "gpu-hours"
        search.settings = settings.model_copy(update={"gpu_hours": 2.0})
        search.open()
        assert search.driver.ended_by is None
        again = search.driver.next()
        assert again is not None
        assert again.number == trial.number


def test_time_is_counted_over_all_runs() -> None:
    settings = SearchSettings(trials=60, sampler="random", scheduler="none", time_seconds=3600)
    with history(FLAT, settings) as search:
        train_next(search, seconds=3000)
        assert search.driver.ended_by is None, (
            "epochs of 3,000 s that end within moments run side by side"
        )
        search.open()
        assert search.driver.ended_by is None
        trial = search.driver.next()
        assert trial is not None
        search.driver.report(trial.number, result(1, 0.5, seconds=3700))
        search.open()
        assert search.driver.ended_by == "time"
