from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from sedn.config import DataConfig
from sedn.data import Dataset, load_dataset
from sedn.errors import UserError
from sedn.segmentation.config import SegmenterConfig
from sedn.segmentation.fold import FoldEpoch, assign_folds, train_fold, validation_dice
from sedn.segmentation.maps import predict_maps, segment_images
from sedn.segmentation.network import build_map_network, predict
from sedn.segmentation.segmenter import (
    CARD,
    fold_path,
    load_segmenter,
    read_segmenter_summary,
    segmenter_fingerprint,
    train_segmenter,
)

SIDE = 40
CPU = torch.device("cpu")
SPLITS = ["train"] * 96 + ["validation"] * 16 + ["test"] * 16


def configure(**fields: Any) -> SegmenterConfig:
    small = {
        "architecture": "fpn",
        "encoder": "test_resnet",
        "pretrained": False,
        "epochs": 8,
        "batch_size": 8,
        "learning_rate": 3e-3,
    }
    return SegmenterConfig(**(small | fields))


def write_squares(folder: Path, seed: int = 0) -> Path:
    """Noise with a bright square somewhere, and a mask of it for all images but every tenth."""
    random = np.random.default_rng(seed)
    rows = ["image,map,low,split"]
    for index, split in enumerate(SPLITS):
        pixels = random.integers(0, 120, (SIDE, SIDE, 3), dtype=np.uint8)
        mask = np.zeros((SIDE, SIDE), dtype=np.uint8)
        y, x = random.integers(0, SIDE - 14, 2)
        mask[y : y + 14, x : x + 14] = 255
        pixels[mask > 0] += 100
        Image.fromarray(pixels).save(folder / f"{index}.png")
        Image.fromarray(mask).save(folder / f"{index}-map.png")
        map_name = f"{index}-map.png" if index % 10 else ""
        rows.append(f"{index}.png,{map_name},{int(y > 12)},{split}")
    path = folder / "squares.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataConfig:
    table = write_squares(tmp_path_factory.mktemp("squares"))
    return DataConfig(path=str(table), image_size=SIDE)


@pytest.fixture(scope="module")
def shown() -> list[FoldEpoch]:
    return []


@pytest.fixture(scope="module")
def trained(
    data: DataConfig, shown: list[FoldEpoch], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "segmenter"
    train_segmenter(data, configure(), folder, shown.append)
    return folder


def test_it_finds_the_region_of_new_images(data: DataConfig, trained: Path) -> None:
    summary = read_segmenter_summary(trained)
    assert min(summary.validation_dice) > 0.8
    dataset = load_dataset(data)
    maps = predict_maps(trained, dataset, "test")
    assert maps.dtype == np.uint8
    assert overlap(maps, dataset) > 0.8


def overlap(maps: np.ndarray, dataset: Dataset) -> float:
    """Dice of maps of the test images."""
    test = dataset.splits["test"]
    assert maps.shape == test.maps.shape
    predicted, true = maps[test.map_known] > 127, test.maps[test.map_known] > 127
    return float(2 * (predicted & true).sum() / (predicted.sum() + true.sum()))


def test_training_maps_are_out_of_fold_and_others_the_mean(data: DataConfig, trained: Path) -> None:
    dataset = load_dataset(data)
    segmenter = load_segmenter(trained, CPU)
    folds = assign_folds(96, segmenter.card.segmenter)
    assert np.bincount(folds).tolist() == [48, 48]
    images = dataset.splits["train"].images
    by_network = [predict([network], images, SIDE).astype(int) for network in segmenter.networks]
    assert np.abs(by_network[0] - by_network[1]).max() > 20, "the networks differ"
    maps = predict_maps(trained, dataset, "train")
    for fold in (0, 1):
        assert np.abs(maps[folds == fold] - by_network[fold][folds == fold]).max() <= 1
    new = dataset.splits["test"].images
    mean = np.mean([predict([network], new, SIDE) for network in segmenter.networks], axis=0)
    assert np.abs(predict_maps(trained, dataset, "test") - mean).max() <= 2
    assert np.abs(segment_images(segmenter, new[:5]) - mean[:5]).max() <= 2


def test_a_network_never_sees_its_own_fold(data: DataConfig) -> None:
    dataset, config = load_dataset(data), configure(epochs=1)
    own = assign_folds(96, config) == 0

    def weights(changed: np.ndarray) -> torch.Tensor:
        """After the masks and pixels of some training images were turned around."""
        train = dataset.splits["train"]
        where = changed[:, None, None, None]
        other = replace(
            train,
            images=np.where(where, 255 - train.images, train.images),
            maps=np.where(where, 255 - train.maps, train.maps),
        )
        network, _ = train_fold(config, with_split(dataset, "train", other), 0, CPU, lambda _: None)
        return torch.cat([value.flatten() for value in network.state_dict().values()])

    unchanged = weights(np.zeros(96, dtype=bool))
    assert torch.equal(weights(own), unchanged)
    assert not torch.equal(weights(~own), unchanged)


def with_split(dataset: Dataset, name: str, split: Any) -> Dataset:
    return replace(dataset, splits={**dataset.splits, name: split})


def test_the_best_epoch_is_kept_and_patience_ends_training(data: DataConfig) -> None:
    dataset, config = load_dataset(data), configure(epochs=30, patience=2, learning_rate=0.1)
    epochs: list[FoldEpoch] = []
    network, best = train_fold(config, dataset, 1, CPU, epochs.append)
    dice = [epoch.validation_dice for epoch in epochs]
    assert [epoch.epoch for epoch in epochs] == list(range(1, len(epochs) + 1))
    assert best.validation_dice == max(dice)
    assert dice.index(max(dice)) == best.epoch - 1
    assert len(epochs) == best.epoch + 2 < 30
    assert validation_dice(network, dataset.splits["validation"], 4) == best.validation_dice


def test_a_broken_training_goes_on_with_the_fold_that_is_missing(
    data: DataConfig, trained: Path, shown: list[FoldEpoch]
) -> None:
    assert [(epoch.fold, epoch.epoch) for epoch in shown if epoch.epoch == 1] == [(1, 1), (2, 1)]
    before, maps = fold_path(trained, 1).read_bytes(), segmenter_fingerprint(trained)
    fold_path(trained, 1).unlink()
    with pytest.raises(UserError, match="not finished; run the same `sedn segment` again"):
        load_segmenter(trained, CPU)
    again: list[FoldEpoch] = []
    summary = train_segmenter(data, configure(), trained, again.append)
    assert {epoch.fold for epoch in again} == {2}
    assert fold_path(trained, 1).read_bytes() == before
    assert segmenter_fingerprint(trained) == maps
    assert summary == train_segmenter(data, configure(), trained, again.clear)


def test_maps_are_predicted_once_and_again_for_other_weights(
    data: DataConfig, trained: Path, tmp_path: Path, image_cache: Path
) -> None:
    dataset = load_dataset(data)
    first = predict_maps(trained, dataset, "validation")
    of_data = f"maps-*-{dataset.fingerprint}-*"

    def written() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in image_cache.glob(f"{of_data}/*/*.npy")}

    before = written()
    assert before
    assert np.array_equal(predict_maps(trained, dataset, "validation"), first)
    assert written() == before
    train_segmenter(data, configure(epochs=1, seed=1), tmp_path / "other")
    assert not np.array_equal(predict_maps(tmp_path / "other", dataset, "validation"), first)
    assert not list(image_cache.glob(f"{of_data}/.*.part"))


