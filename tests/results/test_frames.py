"""The tables of an experiment hold what the store does, in memory and as Parquet files."""

from pathlib import Path

import pandas as pd
import pytest

from results import Store, TrialState, write_frames
from results.database.models import Epoch
from tests.results.rows import add_trial, new_experiment

LABELS = ("red", "a/b \n[x]", "grün")


@pytest.fixture
def filled(shared_store: Store) -> tuple[Store, str]:
    """An experiment with trials of every state, and one beside it, in either database."""
    name = f"rows{len(shared_store.experiments())}"
    experiment = new_experiment(shared_store, name, LABELS)
    add_trial(shared_store, new_experiment(shared_store, f"{name}-other", LABELS), 0, 0.1)
    label_auc = dict(zip(LABELS, ((0.9, 0.01), (None, None), (0.7, 0.02)), strict=True))
    add_trial(shared_store, experiment, 0, 0.8, role="baseline", labels=label_auc)
    sampled = {"a.lr": 0, "a.mixed": "wide", "a.list": [1, 2]}
    add_trial(shared_store, experiment, 1, 0.75, params=sampled, labels=label_auc)
    sampled = {"a.lr": 0.5, "a.mixed": 7}
    add_trial(shared_store, experiment, 2, 0.7, params=sampled, state=TrialState.PRUNED)
    failed = TrialState.FAILED
    add_trial(shared_store, experiment, 3, None, state=failed, reason="line 1\nline 2")
    add_trial(shared_store, experiment, 4, 0.5, state=TrialState.RUNNING)
    return shared_store, name


def test_every_trial_is_told_as_the_store_has_it(filled: tuple[Store, str]) -> None:
    store, name = filled
    experiment = store.experiment(name)
    frame = experiment.trials()
    assert list(frame["trial"]) == [0, 1, 2, 3, 4]
    assert list(frame["state"]) == ["COMPLETE", "COMPLETE", "PRUNED", "FAILED", "RUNNING"]
    for (_, row), trial in zip(frame.iterrows(), store.trials(experiment.id), strict=True):
        for column in ("role", "config_hash", "seed", "epochs", "target_epochs", "seconds"):
            assert row[column] == getattr(trial, column), column
        for column in ("mean_auc", "worst_auc", "best_auc", "best_epoch", "ended_at", "reason"):
            known = getattr(trial, column)
            assert pd.isna(row[column]) if known is None else row[column] == known, column
        assert row["parameters"] == trial.cost("parameters") or trial.epochs == 0
        for axis in ("a.lr", "a.mixed", "a.list"):
            known = trial.params.get(axis)
            found = row[f"params.{axis}"]
            assert found == known if known is not None else found is None or found != found


def test_every_epoch_and_label_is_there(filled: tuple[Store, str]) -> None:
    store, name = filled
    experiment = store.experiment(name)
    frame = experiment.epochs()
    rows = [(n, e) for n, epochs in store.epochs(experiment.id).items() for e in epochs]
    assert list(frame["trial"]) == [number for number, _ in rows]
    for column in (c.name for c in Epoch.__table__.columns if c.name != "trial_id"):
        assert list(frame[column]) == [getattr(epoch, column) for _, epoch in rows], column
    labels = experiment.label_aucs()
    assert list(labels["label"][:3]) == list(LABELS)
    assert labels["auc"].isna().tolist() == [False, True, False] * 2
    assert len(experiment.rank()) == 1, "all have one configuration"
    assert list(experiment.labels()["label"]) == list(LABELS)


@pytest.mark.parametrize("at_once", [1, 2, 5000])
def test_parquet_files_are_the_tables(
    filled: tuple[Store, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("results.parquet.AT_ONCE", at_once)
    store, name = filled
    experiment = store.experiment(name)
    said = write_frames(store, name, tmp_path / "a" / "b")
    assert said[0] == f"Wrote {tmp_path}/a/b/trials.parquet: 5 rows"
    assert said[-1] == f"Wrote {tmp_path}/a/b/predictions.parquet: the scores of 0 trials"
    found = pd.read_parquet(tmp_path / "a" / "b" / "trials.parquet")
    frame = experiment.trials()
    assert list(found.columns) == list(frame.columns)
    assert found["params.a.lr"].tolist()[1:3] == [0.0, 0.5]
    assert found["params.a.mixed"].tolist()[1:3] == ['"wide"', "7"]
    assert found["params.a.list"].tolist()[1] == "[1, 2]"
    same = [c for c in frame.columns if not c.startswith("params.")]
    pd.testing.assert_frame_equal(found[same], frame[same], check_dtype=False)
    for file, table in (("epochs", experiment.epochs()), ("label_auc", experiment.label_aucs())):
        read = pd.read_parquet(tmp_path / "a" / "b" / f"{file}.parquet")
        pd.testing.assert_frame_equal(read, table, check_dtype=False)


def test_an_experiment_without_a_trial_has_tables_without_rows(
    store: Store, tmp_path: Path
) -> None:
    new_experiment(store, "empty")
    experiment = store.experiment("empty")
    tables = (experiment.trials(), experiment.epochs(), experiment.label_aucs(), experiment.rank())
    assert [len(table) for table in tables] == [0, 0, 0, 0]
    assert {"trial", "mean_auc"} <= set(tables[0].columns)
    write_frames(store, "empty", tmp_path)
    for file in ("trials", "epochs", "label_auc", "predictions"):
        assert len(pd.read_parquet(tmp_path / f"{file}.parquet")) == 0
