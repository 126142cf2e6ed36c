"""How data without splits are cut, from one label on, and however few images there are."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sedn.config import DataConfig
from sedn.data import SPLITS
from sedn.data.check import check_data
from sedn.data.content import FileContent
from sedn.data.listing import Listing
from sedn.data.loading import load_dataset
from sedn.data.splits import assign_splits
from sedn.errors import UserError


def listing_of(targets: np.ndarray, groups: tuple[str, ...] = ()) -> Listing:
    count, labels = targets.shape
    return Listing(
        source=Path("products.csv"),
        labels=tuple(f"label {index}" for index in range(labels)),
        regions=(),
        images=tuple(FileContent(Path(f"{index}.png")) for index in range(count)),
        maps=(None,) * count,
        targets=targets.astype(np.float32),
        splits=("",) * count,
        groups=groups,
    )


@st.composite
def listings(draw: st.DrawFn) -> Listing:
    count, labels = draw(st.integers(1, 40)), draw(st.integers(1, 3))
    value = st.sampled_from([0, 0, 1, np.nan])
    rows = st.lists(value, min_size=labels, max_size=labels)
    targets = draw(st.lists(rows, min_size=count, max_size=count))
    group = st.sampled_from(["", "a", "b", "c"])
    groups = draw(st.just(()) | st.lists(group, min_size=count, max_size=count).map(tuple))
    return listing_of(np.array(targets), groups)


@settings(deadline=None, max_examples=200)
@given(listings(), st.integers(0, 3))
def test_three_groups_are_enough_for_three_splits(listing: Listing, seed: int) -> None:
    groups = listing.groups or ("",) * len(listing)
    count = len(set(groups) - {""}) + groups.count("")
    if count < 3:
        with pytest.raises(UserError, match=r"products.csv: no image in split '\w+'"):
            assign_splits(listing, seed)
        return
    splits = assign_splits(listing, seed)
    assert set(splits) == set(SPLITS)
    assert (splits == assign_splits(listing, seed)).all()
    for name in set(groups) - {""}:
        assert len(set(splits[np.array(groups) == name])) == 1, "no group is parted"


@pytest.mark.parametrize("labels", [1, 2, 3])
def test_every_label_has_its_share_of_every_split(labels: int) -> None:
    random = np.random.default_rng(0)
    targets = random.random((400, labels)) < 0.1
    splits = assign_splits(listing_of(targets), 0)
    for name, share in {"train": 0.7, "validation": 0.15, "test": 0.15}.items():
        assert (splits == name).mean() == pytest.approx(share, abs=0.01)
        found = targets[splits == name].sum(axis=0)
        assert (np.abs(found - share * targets.sum(axis=0)) <= 1).all()


def test_images_of_which_each_has_a_label_of_its_own_are_cut_too() -> None:
    splits = assign_splits(listing_of(np.eye(20)), 0)
    assert [(splits == name).sum() for name in SPLITS] == [14, 3, 3]


def without_splits(table: Path, labels: int) -> Path:
    """The table with its first ``labels`` labels and without its column of splits."""
    lines = [line.split(",") for line in table.read_text().splitlines()]
    table.write_text("\n".join(",".join(line[: 2 + labels]) for line in lines) + "\n")
    return table


@pytest.mark.parametrize("labels", [1, 2])
def test_a_table_without_splits_is_read_and_checked(table: Path, labels: int) -> None:
    config = DataConfig(path=str(without_splits(table, labels)), image_size=16)
    checked = check_data(config)
    assert checked.trainable
    load_dataset.cache_clear()
    dataset = load_dataset(config)
    sizes = {name: len(split) for name, split in dataset.splits.items()}
    assert sizes == pytest.approx({"train": 63, "validation": 14, "test": 13}, abs=1)
    assert sizes == {name: split.images for name, split in checked.counts.splits.items()}
