"""`sedn train` and what it can be told to log to."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from search.cli.main import app
from sedn.config import build_config
from sedn.errors import UserError


@pytest.fixture
def config(table: Path, tmp_path: Path) -> Path:
    fields = {
        "data": {"path": str(table), "image_size": 32},
        "backbone": {"name": "test_resnet", "pretrained": False},
        "epochs": 1,
        "batch_size": 27,
    }
    path = tmp_path / "best.yaml"
    path.write_text(build_config(fields, "test").to_yaml())
    return path


def test_an_experiment_takes_its_server_from_the_environment(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    words = ["train", str(config), "-o", str(tmp_path / "run"), "--mlflow-experiment", "spring"]
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, UserError)
    assert "--mlflow-experiment: name its server too" in str(result.exception)
    assert not (tmp_path / "run").exists()
    monkeypatch.chdir(tmp_path)
    store = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    assert CliRunner().invoke(app, [*words, "--tensorboard"]).exit_code == 0
    client = MlflowClient(tracking_uri=store)
    experiment = client.get_experiment_by_name("spring")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert list((tmp_path / "run" / "tensorboard").glob("events.*"))
