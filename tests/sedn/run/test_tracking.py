"""Trainings followed by the real TensorBoard and MLflow, stopped and resumed."""

import csv
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mlflow import MlflowClient
from mlflow.utils.validation import _validate_metric_name
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from sedn.config import TrainingConfig, build_config
from sedn.errors import UserError
from sedn.run.mlflow_tracker import metric_names, open_mlflow
from sedn.run.summary import RunSummary
from sedn.run.tracking import Tracking
from sedn.run.train import train_run
from sedn.training.result import EpochResult

EPOCHS = 3


def configure(table: Path) -> TrainingConfig:
    fields = {
        "data": {"path": str(table), "image_size": 32},
        "backbone": {"name": "test_resnet", "pretrained": False},
        "epochs": EPOCHS,
        "batch_size": 27,
    }
    return build_config(fields, "test")


class Stop(Exception):
    pass


def stop_after(epoch: int) -> Callable[[EpochResult], None]:
    def show(result: EpochResult) -> None:
        if result.epoch == epoch:
            raise Stop

    return show


def train_with_stops(table: Path, run: Path, tracking: Tracking) -> RunSummary:
    """Stopped after each epoch, resumed, and started once more when it is finished."""
    for epoch in (1, 2):
        with pytest.raises(Stop):
            train_run(configure(table), run, stop_after(epoch), tracking)
    summary = train_run(configure(table), run, tracking=tracking)
    assert train_run(configure(table), run, tracking=tracking) == summary
    return summary


def validated(run: Path) -> list[float]:
    """Mean AUC by epoch, as the run's own file tells it."""
    with (run / "epochs.csv").open() as file:
        return [float(row["mean_auc"]) for row in csv.DictReader(file)]


def read_events(run: Path) -> EventAccumulator:
    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    return events


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    # MLflow's artifacts lie where it is started.
    monkeypatch.chdir(tmp_path)
    return f"sqlite:///{tmp_path}/mlflow.db"


