"""A fusion, a loss, a head and an attention of a user's are searched like those built in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from results.database.store import open_store
from results.ranking.leaders import rank
from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.registry import (
    ATTENTIONS,
    FUSIONS,
    HEADS,
    LOSSES,
    register_attention,
    register_fusion,
    register_head,
    register_loss,
)
from tests.sedn.own_parts import ChannelBias, Film, MaxHead, install, poly

SPACE = """\
name: own
description: parts of my own
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  loss: {kind: own_loss, gamma: 0.5}
  epochs: 1
  batch_size: 12
axes:
  embedding.placement: {choice: [none, stage3]}
  embedding.fusion: {choice: [own_film, gate], when: {embedding.placement: stage3}}
  attention.kind: {choice: [none, own_bias], when: {embedding.placement: stage3}}
  head.kind: {choice: [average, own_max]}
first:
  - embedding.placement: stage3
    embedding.fusion: own_film
    attention.kind: own_bias
    head.kind: own_max
"""


@pytest.fixture
def own_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in (FUSIONS, LOSSES, HEADS, ATTENTIONS):
        monkeypatch.setattr(registry, "entries", dict(registry.entries))
    register_fusion("own_film", Film, "one factor for each channel", fields=())
    register_loss("own_loss", poly, "with one more term", fields=("gamma",))
    register_head("own_max", MaxHead, "the maximum over all places")
    register_attention("own_bias", lambda config, channels: ChannelBias(channels), "a factor")


def test_own_parts_are_searched_ranked_and_trained(
    own_parts: None, table: Path, tmp_path: Path
) -> None:
    (tmp_path / "own.yaml").write_text(SPACE)
    settings = SearchSettings(data=str(table), trials=2, sampler="random", scheduler="none")
    url = f"sqlite:///{tmp_path}/sedn.db"
    where = Resources(backend="local", storage_path=str(tmp_path / "trials"))
    assert run_search("own", str(tmp_path / "own.yaml"), settings, url, where).finished
    rows = rank(open_store(url), "own").set_index("trial")
    first = rows.loc[1]
    assert 0 <= first["mean_auc"] <= 1
    assert first["embedding.fusion"] == "own_film"
    assert first["attention.kind"] == "own_bias"
    assert first["head.kind"] == "own_max"


@pytest.mark.slow
def test_a_training_in_another_process_finds_an_installed_plugin(
    table: Path, tmp_path: Path
) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    install(packages)
    (tmp_path / "film.yaml").write_text(
        f"data: {{path: {table}, image_size: 32}}\n"
        "backbone: {name: test_resnet, pretrained: false}\n"
        "embedding: {placement: stage3, fusion: own_film}\n"
        "epochs: 1\nbatch_size: 12\n"
    )
    command = [sys.executable, "-m", "search.cli.start", "train", str(tmp_path / "film.yaml")]
    command += ["-o", str(tmp_path / "run")]
    path = os.pathsep.join([str(packages), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=os.environ | {"PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr
    assert "fusion: own_film" in (tmp_path / "run" / "config.yaml").read_text()
