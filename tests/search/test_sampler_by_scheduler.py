"""Every sampler with every scheduler on a flat and a conditional space: a real Ray and SQLite."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState as OptunaState

from results.models import BASELINE, TrialState
from results.store import Store, open_store
from search.cluster import RAY_SETTINGS
from search.run import SearchOutcome, run_search
from search.samplers.options import SAMPLERS
from search.schedulers.choosing import OPTIONS
from search.settings import Resources, SearchSettings
from sedn.errors import UserError
from tests.search.curves import make_curves
from tests.search.histories import CONDITIONAL, FINITE, FINITE_CONDITIONAL, FLAT

TRIALS = 8
SPACES = {"flat": FLAT, "conditional": CONDITIONAL}
FINITE_SPACES = {"flat": FINITE, "conditional": FINITE_CONDITIONAL}
SAMPLER_OPTIONS = {
    "tpe": {"n_startup_trials": 3},
    "gp": {"n_startup_trials": 3},
    "cmaes": {"popsize": 4},
    "nsga2": {"population_size": 2},
    "nsga3": {"population_size": 2},
}
NAMES = (*SAMPLERS, "optuna.samplers:TPESampler")
TABLE = [
    (sampler, scheduler, space)
    for sampler in NAMES
    for scheduler in OPTIONS
    for space in SPACES
    if (sampler, space) != ("grid", "conditional")
]
DIAGONAL = [
    ("tpe", "hyperband", "conditional"),
    ("cmaes", "promote", "conditional"),
    ("grid", "median", "flat"),
]


HEAD = """
import ray
ray.init(address="local", num_cpus=2, include_dashboard=False, object_store_memory=100_000_000)
print(ray.get_runtime_context().gcs_address, flush=True)
input()
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """One Ray for all cells, in a process of its own; each cell joins and leaves it."""
    words = [sys.executable, "-c", HEAD]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(words, env=os.environ | RAY_SETTINGS, text=True, **pipes) as head:
        yield head.stdout.readline().strip()
        head.communicate("\n", timeout=30)


def run(
    cell: tuple[str, str, str], cluster: str, table: Path
) -> tuple[SearchOutcome, Store, SearchSettings]:
    sampler, scheduler, kind = cell
    folder = table.parent
    spaces = FINITE_SPACES if sampler in ("grid", "brute-force") else SPACES
    space = folder / "space.yaml"
    space.write_text(spaces[kind].replace("base: {", "base: {data: {image_size: 32}, "))
    options = {"reduction_factor": 2, "grace_epochs": 1, "min_trials": 2}
    settings = SearchSettings(
        data=str(table),
        trials=TRIALS,
        epochs=5,
        seed=1,
        sampler=sampler,
        sampler_options=SAMPLER_OPTIONS.get(sampler, {}),
        scheduler=scheduler,
        **{name: value for name, value in options.items() if name in OPTIONS[scheduler]},
    )
    url = f"sqlite:///{folder}/sedn.db"
    where = Resources(address=cluster, storage_path=str(folder))
    outcome = run_search("cell", str(space), settings, url, where, train=make_curves())
    return outcome, open_store(url), settings


def check(cell: tuple[str, str, str], cluster: str, table: Path) -> None:
    outcome, store, settings = run(cell, cluster, table)
    assert outcome.finished
    assert outcome.ended_by == "trials"
    experiment = store.experiment("cell")
    rows, epochs = store.trials(experiment.id), store.epochs(experiment.id)
    trials = optuna.load_study(study_name="cell", storage=store.url).trials
    assert len(rows) == len(trials) == TRIALS
    for row, trial in zip(rows, trials, strict=True):
        assert trial.params == row.params
        assert trial.intermediate_values == {e.epoch: e.mean_auc for e in epochs[row.number]}
        assert sorted(trial.intermediate_values) == list(range(1, row.epochs + 1))
        full = row.epochs == row.target_epochs == 5
        assert row.state is (TrialState.COMPLETE if full else TrialState.PRUNED)
        assert trial.state is (OptunaState.COMPLETE if full else OptunaState.PRUNED)
        assert trial.value == pytest.approx(row.mean_auc)
    states = Counter(row.state for row in rows)
    assert rows[0].role == BASELINE
    assert rows[0].state is TrialState.COMPLETE
    assert states[TrialState.PRUNED] == 0 or settings.scheduler != "none"
    assert states[TrialState.PRUNED] > 0 or settings.scheduler in ("none", "hyperband", "median")
    # The curves do not cross, so the best of all is among the best at every rung.
    best = max(rows, key=lambda row: known_height(row.config))
    assert best.state is TrialState.COMPLETE
    assert outcome.snapshot.best is not None
    assert outcome.snapshot.best.mean_auc == pytest.approx(best.mean_auc)


def known_height(config: dict) -> float:
    height = {"none": 0.7, "input": 0.9, "stage1": 0.8}[config["embedding"]["placement"]]
    return height - abs(config["optimizer"]["learning_rate"] - 0.01)


@pytest.mark.parametrize("cell", DIAGONAL, ids="-".join)
def test_search_ends_with_the_truth(cell: tuple[str, str, str], cluster: str, table: Path) -> None:
    check(cell, cluster, table)


@pytest.mark.slow
@pytest.mark.parametrize("cell", [c for c in TABLE if c not in DIAGONAL], ids="-".join)
def test_every_search_ends_with_the_truth(
    cell: tuple[str, str, str], cluster: str, table: Path
) -> None:
    check(cell, cluster, table)


def test_time_over_all_runs_ends_a_search_and_more_goes_on(cluster: str, table: Path) -> None:
    space = table.parent / "space.yaml"
    space.write_text(FLAT.replace("base: {", "base: {data: {image_size: 32}, "))
    url = f"sqlite:///{table.parent}/sedn.db"
    where = Resources(address=cluster, storage_path=str(table.parent))
    log = table.parent / "epochs.log"

    def search(seconds: float | None) -> SearchOutcome:
        settings = SearchSettings(
            data=str(table), trials=4, scheduler="none", sampler="random", time_seconds=seconds
        )
        train = make_curves(log, seconds=0.25)
        return run_search("timed", str(space), settings, url, where, train=train)

    outcome = search(0.8)
    assert not outcome.finished
    assert outcome.ended_by == "time"
    known = log.read_text()
    assert search(0.2).ended_by == "time"
    assert log.read_text() == known, "nothing was left of the time"
    outcome = search(60)
    assert outcome.finished
    assert outcome.ended_by == "trials"
    rows = open_store(url).trials(1)
    assert [row.state for row in rows] == [TrialState.COMPLETE] * 4


@pytest.mark.parametrize("scheduler", OPTIONS)
def test_grid_refuses_a_conditional_space_before_the_first_trial(
    scheduler: str, table: Path
) -> None:
    with pytest.raises(UserError, match="'grid' takes no axis with a condition"):
        run(("grid", scheduler, "conditional"), "auto", table)
    assert not (table.parent / "sedn.db").exists()
