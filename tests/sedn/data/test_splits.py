"""How data without splits are cut, from one label on, and however few images there are."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sedn.config import DataConfig
from sedn.data import SPLITS
from sedn.data.check import check_data
from sedn.data.formats import read_listing
from sedn.data.images.content import FileContent
from sedn.data.listing import Listing
from sedn.data.loading import load_dataset
from sedn.data.splits.cutting import SHARES, assign_splits, missed_shares
from sedn.errors import UserError


def listing_of(
    targets: np.ndarray, groups: tuple[str, ...] = (), splits: tuple[str, ...] | None = None
) -> Listing:
    count, labels = targets.shape
    return Listing(
        source=Path("products.csv"),
        labels=tuple(f"label {index}" for index in range(labels)),
        regions=(),
        images=tuple(FileContent(Path(f"{index}.png")) for index in range(count)),
        maps=(None,) * count,
        targets=targets.astype(np.float32),
        splits=splits or ("",) * count,
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


@st.composite
def grouped(draw: st.DrawFn) -> Listing:
    """Groups of any size, the largest of which may have most of the images."""
    sizes = draw(st.lists(st.integers(1, 12), min_size=3, max_size=30))
    sizes += draw(st.lists(st.integers(20, 150), max_size=2))
    groups = np.repeat([f"g{index}" for index in range(len(sizes))], sizes)
    random = np.random.default_rng(draw(st.integers(0, 99)))
    targets = random.random((len(groups), draw(st.integers(1, 4)))) < 0.3
    order = random.permutation(len(groups))
    return listing_of(targets[order], tuple(groups[order].tolist()))


@settings(deadline=None, max_examples=200)
@given(grouped(), st.integers(0, 3))
def test_shares_are_of_images_and_off_by_hardly_more_than_the_largest_group(
    listing: Listing, seed: int
) -> None:
    splits = assign_splits(listing, seed)
    largest = np.unique(listing.groups, return_counts=True)[1].max()
    for name, share in SHARES.items():
        off = abs((splits == name).sum() - share * len(listing))
        assert off <= largest + 1
        said = any(line.startswith(f"{name}: ") for line in missed_shares(listing, splits))
        assert said == (off > max(1, 0.2 * share * len(listing))), "what misses its share is said"


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_one_large_group_does_not_swell_validation_or_test(share: float) -> None:
    groups = tuple("seller" if row < 200 * share else f"s{row % 25}" for row in range(200))
    random = np.random.default_rng(0)
    for seed in range(5):
        splits = assign_splits(listing_of(random.random((200, 3)) < 0.3, groups), seed)
        for name, wanted in SHARES.items():
            assert (splits == name).mean() == pytest.approx(wanted, abs=0.03)


def test_rare_labels_of_groups_are_in_every_split() -> None:
    random = np.random.default_rng(1)
    groups = tuple(f"g{row}" for row in random.integers(0, 120, 600).tolist())
    targets = random.random((600, 3)) < [0.3, 0.1, 0.05]
    splits = assign_splits(listing_of(targets, groups), 0)
    for name, share in SHARES.items():
        positives = targets[splits == name].sum(axis=0)
        assert positives == pytest.approx(share * targets.sum(axis=0), rel=0.25, abs=2)


@pytest.mark.parametrize(
    ("present", "shares"),
    [
        (("train",), {"train": 0.7, "validation": 0.15, "test": 0.15}),
        (("train", "test"), {"train": 0.85 * 0.5, "validation": 0.15 * 0.5, "test": 0.5}),
        (("train", "validation"), {"train": 0.85 * 0.5, "validation": 0.5, "test": 0.15 * 0.5}),
    ],
)
def test_splits_that_are_missing_are_drawn_from_train(
    present: tuple[str, ...], shares: dict[str, float]
) -> None:
    given_splits = tuple(present[row % len(present)] for row in range(200))
    targets = np.random.default_rng(0).random((200, 2)) < 0.3
    splits = assign_splits(listing_of(targets, splits=given_splits), 0)
    for name, share in shares.items():
        assert (splits == name).mean() == pytest.approx(share, abs=0.01)
    kept = np.array(given_splits) != "train"
    assert (splits[kept] == np.array(given_splits)[kept]).all(), "what is given stays"


@pytest.mark.parametrize("present", ["validation", "test"])
def test_data_without_train_is_refused(present: str) -> None:
    with pytest.raises(UserError, match="no image in split 'train'"):
        assign_splits(listing_of(np.eye(20), splits=(present,) * 20), 0)


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


def test_a_group_that_is_too_large_is_a_finding_of_the_check(table: Path) -> None:
    lines = [line.split(",")[:3] for line in without_splits(table, 1).read_text().splitlines()]
    groups = ["group", *(f"g{row}" if row > 80 else "seller" for row in range(len(lines) - 1))]
    rows = [[*line, group] for line, group in zip(lines, groups, strict=True)]
    table.write_text("\n".join(map(",".join, rows)) + "\n")
    checked = check_data(DataConfig(path=str(table), image_size=16))
    (finding,) = (f for f in checked.findings if f.kind == "large-groups")
    assert "train: 90% of the images instead of 70%; group 'seller' alone has 90%" in finding.where
    assert any(
        line.startswith("splits: drawn, by group: 81 train") for line in checked.subject.notes
    )


@pytest.mark.parametrize("kind", ["yolo", "voc", "coco", "table"])
def test_copies_of_one_photograph_stay_in_one_split(tmp_path: Path, kind: str) -> None:
    """Roboflow's augmentation, of which train alone was exported."""
    folder = tmp_path / "train"
    folder.mkdir()
    names = [f"cat{i:02d}_jpg.rf.{i:02x}{copy}0a1b2c.jpg" for i in range(30) for copy in range(3)]
    for name in names:
        Image.new("RGB", (16, 16)).save(folder / name)
    there = [(name, k) for n, name in enumerate(names) for k in range(2) if (n // 3 + k) % 2]
    if kind == "yolo":
        (folder / "_darknet.labels").write_text("red\nblue\n")
        for name in names:
            lines = [f"{k} .5 .5 .2 .2\n" for other, k in there if other == name]
            (folder / name).with_suffix(".txt").write_text("".join(lines))
    elif kind == "voc":
        for name, k in there:
            found = f"<object><name>{('red', 'blue')[k]}</name></object>"
            (folder / name).with_suffix(".xml").write_text(f"<annotation>{found}</annotation>")
    elif kind == "coco":
        document = {
            "images": [{"id": n, "file_name": name} for n, name in enumerate(names)],
            "categories": [{"id": k, "name": name} for k, name in enumerate(("red", "blue"))],
            "annotations": [{"image_id": names.index(n), "category_id": k} for n, k in there],
        }
        (folder / "_annotations.coco.json").write_text(json.dumps(document))
    else:
        rows = [f"{n}, {int((n, 0) in there)}, {int((n, 1) in there)}" for n in names]
        (folder / "_classes.csv").write_text("\n".join(["filename, red, blue", *rows]) + "\n")
    listing = read_listing(tmp_path)
    assert "groups: Roboflow's copies of 30 photographs" in listing.notes
    splits = assign_splits(listing, 0)
    of_source: dict[str, set[str]] = {}
    for image, split in zip(listing.images, splits, strict=True):
        of_source.setdefault(Path(image.name).name[:5], set()).add(str(split))
    assert set(splits) == {"train", "validation", "test"}
    assert all(len(found) == 1 for found in of_source.values())
    assert len(of_source) == 30