def test_maps_have_the_size_of_the_images(data: DataConfig, trained: Path) -> None:
    large = load_dataset(data.model_copy(update={"image_size": 2 * SIDE}))
    maps = predict_maps(trained, large, "test")
    assert maps.shape[2:] == (2 * SIDE, 2 * SIDE)
    assert overlap(maps, large) > 0.7


def test_a_segmenter_of_other_data_is_refused(trained: Path, tmp_path: Path) -> None:
    other = load_dataset(DataConfig(path=str(write_squares(tmp_path, seed=1)), image_size=SIDE))
    with pytest.raises(UserError, match="trained on other data than 'squares' is now"):
        predict_maps(trained, other, "test")


def test_a_folder_holds_one_segmenter(data: DataConfig, trained: Path) -> None:
    before = (trained / CARD).read_bytes()
    with pytest.raises(UserError, match="other data or settings; name another folder"):
        train_segmenter(data, configure(seed=5), trained)
    assert (trained / CARD).read_bytes() == before


def test_what_is_wrong_with_a_folder_is_said(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file; `sedn segment` makes"):
        load_segmenter(tmp_path, CPU)
    card = (trained / CARD).read_text()
    (tmp_path / CARD).write_text(card.replace("architecture: fpn", "architecture: fpm"))
    with pytest.raises(UserError, match=r"segmenter.yaml: field 'segmenter.architecture'"):
        load_segmenter(tmp_path, CPU)
    (tmp_path / CARD).write_text(card.replace("architecture:", "archtecture:"))
    with pytest.raises(UserError, match=r"did you mean 'segmenter\.architecture'"):
        load_segmenter(tmp_path, CPU)
    (tmp_path / CARD).write_text(card.replace("architecture: fpn", "architecture: unet"))
    for fold in (0, 1):
        fold_path(tmp_path, fold).write_bytes(fold_path(trained, fold).read_bytes())
    with pytest.raises(UserError, match=r"fold-1.safetensors: not the weights of this segmenter"):
        load_segmenter(tmp_path, CPU)
    (tmp_path / CARD).write_text(card)
    fold_path(tmp_path, 1).write_bytes(fold_path(trained, 1).read_bytes()[:-100])
    with pytest.raises(UserError, match=r"fold-2.safetensors: not a fold of a segmenter"):
        load_segmenter(tmp_path, CPU)


def test_without_masks_there_is_nothing_to_learn(data: DataConfig) -> None:
    dataset = load_dataset(data)
    for name in ("train", "validation"):
        split = dataset.splits[name]
        blind = replace(split, map_known=np.zeros(len(split), dtype=bool))
        with pytest.raises(UserError, match=r"needs masks of 4 training images and of a validat"):
            train_fold(configure(), with_split(dataset, name, blind), 0, CPU, lambda _: None)


@pytest.mark.parametrize(
    ("encoder", "reason"),
    [
        ("resnet19", r"timm has no such model; did you mean 'resnet1.*'\?"),
        (
            "vit_tiny_patch16_224",
            "does not go with segmenter.architecture 'fpn': Unsupported model",
        ),
    ],
)
def test_an_encoder_that_will_not_do_is_named(encoder: str, reason: str) -> None:
    with pytest.raises(UserError, match=f"segmenter.encoder '{encoder}'.*{reason}"):
        build_map_network(configure(encoder=encoder), 1)


@pytest.mark.parametrize("architecture", ["unet", "fpn"])
@pytest.mark.parametrize("encoder", ["resnet10t", "convnext_atto", "mobilenetv3_small_050"])
def test_networks_take_images_of_any_size(architecture: str, encoder: str) -> None:
    network = build_map_network(configure(architecture=architecture, encoder=encoder), 3).eval()
    images = torch.rand(2, 3, 33, 70)
    with torch.inference_mode():
        logits = network(images)
        assert logits.shape == (2, 3, 33, 70)
        torch.testing.assert_close(network(images[1:]), logits[1:], rtol=1e-4, atol=1e-4)
