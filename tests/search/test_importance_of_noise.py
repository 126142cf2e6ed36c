"""Real networks on labels that say nothing: no axis matters, though trials share their mistakes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from results import find_importance, open_store
from results.axes.words import answer
from search.run import run_search
from search.settings import Resources, SearchSettings

SPACE = """
name: noise
description: two backbones, three places, and labels by chance
base:
  data: {image_size: 32}
  backbone: {pretrained: false}
  batch_size: 32
  epochs: 2
axes:
  backbone.name: {choice: [test_resnet, test_byobnet]}
  embedding.placement: {choice: [none, input, stage1]}
  augmentation.horizontal_flip: {choice: [false, true]}
  optimizer.learning_rate: {float: [1.0e-3, 2.0e-2], log: true}
"""


def write_noise(folder: Path, seed: int) -> Path:
    """300 pictures, 90 of them for validation, and three labels by chance."""
    random = np.random.default_rng(seed)
    rows = ["image,map,red,bright,odd,split"]
    for index in range(300):
        pixels = np.clip(random.normal(random.integers(0, 256, 3), 40, (32, 32, 3)), 0, 255)
        region = np.zeros((32, 32), dtype=np.uint8)
        top, left = random.integers(0, 16, 2)
        region[top : top + 16, left : left + 16] = 255
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{index}.png")
        Image.fromarray(region).save(folder / f"{index}-map.png")
        labels = ",".join(str(int(value)) for value in random.random(3) < 0.4)
        split = ("train", "train", "validation")[index % 3] if index < 270 else "test"
        rows.append(f"{index}.png,{index}-map.png,{labels},{split}")
    path = folder / "noise.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_no_axis_matters_for_labels_that_say_nothing(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "space.yaml").write_text(SPACE)
    url = f"sqlite:///{tmp_path}/sedn.db"
    settings = SearchSettings(
        data=str(write_noise(tmp_path, seed)), trials=36, scheduler="none", seed=seed
    )
    where = Resources(backend="local", storage_path=str(tmp_path / "runs"))
    assert run_search("noise", str(tmp_path / "space.yaml"), settings, url, where).finished
    found = find_importance(open_store(url), "noise")
    assert found.mean.read > 30
    assert not found.axes["matters"].any()
    assert answer(found)[0].startswith("No axis is shown to matter for the mean AUC")
    monkeypatch.setattr("results.axes.importance.read_influences", lambda *of: None)
    blind = find_importance(open_store(url), "noise")
    assert blind.axes["matters"].any(), "the images have no luck to be told from an effect"
