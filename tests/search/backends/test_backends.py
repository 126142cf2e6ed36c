"""One search by every backend: the same trials, decisions and values."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from results.database.models import TrialState
from results.database.store import Store, open_store
from search.backends.local import run_local
from search.backends.virtual import Clock, run_virtual
from search.run import run_search
from search.schedulers.registry import SCHEDULERS
from search.settings import Resources, SearchSettings, build_resources
from sedn.errors import UserError
from sedn.training.result import EpochResult
from spaces import load_space
from tests.search.curves import make_curves
from tests.search.histories import History

SEARCHES: dict[str, dict[str, Any]] = {
    **{scheduler: {"scheduler": scheduler} for scheduler in SCHEDULERS},
    "two objectives": {"scheduler": "asha", "objective": ("auc", "latency")},
    "a constraint": {"scheduler": "asha", "where": ("latency_ms<2.8",)},
}


def settings_of(kind: str) -> SearchSettings:
    asked = SEARCHES[kind]
    options = {"reduction_factor": 2, "grace_epochs": 1, "min_trials": 2}
    taken = {
        name: options[name] for name in SCHEDULERS[asked["scheduler"]].options if name in options
    }
    return SearchSettings(trials=14, seed=5, **asked, **taken)


def outcome_of(store: Store) -> list[dict[str, Any]]:
    """All that was decided on each trial, and all that it reached."""
    experiment = store.experiments()[0]
    epochs = store.epochs(experiment.id)
    names = ("number", "role", "params", "config_hash", "state", "cause", "reason", "epochs",
             "mean_auc", "duplicate_of")  # fmt: skip
    return [
        {name: getattr(row, name) for name in names}
        | {"curve": [(epoch.epoch, epoch.mean_auc) for epoch in epochs.get(row.number, [])]}
        for row in store.trials(experiment.id)
    ]


def searched(kind: str, backend: str, space: Path, folder: Path) -> list[dict[str, Any]]:
    folder.mkdir()
    url = f"sqlite:///{folder}/sedn.db"
    if backend == "virtual":
        clock = Clock()
        search = History(load_space(str(space)), settings_of(kind), url)
        search.open(clock=clock)
        run_virtual(search.driver, make_curves(seconds=1.0, sleeps=False), clock)
        assert search.driver.finished
    else:
        where = Resources(backend=backend, storage_path=str(folder), max_concurrent=1)
        outcome = run_search("same", str(space), settings_of(kind), url, where, train=make_curves())
        assert outcome.finished
        assert outcome.ended_by == "trials"
    return outcome_of(open_store(url))


@pytest.mark.parametrize("kind", SEARCHES)
def test_virtual_time_decides_as_this_process_does(
    kind: str, space_file: Path, tmp_path: Path
) -> None:
    here = searched(kind, "local", space_file, tmp_path / "local")
    assert here == searched(kind, "virtual", space_file, tmp_path / "virtual")
    assert len(here) == 14
    stopped = [trial for trial in here if trial["state"] is TrialState.PRUNED]
    assert stopped or kind in ("none", "hyperband", "median")


@pytest.mark.slow
@pytest.mark.parametrize("kind", SEARCHES)
def test_ray_decides_as_this_process_does(kind: str, space_file: Path, tmp_path: Path) -> None:
    here = searched(kind, "local", space_file, tmp_path / "local")
    assert here == searched(kind, "ray", space_file, tmp_path / "ray")


def test_virtual_time_passes_by_the_workers_and_ends_a_search(
    space_file: Path, tmp_path: Path
) -> None:
    """Eight trials of four epochs of ten minutes, on one worker and on four."""
    taken = {}
    for workers in (1, 4):
        clock = Clock()
        settings = SearchSettings(trials=8, seed=5, sampler="random", scheduler="none")
        url = f"sqlite:///{tmp_path}/{workers}.db"
        search = History(load_space(str(space_file)), settings, url)
        search.open(clock=clock)
        run_virtual(search.driver, make_curves(seconds=600.0, sleeps=False), clock, workers)
        assert search.driver.finished
        taken[workers] = clock.seconds
    assert taken == {1: 8 * 4 * 600.0, 4: 2 * 4 * 600.0}


def test_a_budget_of_time_counts_virtual_seconds(space_file: Path, tmp_path: Path) -> None:
    clock = Clock()
    settings = SearchSettings(
        trials=8, seed=5, sampler="random", scheduler="none", time_seconds=4000.0
    )
    search = History(load_space(str(space_file)), settings, f"sqlite:///{tmp_path}/sedn.db")
    search.open(clock=clock)
    run_virtual(search.driver, make_curves(seconds=600.0, sleeps=False), clock)
    assert search.driver.ended_by == "time"
    assert clock.seconds == 7 * 600.0


def test_a_search_in_this_process_is_cut_off_by_time_and_goes_on(
    space_file: Path, tmp_path: Path
) -> None:
    log, clock = tmp_path / "epochs.log", Clock()
    curves = make_curves(log, seconds=1.0, sleeps=False)

    def train(*assignment: Any) -> Iterator[EpochResult]:
        for result in curves(*assignment):
            clock.seconds += result.seconds
            yield result

    settings = SearchSettings(trials=3, sampler="random", scheduler="none", time_seconds=4.5)
    search = History(load_space(str(space_file)), settings, f"sqlite:///{tmp_path}/sedn.db")
    search.open(clock=clock)
    run_local(search.driver, train)
    assert (search.driver.ended_by, search.driver.finished) == ("time", False)
    assert log.read_text().splitlines() == [
        *(f"00000 {epoch}" for epoch in range(1, 5)),
        "00001 1",
    ]
    search.settings = settings.model_copy(update={"time_seconds": 60.0})
    search.open(clock=clock)
    run_local(search.driver, train)
    assert search.driver.finished
    lines = log.read_text().splitlines()
    assert set(lines) == {f"{number:05d} {epoch}" for number in range(3) for epoch in range(1, 5)}


def test_a_training_that_raises_fails_its_trial_alone(space_file: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/sedn.db"
    settings = SearchSettings(trials=8, seed=2, sampler="random", scheduler="none")
    where = Resources(backend="local", storage_path=str(tmp_path))
    train = make_curves(fail_at=0.003)
    assert run_search("fails", str(space_file), settings, url, where, train=train).finished
    rows = open_store(url).trials(1)
    for row in rows:
        fails = row.config["optimizer"]["learning_rate"] > 0.003
        assert row.state is (TrialState.FAILED if fails else TrialState.COMPLETE)
        if fails:
            first, *traceback = row.reason.splitlines()
            assert first == "ValueError: the learning rate was too much"
            assert "in train" in "".join(traceback)
            assert row.epochs == 1
    assert len({row.state for row in rows}) == 2


def test_ctrl_c_loses_nothing(space_file: Path, tmp_path: Path) -> None:
    log, url = tmp_path / "epochs.log", f"sqlite:///{tmp_path}/sedn.db"
    settings = SearchSettings(trials=3, sampler="random", scheduler="none")
    where = Resources(backend="local", storage_path=str(tmp_path))
    curves = make_curves(log)

    def interrupted(config: Any, folder: str, after_epoch: int, bounds: Any) -> Any:
        for result in curves(config, folder, after_epoch, bounds):
            if Path(folder).name == "00001" and result.epoch == 3:
                raise KeyboardInterrupt
            yield result

    with pytest.raises(KeyboardInterrupt):
        run_search("stopped", str(space_file), settings, url, where, train=interrupted)
    assert [row.epochs for row in open_store(url).trials(1)] == [4, 2]
    assert run_search("stopped", str(space_file), settings, url, where, train=curves).finished
    assert [row.epochs for row in open_store(url).trials(1)] == [4, 4, 4]
    assert log.read_text().splitlines().count("00001 1") == 1


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"backend": "local", "address": "auto"}, "`address`: names a Ray cluster"),
        (
            {"backend": "local", "max_concurrent": 2},
            "`max_concurrent=2`: backend 'local' trains one",
        ),
        ({"backend": "locla"}, "`backend`: 'locla' is not 'ray' or 'local'; did you mean 'local'"),
    ],
)
def test_what_does_not_fit_the_backend_is_refused(fields: dict, expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        build_resources(**fields)


def test_a_trial_that_asks_for_more_cores_than_there_are_is_refused(
    space_file: Path, tmp_path: Path
) -> None:
    where = Resources(backend="local", storage_path=str(tmp_path), cpus_per_trial=9999)
    with pytest.raises(UserError, match="no room for a trial: it asks for 9999 CPUs, this machine"):
        run_search("big", str(space_file), SearchSettings(), f"sqlite:///{tmp_path}/x.db", where)
    assert not (tmp_path / "x.db").exists()
