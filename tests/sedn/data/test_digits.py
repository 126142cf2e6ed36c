import numpy as np
import pytest

from sedn.config import DataConfig
from sedn.data import Dataset, count_labels, load_dataset
from sedn.data.check.subject import open_images
from sedn.data.dataset import SPLITS
from sedn.data.digits import scenes as source
from sedn.data.digits.cards import INKS, PATTERNS, Card, draw_card


@pytest.fixture(scope="module")
def dataset(image_cache) -> Dataset:
    return load_dataset(DataConfig(image_size=32))


def test_every_label_has_enough_of_both_classes_in_every_split(dataset: Dataset) -> None:
    for split in dataset.splits:
        counts = count_labels(dataset, split)
        assert list(counts) == list(dataset.labels)
        assert all(40 < positives < 0.6 * known for positives, known in counts.values())


def test_prevalence_is_uneven(dataset: Dataset) -> None:
    shares = dataset.splits["train"].targets.mean(axis=0)
    assert shares.max() > 3 * shares.min()


def test_labels_agree_with_each_other(dataset: Dataset) -> None:
    for split in dataset.splits.values():
        targets = split.targets
        assert set(targets[:, :10].sum(axis=1)) == {1, 2}, "one or two digits on a card"
        assert targets[:, 10:13].sum(axis=1).max() == 1, "one ink"
        assert targets[:, 13:].sum(axis=1).max() == 1, "one pattern"


def test_maps_mark_one_card(dataset: Dataset) -> None:
    for split in dataset.splits.values():
        assert split.maps.shape == (len(split), 1, 32, 32)
        share = (split.maps / 255).mean(axis=(1, 2, 3))
        assert share.min() > 0.08
        assert share.max() < 0.25
        assert split.map_known.all()
    assert not dataset.has_indicator


def test_the_same_image_is_drawn_every_time(dataset: Dataset) -> None:
    images, maps, targets = source._draw_block(("validation", 250, 32))
    split = dataset.splits["validation"]
    assert np.array_equal(images, split.images[250:500])
    assert np.array_equal(maps, split.maps[250:500])
    assert np.array_equal(targets, split.targets[250:500])


def test_an_image_that_is_looked_at_is_drawn_alone(dataset: Dataset, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SEDN_CACHE", str(tmp_path))
    images = open_images(DataConfig(image_size=32))
    assert images.names == tuple(name for split in SPLITS for name in dataset.splits[split].names)
    for name in ("train-0001", "validation-0999", "test-1000"):
        split, row = dataset.splits[name.split("-")[0]], int(name.split("-")[1])
        sample = images.look(images.names.index(name), 32)
        assert np.array_equal(sample.image, split.images[row])
        assert np.array_equal(sample.region_map, split.maps[row])
    assert not list(tmp_path.iterdir()), "no need of the other images"


def test_no_digit_and_no_photograph_is_in_two_splits() -> None:
    forms = {
        split: {form.tobytes() for digit in source._digits(split) for form in digit}
        for split in source.SIZES
    }
    assert not forms["train"] & forms["validation"]
    assert not forms["train"] & forms["test"]
    assert not forms["validation"] & forms["test"]
    names = [name for split in source._PHOTOGRAPHS.values() for name in split]
    assert len(set(names)) == len(names)
    assert all(len(source._photographs(split)) > 2 for split in source.SIZES)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("ink", list(INKS))
def test_a_card_is_drawn_inside_its_mask_only(pattern: str, ink: str) -> None:
    card = Card((0.4, 0.6), (0.2, 0.25), 0.3, (0.7, 0.8, 0.9), (3,), ink, pattern)
    canvas = np.full((64, 64, 3), 0.5, dtype=np.float32)
    mask = draw_card(canvas, card, source._digits("train"), np.random.default_rng(0))
    assert (canvas[mask == 0] == 0.5).all()
    assert 0.8 < mask.sum() / (0.4 * 0.5 * 64**2) < 1.2
    inked = np.abs(canvas - np.asarray(INKS[ink])).sum(axis=2) < 0.15
    assert inked.sum() > 20, "the ink is to be seen"
