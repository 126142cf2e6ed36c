"""Folds: each image is held out once, groups stay whole, labels are spread evenly."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sedn.config import DataConfig, TrainingConfig, build_config
from sedn.data import Dataset, load_dataset
from sedn.data.folds import Folds
from sedn.data.images.on_demand import DecodedImages, is_decoded_on_demand
from sedn.data.splits.folding import draw_folds
from sedn.errors import UserError
from sedn.registry import SEMANTIC_SOURCES
from sedn.training.inputs.sources import semantic_maps


def targets_of(
    random: np.random.Generator, images: int, labels: int, unknown: float = 0.0
) -> np.ndarray:
    """Labels of a fifth to three fifths of the images, which lean on one another."""
    hard = random.random((images, 1)) + random.random((images, labels))
    shares = random.uniform(0.25, 0.6, labels)
    targets = (hard < np.diag(np.quantile(hard, shares, axis=0))).astype(np.float32)
    targets[random.random((images, labels)) < unknown] = np.nan
    return targets


def names(labels: int) -> tuple[str, ...]:
    return tuple(f"label {number}" for number in range(labels))


def spread(values: np.ndarray, drawn: np.ndarray, folds: int) -> np.ndarray:
    """By how much the largest fold's sum of each column is over the smallest's."""
    sums = np.array([values[drawn == fold].sum(axis=0) for fold in range(folds)])
    return np.asarray(sums.max(axis=0) - sums.min(axis=0))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("images", "labels", "folds"), [(40, 1, 5), (60, 4, 3), (150, 6, 10)])
def test_images_alone_are_spread_to_within_one(
    images: int, labels: int, folds: int, seed: int
) -> None:
    targets = targets_of(np.random.default_rng(seed), images, labels)
    drawn = draw_folds(targets, names(labels), (), folds, seed)
    assert drawn.shape == (images,)
    assert set(drawn) == set(range(folds))
    assert spread(np.ones(images), drawn, folds) <= 1
    # Labels that lean on one another cannot all be even at once.
    assert spread(targets, drawn, folds).max() <= (1 if labels == 1 else 2)


@pytest.mark.parametrize("seed", range(8))
def test_groups_stay_whole_and_every_fold_has_both_classes(seed: int) -> None:
    random = np.random.default_rng(seed)
    images, labels, folds = 200, 4, int(random.integers(2, 8))
    groups = tuple(
        f"patient {number}" if random.random() < 0.9 else ""
        for number in random.integers(0, 30, images)
    )
    targets = targets_of(random, images, labels, unknown=0.2)
    drawn = draw_folds(targets, names(labels), groups, folds, seed)
    for group in set(groups) - {""}:
        assert len({fold for fold, name in zip(drawn, groups, strict=True) if name == group}) == 1
    for fold in range(folds):
        held_out = targets[drawn == fold]
        assert (held_out == 1).any(axis=0).all()
        assert (held_out == 0).any(axis=0).all()
    largest = max(groups.count(group) for group in set(groups) - {""})
    assert spread(np.ones(images), drawn, folds) <= largest


def test_a_rare_class_is_in_each_fold_where_that_can_be() -> None:
    """Five groups of forty have the label, and the first of them is a quarter of all images."""
    groups = tuple(["g0"] * 20 + [f"g{number}" for number in range(1, 61)])
    targets = np.zeros((80, 2), dtype=np.float32)
    targets[[0, 20, 21, 22, 23], 0] = 1
    targets[::2, 1] = 1
    for seed in range(20):
        drawn = draw_folds(targets, names(2), groups, 5, seed)
        assert sorted(drawn[targets[:, 0] == 1]) == [0, 1, 2, 3, 4]


def test_the_draw_follows_from_data_and_seed_alone() -> None:
    targets = targets_of(np.random.default_rng(0), 90, 3)
    first, again = (draw_folds(targets, names(3), (), 5, 7) for _ in range(2))
    assert (first == again).all()
    assert (first != draw_folds(targets, names(3), (), 5, 8)).any()


@pytest.mark.parametrize(
    ("groups", "column", "said"),
    [
        (("a", "b", "c") * 4, [0, 1] * 6, "`folds=5`: train and validation have 3 groups, and"),
        ((), [1] * 4 + [0] * 8, "have 4 images with label 'label 0', and each fold needs one"),
        ((), [0] * 1 + [1] * 11, "have 1 image known to be without label 'label 0', and"),
        ((), [0] * 4 + [np.nan] * 3 + [1] * 5, "4 images known to be without label 'label 0'"),
        (
            tuple("aabbccddeeff"),
            [1] * 4 + [0] * 8,
            "have 2 groups with label 'label 0', and each fold needs one; give fewer folds, or",
        ),
    ],
)
def test_what_cannot_be_cut_is_refused_in_a_line(
    groups: tuple[str, ...], column: list[float], said: str
) -> None:
    with pytest.raises(UserError) as refused:
        draw_folds(np.array(column, dtype=np.float32)[:, None], names(1), groups, 5, 0)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_groups_that_cannot_be_spread_are_refused_in_a_line() -> None:
    """Each label is in two groups alone, and no cut into two parts them all."""
    groups = tuple("aabbcc")
    targets = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 1], [0, 0, 0]])
    with pytest.raises(UserError, match="cannot be cut by group so that each fold has images"):
        draw_folds(targets.astype(np.float32), names(3), groups, 2, 0)


@pytest.fixture(scope="module")
def dataset(shared_table: Path) -> Dataset:
    return load_dataset(DataConfig(path=str(shared_table), image_size=32))


def test_a_fold_is_validation_and_the_others_are_train(dataset: Dataset) -> None:
    folds = Folds.draw(dataset, 4, 0)
    before = [dataset.splits[name] for name in ("train", "validation")]
    images = dict(zip(folds.whole.names, range(len(folds.whole)), strict=True))
    assert folds.whole.names == before[0].names + before[1].names
    held_out: list[str] = []
    for fold in range(4):
        cut = folds.hold_out(fold)
        train, validation = cut.splits["train"], cut.splits["validation"]
        assert set(train.names) | set(validation.names) == set(images)
        assert not set(train.names) & set(validation.names)
        assert cut.splits["test"] is dataset.splits["test"]
        held_out += validation.names
        for split in (train, validation):
            for row, name in enumerate(split.names):
                own = before[0] if name in before[0].names else before[1]
                at = own.names.index(name)
                assert (split.images[row] == own.images[at]).all()
                assert (split.maps[row] == own.maps[at]).all()
                assert (split.targets[row] == own.targets[at]).all()
            assert (split.images[np.array([3, 0])] == np.stack([split.images[3], split.images[0]])
                    ).all()  # fmt: skip
    assert sorted(held_out) == sorted(images)


def test_all_images_are_train_and_none_is_left_to_validate_on(dataset: Dataset) -> None:
    folds = Folds.draw(dataset, 4, 0)
    whole = folds.keep_all()
    assert set(whole.splits) == {"train", "test"}
    assert whole.splits["test"] is dataset.splits["test"]
    assert whole.splits["train"].names == folds.whole.names
    assert (whole.splits["train"].targets == folds.whole.targets).all()
    own = {folds.hold_out(fold).fingerprint for fold in range(4)}
    assert whole.fingerprint not in own | {dataset.fingerprint}


def test_each_cut_has_a_name_of_its_own(dataset: Dataset) -> None:
    cuts = [Folds.draw(dataset, count, seed) for count, seed in ((4, 0), (4, 1), (3, 0))]
    prints = [cut.hold_out(fold).fingerprint for cut in cuts for fold in range(3)]
    assert len({dataset.fingerprint, *prints}) == 10
    assert Folds.draw(dataset, 4, 0).hold_out(2).fingerprint == prints[2]


def test_groups_go_with_their_images(dataset: Dataset) -> None:
    grouped = {
        name: replace(split, groups=tuple(f"g{image.split('.')[0][-1]}" for image in split.names))
        for name, split in dataset.splits.items()
    }
    folds = Folds.draw(replace(dataset, splits=grouped), 3, 0)
    for fold in range(3):
        cut = folds.hold_out(fold).splits
        assert not set(cut["train"].groups) & set(cut["validation"].groups)
        for name, group in zip(cut["validation"].names, cut["validation"].groups, strict=True):
            assert group == f"g{name.split('.')[0][-1]}"


def test_images_that_are_decoded_on_demand_stay_so(
    shared_table: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SEDN_CACHE", str(tmp_path))
    monkeypatch.setattr("sedn.data.loading.has_room", lambda size: False)
    load_dataset.cache_clear()
    on_demand = load_dataset(DataConfig(path=str(shared_table), image_size=32))
    load_dataset.cache_clear()
    assert isinstance(on_demand.splits["train"].images, DecodedImages)
    cut, cached = Folds.draw(on_demand, 3, 0).hold_out(1), Folds.draw(dataset, 3, 0).hold_out(1)
    rows = np.array([40, 2, 7])
    assert is_decoded_on_demand(cut.splits["train"].images)
    assert not is_decoded_on_demand(cached.splits["train"].images)
    assert (cut.splits["train"].images[rows] == cached.splits["train"].images[rows]).all()
    assert (cut.splits["train"].maps[rows] == cached.splits["train"].maps[rows]).all()


def test_computed_maps_are_those_of_the_first_cut(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What computes maps has learned on the data set's own training images."""
    asked = []

    def of_split(of: Dataset, split: str, config: object) -> tuple[np.ndarray, np.ndarray]:
        asked.append((of.fingerprint, split))
        own = of.splits[split]
        return 255 - np.asarray(own.maps[np.arange(len(own))]), np.ones(len(own), dtype=bool)

    source = SEMANTIC_SOURCES.find("predicted")
    assert source.computed is not None
    mine = replace(source, computed=replace(source.computed, of_split=of_split))
    monkeypatch.setattr(SEMANTIC_SOURCES, "find", lambda name: mine)
    config: TrainingConfig = build_config(
        {
            "embedding": {"placement": "stage1"},
            "semantic_map": {"source": "predicted", "segmenter": "folder"},
        },
        "test",
    )
    folds = Folds.draw(dataset, 3, 0)
    held_out, whole = folds.hold_out(0), folds.keep_all()
    for cut, name in ((held_out, "train"), (held_out, "validation"), (whole, "train")):
        maps, known = semantic_maps(cut, name, config)
        rows = np.arange(len(cut.splits[name]))
        assert (maps[rows] == 255 - cut.splits[name].maps[rows]).all()
        assert known.all()
    assert {of for of, _ in asked} == {dataset.fingerprint}
