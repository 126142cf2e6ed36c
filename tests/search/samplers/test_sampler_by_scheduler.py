"""Every sampler with every scheduler: a flat space, a conditional one, and several objectives.

Any two meet in a cell: each sampler each scheduler, and either each kind of search that it can do.
Over a real Ray a cell takes seconds, most of them for processes to start. So each sampler meets it
once, each scheduler twice and each kind of search three times or more; the other cells are searched
by the same parts in this process.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from results.database.models import BASELINE, Trial, TrialState
from results.database.store import Store, open_store
from results.ranking.leaders import rank
from search.backends.ray_tune.cluster import RAY_SETTINGS
from search.backends.virtual import Clock, run_virtual
from search.progress import Snapshot
from search.run import SearchOutcome, run_search
from search.samplers.registry import SAMPLERS
from search.schedulers.decision import TOO_COSTLY
from search.schedulers.registry import SCHEDULERS
from search.settings import Resources, SearchSettings
from sedn.config import TrainingConfig
from sedn.errors import UserError
from spaces import Space, load_space
from tests.search.curves import latency, make_curves
from tests.search.histories import CONDITIONAL, FINITE, FINITE_CONDITIONAL, FLAT, History

TRIALS = 8
EPOCHS = 5
SPACES = {"flat": FLAT, "conditional": CONDITIONAL, "several": CONDITIONAL}
FINITE_SPACES = {"flat": FINITE, "conditional": FINITE_CONDITIONAL, "several": FINITE}
SEVERAL = {"objective": ("auc", "latency"), "where": ("latency_ms<2.8",)}
SAMPLER_OPTIONS = {
    "tpe": {"n_startup_trials": 3},
    "gp": {"n_startup_trials": 3},
    "cmaes": {"popsize": 4},
    "nsga2": {"population_size": 2},
    "nsga3": {"population_size": 2},
    "curve-gp": {"n_startup_trials": 3},
}
NAMES = (*SAMPLERS, "optuna.samplers:TPESampler")
Cell = tuple[str, str, str]
"""Sampler, scheduler and kind of search."""
IMPOSSIBLE = {("grid", "conditional"), ("cmaes", "several"), ("curve-gp", "several")}
KINDS = {
    sampler: [kind for kind in SPACES if (sampler, kind) not in IMPOSSIBLE] for sampler in NAMES
}
"""What each sampler can search."""
PAIRS = [
    (sampler, scheduler, KINDS[sampler][(i + j) % len(KINDS[sampler])])
    for i, sampler in enumerate(NAMES)
    for j, scheduler in enumerate(SCHEDULERS)
]
OVER_RAY = [
    (sampler, tuple(SCHEDULERS)[i % len(SCHEDULERS)], tuple(SPACES)[(i + 1) % len(SPACES)])
    for i, sampler in enumerate(NAMES)
]
FAST_OVER_RAY = [("tpe", "asha", "conditional")]
FAST = [
    ("tpe", "hyperband", "several"),
    ("gp", "promote", "several"),
    ("nsga3", "asha", "several"),
    ("grid", "median", "several"),
    ("curve-gp", "promote", "conditional"),
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


def ask(cell: Cell, table: Path) -> tuple[Space, SearchSettings]:
    """What a cell of the table asks for; the space lies beside the data."""
    sampler, scheduler, kind = cell
    spaces = FINITE_SPACES if sampler in ("grid", "brute-force") else SPACES
    file = table.parent / "space.yaml"
    file.write_text(spaces[kind])
    options = {"reduction_factor": 2, "grace_epochs": 1, "min_trials": 2}
    return load_space(str(file)), SearchSettings(
        data=str(table),
        trials=TRIALS,
        epochs=EPOCHS,
        seed=1,
        sampler=sampler,
        sampler_options=SAMPLER_OPTIONS.get(sampler, {}),
        scheduler=scheduler,
        **{name: value for name, value in options.items() if name in SCHEDULERS[scheduler].options},
        **(SEVERAL if kind == "several" else {}),
    )


def search_over_ray(cell: Cell, cluster: str, table: Path) -> tuple[Store, Snapshot]:
    _, settings = ask(cell, table)
    url = f"sqlite:///{table.parent}/sedn.db"
    space = str(table.parent / "space.yaml")
    where = Resources(address=cluster, storage_path=str(table.parent))
    outcome = run_search("history", space, settings, url, where, train=make_curves())
    assert outcome.finished
    assert outcome.ended_by == "trials"
    return open_store(url), outcome.snapshot


def search_here(cell: Cell, table: Path) -> tuple[Store, Snapshot]:
    """The same in virtual time: two trials at a time, whose epochs take equally long."""
    space, settings = ask(cell, table)
    url = f"sqlite:///{table.parent}/sedn.db"
    clock = Clock()
    search = History(space, settings, url)
    search.open(clock=clock)
    run_virtual(search.driver, make_curves(seconds=1.0, sleeps=False), clock, workers=2)
    driver = search.driver
    assert driver.finished
    assert driver.ended_by == "trials"
    return open_store(url), driver.snapshot()


def check(cell: Cell, store: Store, snapshot: Snapshot) -> None:
    experiment = store.experiment("history")
    rows, epochs = store.trials(experiment.id), store.epochs(experiment.id)
    study = optuna.load_study(study_name="history", storage=store.url)
    trials = study.trials
    assert len(rows) == len(trials) == TRIALS
    for row, trial in zip(rows, trials, strict=True):
        source = row.trained_number
        assert trial.params == row.params
        assert trial.intermediate_values == {e.epoch: e.mean_auc for e in epochs[source]}
        assert sorted(trial.intermediate_values) == list(range(1, row.epochs + 1))
        full = row.epochs == row.target_epochs == EPOCHS
        assert row.state is (TrialState.COMPLETE if full else TrialState.PRUNED)
        assert trial.state is (OptunaState.COMPLETE if full else OptunaState.PRUNED)
        check_values(cell, row, trial)
    check_states(cell, rows)
    # The curves do not cross, so the best of all is among the best at every rung.
    best = max(rows, key=lambda row: known_height(row.config))
    assert best.state is TrialState.COMPLETE
    assert snapshot.best is not None
    assert snapshot.best.mean_auc == pytest.approx(best.mean_auc)
    ranked = rank(store, "history")
    on_front = {rows[trial.number].config_hash for trial in study.best_trials}
    assert on_front == set(ranked["config_hash"][ranked["pareto"]])


def check_values(cell: Cell, row: Trial, trial: FrozenTrial) -> None:
    if cell[2] != "several":
        assert trial.value == pytest.approx(row.mean_auc)
        assert not trial.constraints
        return
    expected = latency(TrainingConfig.model_validate(row.config))
    assert trial.values == pytest.approx([row.mean_auc, expected])
    assert list(trial.constraints.values()) == pytest.approx([expected / 2.8 - 1])


def check_states(cell: Cell, rows: Sequence[Trial]) -> None:
    assert rows[0].role == BASELINE
    assert rows[0].state is TrialState.COMPLETE
    costly = {row.number for row in rows if row.cause == TOO_COSTLY}
    expected = {row.number for row in rows[1:] if row.costs["latency_ms"] >= 2.8}
    assert costly == (expected if cell[2] == "several" else set())
    assert all(rows[number].epochs == 1 for number in costly)
    stopped = {row.number for row in rows if row.state is TrialState.PRUNED}
    assert costly <= stopped
    assert stopped == costly or cell[1] != "none"
    assert stopped or cell[1] in ("none", "hyperband", "median")


def known_height(config: dict) -> float:
    height = {"none": 0.7, "input": 0.9, "stage1": 0.8}[config["embedding"]["placement"]]
    return height - abs(config["optimizer"]["learning_rate"] - 0.01)


@pytest.mark.parametrize("cell", FAST_OVER_RAY, ids="-".join)
def test_search_ends_with_the_truth(cell: Cell, cluster: str, table: Path) -> None:
    check(cell, *search_over_ray(cell, cluster, table))


@pytest.mark.parametrize("cell", FAST, ids="-".join)
def test_search_without_ray_ends_with_the_truth(cell: Cell, table: Path) -> None:
    check(cell, *search_here(cell, table))


@pytest.mark.slow
@pytest.mark.parametrize("cell", [c for c in OVER_RAY if c not in FAST_OVER_RAY], ids="-".join)
def test_every_search_ends_with_the_truth(cell: Cell, cluster: str, table: Path) -> None:
    check(cell, *search_over_ray(cell, cluster, table))


@pytest.mark.slow
@pytest.mark.parametrize("cell", [c for c in PAIRS if c not in OVER_RAY + FAST], ids="-".join)
def test_every_search_without_ray_ends_with_the_truth(cell: Cell, table: Path) -> None:
    check(cell, *search_here(cell, table))


def test_the_table_is_whole() -> None:
    assert set(FAST_OVER_RAY) <= set(OVER_RAY)
    assert not set(FAST) & set(OVER_RAY)
    met = [set(part) for part in zip(*OVER_RAY, strict=True)]
    assert met == [set(NAMES), set(SCHEDULERS), set(SPACES)]
    cells = {*OVER_RAY, *FAST, *PAIRS}
    assert all(kind in KINDS[sampler] for sampler, _, kind in cells)
    assert {cell[:2] for cell in cells} == set(product(NAMES, SCHEDULERS))
    assert {cell[1:] for cell in cells} == set(product(SCHEDULERS, SPACES))
    assert {(cell[0], cell[2]) for cell in cells} == set(product(NAMES, SPACES)) - IMPOSSIBLE


@pytest.mark.slow
def test_time_over_all_runs_ends_a_search_and_more_goes_on(cluster: str, table: Path) -> None:
    space = table.parent / "space.yaml"
    space.write_text(FLAT)
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


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_grid_refuses_a_conditional_space_before_the_first_trial(
    scheduler: str, table: Path
) -> None:
    with pytest.raises(UserError, match="'grid' takes no axis with a condition"):
        search_over_ray(("grid", scheduler, "conditional"), "auto", table)
    assert not (table.parent / "sedn.db").exists()
