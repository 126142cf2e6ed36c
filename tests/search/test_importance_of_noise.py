"""Real networks on labels that say nothing: no axis matters, though trials share their mistakes,
and nothing is better than the baseline.
"""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from results import compare, find_importance, open_store, rank, write_report
from results.axes.words import answer
from results.comparison.words import answer as in_words
from results.confirmed import answer_lines
from search.confirmation.running import Confirmation, run_confirmation
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


@pytest.fixture(scope="module", params=[0, 1])
def searched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a search over noise."""
    folder = tmp_path_factory.mktemp(f"noise-{request.param}")
    (folder / "space.yaml").write_text(SPACE)
    settings = SearchSettings(
        data=str(write_noise(folder, request.param)),
        trials=36,
        scheduler="none",
        seed=request.param,
    )
    assert run_search("noise", str(folder / "space.yaml"), settings, *place(folder)).finished
    return folder


def place(folder: Path) -> tuple[str, Resources]:
    """The database and the checkpoints of a folder."""
    return f"sqlite:///{folder}/sedn.db", Resources(
        backend="local", storage_path=str(folder / "runs")
    )


@pytest.mark.slow
def test_no_axis_matters_for_labels_that_say_nothing(
    searched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(place(searched)[0])
    found = find_importance(store, "noise")
    assert found.mean.read > 30
    assert not found.axes["matters"].any()
    assert answer(found)[0].startswith("No axis is shown to matter for the mean AUC")
    monkeypatch.setattr("results.axes.importance.read_influences", lambda *of: None)
    blind = find_importance(store, "noise")
    assert blind.axes["matters"].any(), "the images have no luck to be told from an effect"


@pytest.mark.slow
def test_nothing_is_said_to_be_better_than_the_baseline(searched: Path) -> None:
    store = open_store(place(searched)[0])
    ranked = rank(store, "noise")
    assert not ranked["better"].eq(True).any()
    assert ranked.loc[ranked["role"] == "baseline", "tied"].eq(True).all()
    write_report(store, "noise", searched / "report.html")
    report = (searched / "report.html").read_text()
    assert "Nothing is shown to be better than the baseline." in report
    assert "No axis is shown to matter for the mean AUC" in report
    assert ranked["role"].iloc[0] != "baseline", "another seed: here nothing leads"
    in_mean, of_labels = in_words(compare(store, "noise"))
    assert "is higher than" not in in_mean
    assert "is higher for" not in of_labels
    came_to = run_confirmation("noise", *place(searched), top=2, seeds=2)
    assert isinstance(came_to, Confirmation)
    said = answer_lines(came_to.confirmed, came_to.test_reads)
    assert said[0].startswith("Not confirmed: ")
    assert said[-1] == "Test read 1 time."
