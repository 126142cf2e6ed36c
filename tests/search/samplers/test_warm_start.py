"""The leaders of an earlier search are tried first, where they have a place in the new space."""

from pathlib import Path

import optuna
import pytest

from results.database.models import Experiment
from results.database.store import Store, open_store
from results.ranking.leaders import rank
from search.driver import Driver
from search.run import run_search
from search.settings import Resources, SearchSettings
from search.study import open_study
from search.warm_start import check_warm_start, warm_start
from sedn.config import TrainingConfig
from sedn.errors import UserError
from tests.search.curves import make_curves
from tests.search.experiments import experiment_of
from tests.search.histories import CONDITIONAL, height, result, space_of

RANDOM = SearchSettings(trials=9, sampler="random", scheduler="none", seed=4)
WARM = SearchSettings(trials=7, sampler="random", scheduler="none", seed=5, warm_start="old")


def make_experiment(store: Store, name: str, text: str) -> Experiment:
    return store.create_experiment(experiment_of(name, space_of(text), {}))


def search(
    store: Store, name: str, text: str, settings: SearchSettings, *, trials: int = 99
) -> list[str]:
    """Search, or go on, for at most so many trials; what was told before the first one."""
    experiment = store.find_experiment(name) or make_experiment(store, name, text)
    space, lines = space_of(text), []
    study = open_study(store, name, space)
    if settings.warm_start:
        warm_start(study, store, settings.warm_start, space, lines.append)
    driver = Driver(store, experiment, study, space, settings, "folder")
    while trials and (trial := driver.next()):
        for epoch in range(1, trial.config.epochs + 1):
            driver.report(trial.number, result(epoch, height(trial.config)))
        driver.finish(trial.number)
        trials -= 1
    return lines


@pytest.fixture
def store(store_url: str) -> Store:
    """A store with a search that has ended."""
    store = open_store(store_url, create=True)
    search(store, "old", CONDITIONAL, RANDOM)
    return store


def params_of(store: Store, name: str) -> list[dict]:
    return [row.params for row in store.trials(store.experiment(name).id)]


def leaders_of(store: Store) -> list[int]:
    return [int(number) for number in rank(store, "old")["trial"].head(5)]


def test_the_leaders_come_right_after_the_first_and_only_once(store: Store) -> None:
    leaders, old = leaders_of(store), params_of(store, "old")
    assert 0 not in leaders
    first = "\nfirst: [{embedding.placement: stage1}]\n"
    lines = search(store, "new", CONDITIONAL + first, WARM, trials=3)
    numbers = ", ".join(map(str, leaders))
    assert lines == [
        f"`warm_start=old`: of its best 5, trials {numbers} come right after the first"
    ]
    again = search(store, "new", CONDITIONAL + first, WARM.model_copy(update={"trials": 9}))
    assert not again, "it is told once"
    new = params_of(store, "new")
    assert [new[0]["embedding.placement"], new[1]["embedding.placement"]] == ["none", "stage1"]
    assert new[2:7] == [old[number] for number in leaders]
    assert all(point not in old for point in new[7:])
    assert len(new) == 9


def test_a_crash_before_the_first_trial_enqueues_none_twice(store: Store) -> None:
    make_experiment(store, "new", CONDITIONAL)
    space = space_of(CONDITIONAL)
    study = open_study(store, "new", space)
    leader = leaders_of(store)[0]
    study.enqueue_trial(params_of(store, "old")[leader])
    search(store, "new", CONDITIONAL, WARM)
    new, old = params_of(store, "new"), params_of(store, "old")
    assert new[1:6] == [old[number] for number in leaders_of(store)]
    assert new[6] not in old


def test_leaders_that_were_not_begun_come_still_where_the_study_was_deleted(store: Store) -> None:
    search(store, "new", CONDITIONAL, WARM, trials=3)
    before = params_of(store, "new")
    optuna.delete_study(study_name="new", storage=store.url)
    search(store, "new", CONDITIONAL, WARM)
    new, old = params_of(store, "new"), params_of(store, "old")
    assert new[:3] == before
    assert new[1:6] == [old[number] for number in leaders_of(store)]
    assert new[6] not in old


def test_what_does_not_fit_is_told_with_the_reason(store: Store) -> None:
    narrow = CONDITIONAL.replace("[0.0, 0.1]", "[0.0, 0.05]").replace(
        "base: {data: {image_size: 32}",
        "base: {batch_size: 32, data: {image_size: 32}",
    )
    lines = search(store, "new", narrow, WARM)
    old, leaders = params_of(store, "old"), leaders_of(store)
    fit = [n for n in leaders if old[n]["optimizer.weight_decay"] <= 0.05]
    assert 0 < len(fit) < 5
    assert params_of(store, "new")[1 : len(fit) + 1] == [old[n] for n in fit]
    numbers = ", ".join(map(str, fit))
    assert (
        lines[0] == f"`warm_start=old`: of its best 5, trials {numbers} come right after the first"
    )
    assert lines[1:-1] == [
        f"`warm_start=old`: trial {n} does not fit: optimizer.weight_decay "
        f"{old[n]['optimizer.weight_decay']!r} is not in its range from 0.0 to 0.05"
        for n in leaders
        if n not in fit
    ]
    assert lines[-1] == "`warm_start=old`: space 'conditional' has batch_size 32 instead of 64"


