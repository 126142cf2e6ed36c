"""Recorded curves: read to what they say, or refused in a line that names the column."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from results.database.models import TrialState
from results.database.store import open_store
from search.run import run_search
from search.settings import Resources, SearchSettings
from search.simulation.curves import curves_of_experiment, read_curves
from search.simulation.nearest import Nearest
from sedn.errors import UserError
from spaces import parse_space
from tests.search.curves import make_curves
from tests.search.experiments import experiment_of
from tests.search.simulation.planted_curves import EPOCHS, SPACE, planted_frame, write_planted


def test_a_file_gives_each_configuration_and_seed_once(tmp_path: Path) -> None:
    frame = planted_frame()
    recorded = read_curves(write_planted(tmp_path / "curves.parquet", frame))
    assert len(recorded.curves) == 30
    assert all(len(seeds) == 2 for seeds in recorded.curves.values())
    assert recorded.epochs == EPOCHS
    for seed in (0, 1, 2):
        rows = frame[frame["seed"] == seed % 2]
        assert recorded.best(seed) == rows["mean_auc"].max()


def test_a_curve_that_is_not_whole_is_left_out(tmp_path: Path) -> None:
    frame = planted_frame(seeds=1)
    cut = frame.drop(index=frame.index[frame["epoch"] == EPOCHS][:3])
    assert len(read_curves(write_planted(tmp_path / "curves.parquet", cut)).curves) == 27


@pytest.mark.parametrize(
    ("column", "line"),
    [
        ("seed", "column 'seed' is missing"),
        ("cpu_seconds", "column 'cpu_seconds' is missing"),
        ("loss.kind", "column 'loss.kind' is missing"),
    ],
)
def test_a_file_without_a_column_is_refused(tmp_path: Path, column: str, line: str) -> None:
    frame = planted_frame(seeds=1).drop(columns=column)
    with pytest.raises(UserError, match=line):
        read_curves(write_planted(tmp_path / "curves.parquet", frame))


def test_a_file_without_a_space_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "curves.parquet")
    with pytest.raises(UserError, match=r"metadata have no 'sedn.space'"):
        read_curves(tmp_path / "curves.parquet")
    (tmp_path / "text.parquet").write_text("no Parquet")
    with pytest.raises(UserError, match="not Parquet"):
        read_curves(tmp_path / "text.parquet")
    with pytest.raises(UserError, match="there is no such file"):
        read_curves(tmp_path / "absent.parquet")


def test_the_nearest_configuration_is_the_same_one_where_it_was_recorded(tmp_path: Path) -> None:
    recorded = read_curves(write_planted(tmp_path / "curves.parquet"))
    nearest = Nearest(recorded)
    for key, seeds in recorded.curves.items():
        assert nearest.key(seeds[0].values) == key


def test_numbers_are_near_on_the_scale_of_their_axis(space_file: Path, tmp_path: Path) -> None:
    recorded = _searched(space_file, tmp_path, trials=12, scheduler="none")
    nearest = Nearest(recorded)
    values = [seeds[0].values for seeds in recorded.curves.values()]
    for placement in {one["embedding.placement"] for one in values}:
        here = [one for one in values if one["embedding.placement"] == placement]
        rates = [one["optimizer.learning_rate"] for one in here]
        for rate in np.geomspace(min(rates), max(rates), 7):
            closest = min(here, key=lambda one: abs(np.log(one["optimizer.learning_rate"] / rate)))
            key = nearest.key({**closest, "optimizer.learning_rate": float(rate)})
            assert recorded.of(key, 0).values == closest


def test_a_curve_that_was_stopped_goes_on_by_what_whole_curves_gained(
    space_file: Path, tmp_path: Path
) -> None:
    recorded = _searched(space_file, tmp_path, trials=14, scheduler="asha")
    store = open_store(f"sqlite:///{tmp_path}/sedn.db")
    experiment = store.experiment("real")
    rows = {row.number: row for row in store.trials(experiment.id)}
    epochs = store.epochs(experiment.id)
    stopped = [n for n, row in rows.items() if row.state is TrialState.PRUNED and n in epochs]
    assert stopped
    whole = [
        [one.mean_auc for one in epochs[n]]
        for n, row in rows.items()
        if row.state is TrialState.COMPLETE and row.duplicate_of is None
    ]
    for number in stopped:
        known = [one.mean_auc for one in epochs[number]]
        rate = rows[number].config["optimizer"]["learning_rate"]
        curve = next(
            seeds[0]
            for seeds in recorded.curves.values()
            if seeds[0].values["optimizer.learning_rate"] == rate
        )
        assert len(curve.auc) == recorded.epochs
        assert list(curve.auc[: len(known)]) == known
        gained = np.median([auc[-1] - auc[len(known) - 1] for auc in whole])
        assert curve.auc[-1] == pytest.approx(known[-1] + gained)


def test_an_experiment_without_whole_curves_or_axes_is_refused(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/sedn.db", create=True)
    with pytest.raises(UserError, match="no experiment"):
        curves_of_experiment(store, "real")
    space = parse_space(SPACE, "planted.yaml")
    none = experiment_of("empty", space, {})
    store.create_experiment(none)
    with pytest.raises(UserError, match="experiment 'empty': no trial is complete"):
        curves_of_experiment(store, "empty")
    store.create_experiment(replace(none, name="imported", space_name="", space_yaml=""))
    with pytest.raises(UserError, match="experiment 'imported': it was imported without a space"):
        curves_of_experiment(store, "imported")


def _searched(space: Path, folder: Path, trials: int, scheduler: str):
    url = f"sqlite:///{folder}/sedn.db"
    fields = {"grace_epochs": 1} if scheduler == "asha" else {}
    settings = SearchSettings(trials=trials, sampler="random", scheduler=scheduler, **fields)
    where = Resources(backend="local", storage_path=str(folder))
    run_search("real", str(space), settings, url, where, train=make_curves(seconds=1, sleeps=False))
    return curves_of_experiment(open_store(url), "real")
