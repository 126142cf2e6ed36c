"""A search or a training that needs masks is refused on data that has none."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search import Resources, SearchSettings, run_search
from sedn.config import DataConfig, build_config
from sedn.data import prepare_dataset
from sedn.errors import UserError
from sedn.run.train import train_run
from sedn.run.trained_maps import tell_maps
from spaces import load_space, needing_masks, parse_space
from spaces.space import Space

SPACE = """
name: tiny
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  epochs: 1
  batch_size: 16
axes:
  embedding.placement: {choice: [none, input]}
"""


def space_of(**axes: str) -> Space:
    text = "name: tiny\naxes:\n" + "".join(
        f"  {name.replace('__', '.')}: {value}\n" for name, value in axes.items()
    )
    return parse_space(text, "tiny")


@pytest.fixture
def without_masks(table: Path) -> Path:
    lines = [line.split(",") for line in table.read_text().splitlines()]
    table.write_text("".join(",".join([row[0], *row[2:]]) + "\n" for row in lines))
    return table


def test_a_search_for_a_place_of_maps_needs_some(without_masks: Path, tmp_path: Path) -> None:
    settings = SearchSettings(data=str(without_masks), trials=2, epochs=1)
    store = f"sqlite:///{tmp_path}/sedn.db"
    with pytest.raises(
        UserError,
        match=r"no training image has a map, and the space's semantic_map.source: given needs maps"
        r".*'without-maps'",
    ):
        run_search("tiny", parse_space(SPACE, "tiny"), settings, store, Resources(backend="local"))


@pytest.mark.parametrize(
    "semantic_map", [{}, {"source": "auxiliary"}, {"control": "shuffled"}]
)  # fmt: skip
def test_a_training_with_maps_needs_some(
    without_masks: Path, tmp_path: Path, semantic_map: dict[str, str]
) -> None:
    fields = {
        "data": {"path": str(without_masks), "image_size": 32},
        "backbone": {"name": "test_resnet", "pretrained": False},
        "embedding": {"placement": "stage3"},
        "semantic_map": semantic_map,
        "epochs": 1,
    }
    with pytest.raises(UserError, match="no training image has a map, and semantic_map"):
        train_run(build_config(fields, "test"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_space_says_whether_its_trials_need_masks() -> None:
    given = "semantic_map.source: given"
    assert needing_masks(load_space("standard")) == given
    assert needing_masks(space_of(backbone__name="{choice: [resnet18, resnet50]}")) is None
    placed = "{choice: [none, stage1]}"
    assert needing_masks(space_of(embedding__placement=placed)) == given
    alone = space_of(embedding__placement=placed, embedding__fusion="{choice: [none]}")
    assert needing_masks(alone) is None
    constant = space_of(embedding__placement=placed, semantic_map__control="{choice: [constant]}")
    assert needing_masks(constant) is None
    auxiliary = space_of(
        embedding__placement="{choice: [stage1]}", semantic_map__source="{choice: [auxiliary]}"
    )
    assert needing_masks(auxiliary) == "semantic_map.source: auxiliary"


def test_a_region_that_no_mask_shows_is_told_before_the_first_trial(
    table: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    described = table.parent / "data.yaml"
    described.write_text("table: products.csv\nregions: {shirt: 255, skin: 9}\n")
    said: list[str] = []
    settings = SearchSettings(data=str(described), trials=1, epochs=1)
    store = f"sqlite:///{tmp_path}/sedn.db"
    space = parse_space(SPACE, "tiny")
    resources = Resources(backend="local", storage_path=str(tmp_path / "runs"))
    run_search("tiny", space, settings, store, resources, on_notice=said.append)
    line = "maps: skin is on none of the 54 training maps that were looked at; do the masks mean "
    assert [one for one in said if one.startswith(line)]
    fields = {
        "data": {"path": str(described), "image_size": 32},
        "backbone": {"name": "test_resnet", "pretrained": False},
        "embedding": {"placement": "input"},
        "epochs": 1,
    }
    train_run(build_config(fields, "test"), tmp_path / "run")
    assert line in caplog.text


def test_maps_of_validation_that_are_inverted_are_told(
    table: Path,
) -> None:
    for index in range(2, 90, 5):
        path = table.parent / f"{index}-map.png"
        Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    dataset = prepare_dataset(DataConfig(path=str(table), image_size=32))
    (said,) = tell_maps(dataset)
    assert said.startswith("the validation images have maps unlike the training's: they cover 100%")