def test_what_an_axis_no_more_decides_is_told_as_changed(store: Store) -> None:
    fixed = CONDITIONAL.replace("base: {", "base: {optimizer: {weight_decay: 0.5}, ").replace(
        "  optimizer.weight_decay: {float: [0.0, 0.1]}\n", ""
    )
    lines = search(store, "new", fixed, WARM)
    new, old = params_of(store, "new"), params_of(store, "old")
    for point, number in zip(new[1:6], leaders_of(store), strict=True):
        assert point == {k: v for k, v in old[number].items() if k != "optimizer.weight_decay"}
        was = old[number]["optimizer.weight_decay"]
        assert f"optimizer.weight_decay 0.5 instead of {was!r}" in lines[-1]


def test_an_axis_that_the_old_space_fixed_gets_what_it_was(store: Store) -> None:
    wider = CONDITIONAL + "  batch_size: {choice: [16, 64]}\n"
    assert len(search(store, "new", wider, WARM)) == 1
    assert [point["batch_size"] for point in params_of(store, "new")[1:6]] == [64] * 5


def test_leaders_that_are_one_point_of_the_new_space_come_once(store: Store) -> None:
    coarse = """
name: coarse
base: {backbone: {pretrained: false}, epochs: 3}
axes:
  embedding.placement: {choice: [none, input, stage1]}
"""
    lines = search(store, "new", coarse, WARM.model_copy(update={"trials": 3}))
    old = params_of(store, "old")
    places = dict.fromkeys(old[number]["embedding.placement"] for number in leaders_of(store))
    new = [point["embedding.placement"] for point in params_of(store, "new")]
    assert new[: len(places) + 1] == list(dict.fromkeys(["none", *places]))
    assert sum("is among the first trials already" in line for line in lines) == 5 - len(places)


def test_nothing_compatible_is_said_and_the_search_goes_on(store: Store) -> None:
    other = CONDITIONAL.replace("[1.0e-4, 1.0e-1]", "[1.0e-7, 1.0e-6]")
    lines = search(store, "new", other, WARM)
    assert lines[0].endswith("none of its best 5 is taken over into space 'conditional'")
    assert len(lines) == 6
    assert len(params_of(store, "new")) == 7
    make_experiment(store, "empty", CONDITIONAL)
    empty = WARM.model_copy(update={"warm_start": "empty"})
    [line] = search(store, "newer", CONDITIONAL, empty)
    assert line == "`warm_start=empty`: it has no complete trial; the search starts without it"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"warm_start": "odl"}, "`warm_start`: no experiment 'odl' in this database; did you mean"),
        ({"warm_start": "new"}, "`warm_start`: 'new' is this search itself"),
        ({"sampler": "grid"}, "`warm_start`: sampler 'grid' tries every point"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(store: Store, fields: dict, expected: str) -> None:
    with pytest.raises(UserError, match=expected) as said:
        check_warm_start(WARM.model_copy(update=fields), "new", store.url)
    assert len(str(said.value).splitlines()) == 1


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="`warm_start`: "):
        check_warm_start(WARM, "new", f"sqlite:///{tmp_path}/none.db")
    assert not list(tmp_path.iterdir())


def test_two_searches_one_after_the_other(table: Path, space_file: Path, store_url: str) -> None:
    """A real Ray: what leads the first is what the second begins with."""
    where, lines = Resources(backend="local", storage_path=str(table.parent)), []

    def run(name: str, **fields) -> None:
        settings = SearchSettings(data=str(table), seed=2, **fields)
        run_search(
            name, str(space_file), settings, store_url, where, train=make_curves(),
            on_notice=lines.append,
        )  # fmt: skip

    run("old", trials=4)
    run("new", trials=3, warm_start="old")
    store = open_store(store_url)
    best = int(rank(store, "old")["trial"].iloc[0])
    old, new = (store.trials(store.experiment(name).id) for name in ("old", "new"))
    assert TrainingConfig.model_validate(new[1].config) == TrainingConfig.model_validate(
        old[best].config
    )
    assert new[1].mean_auc == old[best].mean_auc
    assert sum(line.startswith("`warm_start=old`: of its best") for line in lines) == 1
    with pytest.raises(UserError, match="'new' was started with warm_start = 'old'"):
        run("new", trials=4)
