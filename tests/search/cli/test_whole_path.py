"""The whole path of a user by the command line: search, rank, export, train, predict."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from search.cli.main import app
from tests.sedn.data.fixtures import CLASSES, write_csv

SPACE = """\
name: tiny
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  semantic_map: {source: auxiliary}
  epochs: 2
  batch_size: 12
axes:
  embedding.placement: {choice: [none, input, stage3]}
  optimizer.learning_rate: {float: [3.0e-3, 1.0e-2], log: true}
"""


@pytest.fixture
def sedn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The command line, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> str:
        done = CliRunner().invoke(app, [*words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    return call


def test_a_user_searches_ranks_exports_trains_and_predicts(sedn, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    data = str(write_csv(tmp_path / "data"))
    (tmp_path / "tiny.yaml").write_text(SPACE)
    words = ["--data", data, "--space", "tiny.yaml", "--name", "spring", "--backend", "local"]
    searched = json.loads(sedn("search", *words, "--trials", "4", "--json"))
    assert searched["finished"]

    ranked = json.loads(sedn("rank", "spring", "--json"))
    best = ranked[0] if isinstance(ranked, list) else ranked["ranking"][0]
    assert 0.0 <= best["mean_auc"] <= 1.0
    assert {label["label"] for label in json.loads(sedn("labels", "spring", "--json"))} == set(
        CLASSES
    )

    sedn("export", "spring", "-o", "best.yaml")
    assert yaml.safe_load(Path("best.yaml").read_text())["backbone"]["name"] == "test_resnet"
    sedn("train", "best.yaml", "-o", "run")
    assert Path("run/model.safetensors").is_file()

    image = next(Path("data").rglob("*.png"), None) or next(Path("data").rglob("*.jpg"))
    lines = sedn("predict", "run", str(image)).splitlines()
    assert len(lines) >= 1

    sedn("report", "spring", "-o", "report.html")
    assert "spring" in Path("report.html").read_text()
