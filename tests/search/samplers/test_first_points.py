"""What a space names to be tried first comes right after the baseline, once, whatever crashes."""

import optuna
import pytest

from search.samplers.choosing import exhausted_after
from search.settings import SearchSettings
from search.study import open_study
from tests.search.histories import CONDITIONAL, FINITE, History, height, history, result

FIRST = """
first:
  - {embedding.placement: stage1, embedding.fusion: add, optimizer.weight_decay: 0.1}
  - {}
  - {embedding.placement: input}
"""
GRID_FIRST = """
first:
  - {embedding.placement: stage1, optimizer.weight_decay: 0.1}
  - {embedding.placement: input}
"""


def train_next(search: History) -> bool:
    trial = search.driver.next()
    if trial is None:
        return False
    for epoch in range(trial.after_epoch + 1, trial.config.epochs + 1):
        search.driver.report(trial.number, result(epoch, height(trial.config)))
    search.driver.finish(trial.number)
    return True


def test_first_points_come_after_the_baseline_and_only_once() -> None:
    settings = SearchSettings(trials=6, sampler="random", scheduler="none")
    with history(CONDITIONAL + FIRST, settings) as search:
        while train_next(search):
            search.open()
        params = search.params()
    assert len(params) == 6
    assert [p["embedding.placement"] for p in params[:3]] == ["none", "stage1", "input"]
    assert params[1]["embedding.fusion"] == "add"
    assert params[1]["optimizer.weight_decay"] == 0.1
    assert params[1]["attention.reduction_ratio"] == search.space.axes[4].default
    assert params[:3] == [search.space.baseline_params(), *search.space.first[::2]], (
        "the point that is the baseline does not come again"
    )
    rates = {p["optimizer.learning_rate"] for p in params[3:]}
    assert len(rates) == 3, "the rest is drawn"


def test_a_crash_between_two_of_them_loses_none() -> None:
    settings = SearchSettings(trials=4, sampler="random", scheduler="none")
    with history(CONDITIONAL + FIRST, settings) as search:
        expected = [one.system_attrs["fixed_params"] for one in waiting(search)]
        assert len(expected) == 3
        study = optuna.load_study(study_name="history", storage=search.url)
        optuna.delete_study(study_name="history", storage=search.url)
        study = optuna.create_study(study_name="history", storage=search.url, direction="maximize")
        for point, attrs in zip(expected[:2], ({"role": "baseline"}, {}), strict=True):
            study.enqueue_trial(point, user_attrs=attrs)
        search.open()
        search.open()
        assert [one.system_attrs["fixed_params"] for one in waiting(search)] == expected


def waiting(search: History) -> list[optuna.trial.FrozenTrial]:
    study = open_study(search.store, "history", search.space)
    return [t for t in study.get_trials() if t.state is optuna.trial.TrialState.WAITING]


@pytest.mark.parametrize("sampler", ["grid", "brute-force"])
def test_samplers_that_try_every_point_try_none_of_them_again(sampler: str) -> None:
    settings = SearchSettings(trials=60, sampler=sampler, scheduler="none")
    with history(FINITE + GRID_FIRST, settings) as search:
        while train_next(search):
            pass
        params = search.params()
        assert len(params) == exhausted_after(settings, search.space) == 12
        assert len({tuple(sorted(point.items())) for point in params}) == 12
        assert params[1]["embedding.placement"] == "stage1"
