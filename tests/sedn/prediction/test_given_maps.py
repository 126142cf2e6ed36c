"""Maps that mean something else than those of the training are read right, told or refused."""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from sedn.config import build_config
from sedn.errors import UserError
from sedn.prediction.predict import predict_images
from sedn.run.finishing import read_test_scores
from sedn.run.model_file import read_header
from sedn.run.train import train_run

Pixels = NDArray[np.uint8]


def train(data: Path, folder: Path) -> Path:
    fields = {
        "data": {"path": str(data), "image_size": 32},
        "backbone": {"name": "test_resnet", "pretrained": False},
        "embedding": {"placement": "input"},
        "epochs": 1,
        "batch_size": 16,
    }
    train_run(build_config(fields, "test"), folder)
    return folder


def in_test(table: Path) -> list[Path]:
    return [table.parent / f"{index}.png" for index in range(4, 90, 5)]


def redraw(table: Path, change: Callable[[Pixels], Pixels], folder: Path) -> Path:
    """The masks of the test images, changed, by the names of their images."""
    folder.mkdir(exist_ok=True)
    for image in in_test(table):
        mask = np.asarray(Image.open(table.parent / f"{image.stem}-map.png"))
        Image.fromarray(change(mask)).save(folder / image.name)
    return folder


def scores(run: Path, table: Path, masks: Path) -> np.ndarray:
    return np.stack([p.logits for p in predict_images(run, in_test(table), maps=masks)])


def assert_as_in_training(run: Path, table: Path, masks: Path) -> None:
    np.testing.assert_allclose(scores(run, table, masks), read_test_scores(run)[1], atol=1e-5)


@pytest.fixture(scope="module")
def run(shared_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of which every map covers a quarter of its image."""
    return train(shared_table, tmp_path_factory.mktemp("runs") / "run")


def test_maps_as_in_training_are_read_in_silence(
    run: Path, shared_table: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number, change in enumerate((np.copy, lambda mask: mask // 255)):
        masks = redraw(shared_table, change, tmp_path / str(number))
        assert_as_in_training(run, shared_table, masks)
    half = redraw(shared_table, lambda mask: np.roll(mask, 7), tmp_path / "moved")
    scores(run, shared_table, half)
    assert not caplog.records


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (np.zeros_like, "18 of 18 maps are empty, and 0 of 54 in training"),
        (lambda mask: mask * 0 + 255, "18 of 18 maps are full, and 0 of 54 in training"),
        (lambda mask: 255 - mask, "they cover 100% of the images' borders, and 0% in training: "
         "are object and background exchanged?"),
        (lambda mask: np.pad(mask[18:22, 18:22], 18), "they cover 1.20% of the images on average, "
         "and 25.00% in training: do their pixels mean the same?"),
    ],
)  # fmt: skip
def test_maps_unlike_those_of_the_training_are_told_once(
    run: Path,
    shared_table: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    change: Callable[[Pixels], Pixels],
    said: str,
) -> None:
    masks = redraw(shared_table, change, tmp_path / "masks")
    scores(run, shared_table, masks)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == f"{masks}: maps unlike those of the run's training: {said}"
    caplog.clear()
    one = list(predict_images(run, in_test(shared_table)[:1], maps=masks))
    assert len(one) == 1
    assert not caplog.records


def test_a_run_of_before_maps_were_kept_predicts_as_it_did(
    run: Path, shared_table: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = tmp_path / "old"
    shutil.copytree(run, old)
    path = old / "model.safetensors"
    with safe_open(path, framework="pt") as file:
        metadata = {n: v for n, v in file.metadata().items() if n not in ("maps", "crc32")}
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(weights, path, metadata=metadata)
    assert read_header(path).maps is None
    assert_as_in_training(old, shared_table, redraw(shared_table, np.copy, tmp_path / "masks"))
    scores(old, shared_table, redraw(shared_table, np.zeros_like, tmp_path / "empty"))
    assert not caplog.records


def test_the_test_images_of_a_training_are_told_too(
    table: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for image in in_test(table):
        path = table.parent / f"{image.stem}-map.png"
        Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    train(table, tmp_path / "run")
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("products: the test images have maps unlike the training's: they cover")


def with_classes(table: Path, yaml: str, skin: int = 1, shirt: int = 2) -> Path:
    """The table, whose masks have two classes, and a description of it."""
    for index in range(90):
        path = table.parent / f"{index}-map.png"
        mask = np.asarray(Image.open(path)) // 255 * np.uint8(shirt)
        mask[:8] = skin
        Image.fromarray(mask).save(path)
    described = table.parent / "data.yaml"
    described.write_text(f"table: products.csv\n{yaml}\n")
    return described


def test_a_class_of_masks_is_read_by_its_value_as_in_training(
    table: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = train(with_classes(table, "regions: {shirt: 2}"), tmp_path / "run")
    assert_as_in_training(run, table, redraw(table, np.copy, tmp_path / "same"))
    white = redraw(table, lambda mask: (mask == 2) * np.uint8(255), tmp_path / "white")
    assert_as_in_training(run, table, white)
    assert not caplog.records
    # The other class alone is neither: it may be the region, in black and white.
    skin = redraw(table, lambda mask: (mask == 1) * np.uint8(1), tmp_path / "skin")
    with pytest.raises(
        UserError,
        match=r"skin: masks of 0 and 1, and the run was trained with masks with 2 as region, so "
        r"what they mean is not known; save masks in black and white, 0 and 255",
    ):
        predict_images(run, in_test(table), maps=skin)


def test_masks_of_several_classes_need_no_folder_for_each(table: Path, tmp_path: Path) -> None:
    run = train(with_classes(table, "regions: {skin: 1, shirt: 2}"), tmp_path / "run")
    assert_as_in_training(run, table, redraw(table, np.copy, tmp_path / "same"))
    # In a folder for each they may be whole, or in black and white.
    apart = tmp_path / "apart"
    apart.mkdir()
    redraw(table, np.copy, apart / "skin")
    redraw(table, lambda mask: (mask == 2) * np.uint8(255), apart / "shirt")
    assert_as_in_training(run, table, apart)
    with pytest.raises(UserError, match=r"masks of 0 and 255, and .* a folder for each of the reg"):
        predict_images(run, in_test(table), maps=apart / "shirt")


def test_indices_are_no_strengths(table: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for index in range(90):
        soft = random.integers(0, 256, (40, 40), dtype=np.uint8)
        soft[0, :2] = 0, 255
        Image.fromarray(soft).save(table.parent / f"{index}-map.png")
    run = train(table, tmp_path / "run")
    assert json.loads(json.dumps(read_header(run / "model.safetensors").maps.to_json()))["reading"][
        "kind"
    ]["name"] == "strength"  # fmt: skip
    assert_as_in_training(run, table, redraw(table, np.copy, tmp_path / "same"))
    classes = redraw(table, lambda mask: mask // 60, tmp_path / "classes")
    with pytest.raises(
        UserError, match=r"indices, all but 0 one region, and the run was trained with .*strengths"
    ):
        predict_images(run, in_test(table), maps=classes)
    # Values that could be either are what they were in training.
    steps = redraw(table, lambda mask: mask // 64 * 64, tmp_path / "steps")
    assert np.isfinite(scores(run, table, steps)).all()