def test_tensorboard_has_each_epoch_once(table: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    summary = train_with_stops(table, run, Tracking(tensorboard=True))
    events = read_events(run)
    found = events.Scalars("validation/mean_auc")
    assert [event.step for event in found] == [1, 2, 3]
    assert [event.value for event in found] == pytest.approx(validated(run))
    for tag in ("train/loss", "train/epoch_seconds", "validation/auc/red"):
        assert [event.step for event in events.Scalars(tag)] == [1, 2, 3]
    (end,) = events.Scalars("test/mean_auc")
    assert end.value == pytest.approx(summary.mean_auc)
    assert len(events.Scalars("test/f1/red")) == 1
    (text,) = events.Tensors("configuration/text_summary")
    assert b"name: test_resnet" in text.tensor_proto.string_val[0]


def test_mlflow_has_each_epoch_once_and_what_the_run_left(
    table: Path, tmp_path: Path, store: str
) -> None:
    run = tmp_path / "run"
    summary = train_with_stops(table, run, Tracking(mlflow=store, mlflow_experiment="spring"))
    client = MlflowClient(tracking_uri=store)
    experiment = client.get_experiment_by_name("spring")
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.info.run_id == json.loads((run / "mlflow.json").read_text())["run_id"]
    assert found.info.run_name == "run"
    assert found.info.status == "FINISHED"
    history = client.get_metric_history(found.info.run_id, "validation/mean_auc")
    assert [metric.step for metric in history] == [1, 2, 3]
    assert [metric.value for metric in history] == pytest.approx(validated(run))
    for name in ("train/loss", "validation/auc/bright"):
        assert len(client.get_metric_history(found.info.run_id, name)) == EPOCHS
    assert found.data.metrics["test/mean_auc"] == pytest.approx(summary.mean_auc)
    assert len(client.get_metric_history(found.info.run_id, "test/auc/red")) == 1
    assert found.data.params["backbone.name"] == "test_resnet"
    assert found.data.params["epochs"] == "3"
    assert found.data.tags["map_source"] == "none"
    kept = {artifact.path for artifact in client.list_artifacts(found.info.run_id)}
    assert {"model.safetensors", "config.yaml", "summary.json", "reliability.html"} <= kept


def test_a_finished_run_can_be_logged_later(table: Path, tmp_path: Path, store: str) -> None:
    run = tmp_path / "run"
    summary = train_run(configure(table), run)
    before = (run / "model.safetensors").read_bytes()
    tracking = Tracking(tensorboard=True, mlflow=store)
    assert train_run(configure(table), run, stop_after(1), tracking) == summary
    assert (run / "model.safetensors").read_bytes() == before
    assert [event.step for event in read_events(run).Scalars("train/loss")] == [1, 2, 3]
    client = MlflowClient(tracking_uri=store)
    run_id = json.loads((run / "mlflow.json").read_text())["run_id"]
    assert len(client.get_metric_history(run_id, "train/loss")) == EPOCHS


def test_a_server_that_is_away_is_told_before_training(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    (tmp_path / "text.db").write_text("no database, but long enough to be taken for one" * 20)
    (tmp_path / "folder.db").mkdir()
    no_databases = [f"sqlite:///{tmp_path}/{name}.db" for name in ("text", "folder")]
    for uri in ("http://127.0.0.1:9", *no_databases, "sqlit:///m.db"):
        with pytest.raises(UserError, match="`mlflow` ") as caught:
            train_run(configure(table), tmp_path / "run", tracking=Tracking(mlflow=uri))
        assert "\n" not in str(caught.value)
        assert uri in str(caught.value)
    assert not (tmp_path / "run" / "checkpoint.pt").exists()


@pytest.mark.slow
def test_a_store_that_is_away_for_an_epoch_gets_it_later(
    table: Path, tmp_path: Path, store: str, caplog: pytest.LogCaptureFixture
) -> None:
    locks: list[sqlite3.Connection] = []

    def show(result: EpochResult) -> None:
        if result.epoch == 1:
            locks.append(sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None))
            locks[0].execute("BEGIN EXCLUSIVE")
        elif result.epoch == 2:
            locks[0].execute("ROLLBACK")

    run = tmp_path / "run"
    train_run(configure(table), run, show, Tracking(mlflow=store))
    assert "MLflow does not answer; training goes on" in caplog.text
    client = MlflowClient(tracking_uri=store)
    run_id = json.loads((run / "mlflow.json").read_text())["run_id"]
    history = client.get_metric_history(run_id, "validation/mean_auc")
    assert [metric.step for metric in history] == [1, 2, 3]


@given(st.lists(st.text(min_size=1, max_size=300), max_size=20, unique=True))
@example(["..", ".", "a/b", "a_b", "a?b", "//", "ä ö"])
def test_any_label_gives_a_name_of_its_own_that_mlflow_takes(labels: list[str]) -> None:
    names = metric_names([f"validation/auc/{label}" for label in labels])
    assert len(set(names)) == len(labels)
    for name in names:
        _validate_metric_name(name)


@pytest.mark.slow
@pytest.mark.parametrize("extra", ["tensorboard", "mlflow"])
def test_a_missing_extra_is_named_before_training(table: Path, tmp_path: Path, extra: str) -> None:
    (tmp_path / "c.yaml").write_text(configure(table).to_yaml())
    code = f"import sys; sys.modules['{extra}'] = None; from search.cli.main import main; main()"
    option = {"tensorboard": ["--tensorboard"], "mlflow": ["--mlflow", "sqlite:///m.db"]}[extra]
    done = subprocess.run(
        [sys.executable, "-c", code, "train", "c.yaml", "-o", "run", *option],
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"`pip install 'sedn-search[{extra}]'`" in line
    assert not (tmp_path / "run").exists()


def test_mlflow_address_is_told_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    config = TrainingConfig()
    with (
        pytest.raises(UserError, match=r"`mlflow` http://…@127.0.0.1:1") as caught,
        open_mlflow("http://user:hunter2@127.0.0.1:1", "e", config, tmp_path),
    ):
        pass
    assert "hunter2" not in str(caught.value)
