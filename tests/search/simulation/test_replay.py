"""A simulated search takes the decisions of a real one, and its trajectory says what it reached."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from results.database.store import Store, open_store
from search.cli.main import app
from search.run import run_search
from search.settings import Resources, SearchSettings
from search.simulation.curves import curves_of_experiment, read_curves
from search.simulation.methods import Method, methods_of, quartiles, run_methods
from search.simulation.replay import simulate, simulated
from search.study import open_study, study_in_memory
from sedn.errors import UserError
from spaces import parse_space
from tests.search.curves import make_curves
from tests.search.experiments import experiment_of
from tests.search.simulation.planted_curves import write_planted

DECIDED = ("number", "role", "params", "state", "cause", "epochs", "mean_auc", "seconds")


def decided(store: Store) -> list[dict[str, Any]]:
    experiment = store.experiments()[0]
    return [{n: getattr(row, n) for n in DECIDED} for row in store.trials(experiment.id)]


@pytest.mark.parametrize(
    ("sampler", "scheduler", "options"),
    [
        ("tpe", "asha", {"grace_epochs": 1}),
        ("tpe", "promote", {"grace_epochs": 1}),
        ("random", "hyperband", {}),
        ("random", "none", {}),
    ],
)
def test_a_simulation_repeats_the_search_that_recorded_its_curves(
    sampler: str, scheduler: str, options: dict[str, Any], space_file: Path, tmp_path: Path
) -> None:
    settings = SearchSettings(trials=14, seed=3, sampler=sampler, scheduler=scheduler, **options)
    url = f"sqlite:///{tmp_path}/sedn.db"
    where = Resources(backend="local", storage_path=str(tmp_path))
    train = make_curves(seconds=2.0, sleeps=False)
    run_search("real", str(space_file), settings, url, where, train=train)
    real = open_store(url)
    recorded = curves_of_experiment(real, "real")
    with simulated(recorded, settings) as (store, trajectory):
        assert decided(store) == decided(real)
        assert trajectory.best[-1] == recorded.best(3)
        assert trajectory.seconds[-1] == sum(row["seconds"] for row in decided(real))


def test_the_trajectory_of_a_search_never_falls(tmp_path: Path) -> None:
    recorded = read_curves(write_planted(tmp_path / "curves.parquet"))
    settings = SearchSettings(trials=12, sampler="random", scheduler="asha", seed=1)
    one, four = (simulate(recorded, settings, workers) for workers in (1, 4))
    for trajectory in (one, four):
        assert np.all(np.diff(trajectory.best) >= 0)
        assert np.all(np.diff(trajectory.seconds) >= 0)
        assert trajectory.target == recorded.best(1)
        regret = trajectory.regret_at(np.array([0.5, *trajectory.seconds]))
        assert np.isnan(regret[0])
        assert regret[-1] == trajectory.target - trajectory.best[-1]
        assert trajectory.seconds_to(trajectory.best[0]) == trajectory.seconds[0]
        assert trajectory.seconds_to(1.1) == float("inf")
    assert four.seconds[-1] < one.seconds[-1]


def test_methods_are_simulated_with_the_same_seeds_in_one_process_or_two(tmp_path: Path) -> None:
    recorded = read_curves(write_planted(tmp_path / "curves.parquet"))
    methods = methods_of(["random"], ["none", "asha"], [2])
    base = SearchSettings(trials=5)
    here = run_methods(recorded, methods, base, seeds=2)
    assert [one.method for one in here] == [
        Method("random", "none", 2),
        Method("random", "asha", 2),
    ]
    for outcome in here:
        for seed, trajectory in enumerate(outcome.trajectories):
            fields = {"sampler": "random", "scheduler": outcome.method.scheduler, "seed": seed}
            again = simulate(recorded, SearchSettings(trials=5, **fields), 2)
            assert np.array_equal(trajectory.best, again.best)


@pytest.mark.slow
def test_processes_change_no_result(tmp_path: Path) -> None:
    recorded = read_curves(write_planted(tmp_path / "curves.parquet"))
    methods = methods_of(["tpe"], ["asha"], [1, 4])
    base = SearchSettings(trials=8)
    one, two = (run_methods(recorded, methods, base, 2, processes) for processes in (1, 2))
    for here, there in zip(one, two, strict=True):
        for a, b in zip(here.trajectories, there.trajectories, strict=True):
            assert np.array_equal(a.best, b.best)
            assert np.array_equal(a.seconds, b.seconds)


def test_quartiles_of_searches_that_never_arrive_are_infinite() -> None:
    never = float("inf")
    assert quartiles(np.array([1.0, 2.0, never, never])) == (1.0, 2.0, never)
    assert quartiles(np.array([never, never])) == (never, never, never)


def test_a_sampler_that_does_not_take_the_space_is_refused(tmp_path: Path) -> None:
    recorded = read_curves(write_planted(tmp_path / "curves.parquet"))
    with pytest.raises(UserError, match="`sampler`: 'cmaes'"):
        simulate(recorded, SearchSettings(sampler="cmaes"))


def test_the_command_shows_each_method_and_writes_a_page(tmp_path: Path) -> None:
    curves = write_planted(tmp_path / "curves.parquet")
    page = tmp_path / "page.html"
    words = [str(curves), "--sampler", "random", "--scheduler", "none", "--scheduler", "asha"]
    budget = ["--trials", "6", "--seeds", "2"]
    ended = CliRunner().invoke(app, ["simulate", *words, *budget, "--json", "-o", str(page)])
    assert ended.exit_code == 0, ended.output
    shown = json.loads(ended.stdout)
    assert [(one["sampler"], one["scheduler"]) for one in shown] == [
        ("random", "none"),
        ("random", "asha"),
    ]
    assert all(len(one["regret"]) == 2 and min(one["regret"]) >= 0 for one in shown)
    assert "random, asha, 1 worker" in page.read_text()


def test_a_study_in_memory_begins_as_one_in_a_database(tmp_path: Path) -> None:
    first = "first: [{loss.kind: asl, batch_size: 8}, {loss.kind: bce, batch_size: 16}]\n"
    text = "axes:\n  loss.kind: {choice: [bce, asl]}\n  batch_size: {choice: [8, 16]}\n"
    space = parse_space(f"name: small\n{text}{first}", "small.yaml")
    store = open_store(f"sqlite:///{tmp_path}/sedn.db", create=True)
    store.create_experiment(experiment_of("kept", space, {}))
    begun = [
        [
            (trial.number, trial.state, trial.system_attrs, trial.user_attrs)
            for trial in study.trials
        ]
        for study in (open_study(store, "kept", space), study_in_memory("lost", space))
    ]
    assert begun[0] == begun[1]
    assert len(begun[0]) == 3
