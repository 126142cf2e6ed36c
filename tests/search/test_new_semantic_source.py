"""A semantic source that is added by one entry is searched, trained, kept by the run and used."""

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from results.database.store import open_store
from results.ranking.leaders import rank
from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.config import MapConfig, build_config
from sedn.data import Dataset
from sedn.errors import UserError
from sedn.export.graph import ScoringGraph
from sedn.prediction.predictor import load_predictor
from sedn.registry import SEMANTIC_SOURCES, SemanticSource
from sedn.registry.semantic_sources import MAPS_IN_PLACE, ComputedMaps
from sedn.run.train import train_run

ROOT = Path(__file__).parents[2]
SPACE = """\
name: own
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  epochs: 1
  batch_size: 12
axes:
  embedding.placement: {choice: [none, stage3]}
  semantic_map.source: {choice: [given, brightness], when: {embedding.placement: stage3}}
first:
  - {embedding.placement: stage3, semantic_map.source: brightness}
"""


class Brightness(nn.Module):
    """The map is bright where the image is."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean(1, keepdim=True)

    def maps_of(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return images.mean(3).round().astype(np.uint8)[:, None]

    def as_module(self) -> nn.Module:
        return self


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []

    def check(config: MapConfig) -> None:
        calls.append("check")

    def of_split(dataset: Dataset, split: str, config: MapConfig) -> Any:
        calls.append(split)
        images = dataset.splits[split].images[:]
        return Brightness().maps_of(images), np.ones(len(images), dtype=bool)

    def keep(config: MapConfig, run: Path) -> None:
        (run / "brightness.txt").write_text("mean of the channels")

    def load(run: Path, regions: tuple[str, ...], device: torch.device) -> Brightness:
        if not (run / "brightness.txt").exists():
            raise UserError(f"{run}: lacks brightness.txt")
        return Brightness()

    monkeypatch.setattr(SEMANTIC_SOURCES, "entries", dict(SEMANTIC_SOURCES.entries))
    SEMANTIC_SOURCES.register(
        "brightness",
        SemanticSource(
            "the brightness of the image",
            "The maps are the brightness of the image.",
            fields=("dropout",),
            why_no_masks="its maps are the brightness of the images",
            computed=ComputedMaps((), check, of_split, keep, load),
        ),
    )
    return calls


def test_it_is_searched_trained_kept_and_used(
    calls: list[str], table: Path, tmp_path: Path
) -> None:
    (tmp_path / "own.yaml").write_text(SPACE)
    settings = SearchSettings(data=str(table), trials=2, sampler="random", scheduler="none")
    url = f"sqlite:///{tmp_path}/sedn.db"
    where = Resources(backend="local", storage_path=str(tmp_path / "trials"))
    assert run_search("own", str(tmp_path / "own.yaml"), settings, url, where).finished
    assert calls[:3] == ["check", "train", "validation"], "before the first trial"
    assert rank(open_store(url), "own").set_index("trial").loc[1, "mean_auc"] >= 0

    trial = open_store(url).trials(1)[1]
    assert trial.config["semantic_map"]["source"] == "brightness"
    run = tmp_path / "run"
    train_run(build_config(trial.config, "x"), run)
    assert "brightness of the image" in (run / "README.md").read_text()
    predictor = load_predictor(run, torch.device("cpu"))
    images = np.full((2, 32, 32, 3), 99, dtype=np.uint8)
    masks, known = np.zeros((2, 1, 32, 32), dtype=np.uint8), np.zeros(2, dtype=bool)
    scores = predictor.score(("a", "b"), images, masks, known)
    graph = ScoringGraph(predictor).eval()
    assert not graph.takes_maps
    logits, _ = graph(torch.from_numpy(images).permute(0, 3, 1, 2) / 255)
    assert np.allclose(logits.detach().numpy(), scores, atol=1e-4)
    (run / "brightness.txt").unlink()
    with pytest.raises(UserError, match=r"lacks brightness\.txt"):
        load_predictor(run)


def test_no_code_asks_for_a_source_by_its_name() -> None:
    names = {*SEMANTIC_SOURCES.entries} | {name for name in MAPS_IN_PLACE if name == "shuffled"}
    for file in [f for room in ("sedn", "search", "spaces", "results") for f in
                 sorted((ROOT / room).rglob("*.py"))]:  # fmt: skip
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Compare):
                asked = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)} & names
                about = "source" in ast.unparse(node)
                assert not (asked and about), f"{file}:{node.lineno}: {ast.unparse(node)}"
