"""Whatever changed since a listing was kept, opening gives what reading afresh gives."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from sedn import seen
from sedn.data.formats import read_listing
from sedn.data.kept import opening, sightings
from sedn.data.listing import Listing
from sedn.errors import UserError
from sedn.files import cache_folder
from tests.sedn.data import fixtures
from tests.sedn.data.kept.listings import edit, no_reading, open_kept, outcome, same, settle


def replace(path: Path, old: str, new: str) -> None:
    other = path.with_name("other")
    shutil.copy2(path, other)
    edit(other, old, new)
    other.replace(path)


def relink(link: Path, target: Path) -> None:
    link.unlink()
    link.symlink_to(target)


def turn(path: Path) -> None:
    """Say in EXIF that the image is to be turned by half."""
    exif = Image.Exif()
    exif[0x0112] = 3
    image = Image.open(path)
    image.save(path, exif=exif)


def first_bird(data: Path) -> Path:
    """A label file whose first object is a bird."""
    files = sorted((data / "labels" / "train").iterdir())
    return next(file for file in files if file.read_text().startswith("0 0.0"))


CSV, COCO, VOC, YOLO, OPEN = (
    fixtures.write_csv, fixtures.write_coco, fixtures.write_voc, fixtures.write_yolo,
    fixtures.write_open_images,
)  # fmt: skip
CHANGES: dict[str, tuple[Callable[[Path], Path], Callable[[Path], object]]] = {
    "a cell, its time restored": (CSV, lambda p: edit(p / "animals.csv", "train", " test")),
    "a row less": (
        CSV, lambda p: (p / "animals.csv").write_text(
            "".join((p / "animals.csv").read_text().splitlines(keepends=True)[:-1])
        ),
    ),
    "a table replaced": (CSV, lambda p: replace(p / "animals.csv", "train", " test")),
    "a column renamed": (CSV, lambda p: edit(p / "animals.csv", "bird", "boat")),
    "an image renamed": (CSV, lambda p: (p / "photos/000.webp").rename(p / "photos/x.webp")),
    "an image removed": (CSV, lambda p: (p / "photos/001.webp").unlink()),
    "an image that is a folder": (
        CSV, lambda p: ((p / "photos/001.webp").unlink(), (p / "photos/001.webp").mkdir()),
    ),
    "a mask of another kind": (
        CSV, lambda p: Image.new("L", (48, 36), 7).save(p / "masks/000.png"),
    ),
    "an id of a category": (
        COCO, lambda p: edit(p / "annotations/instances_train2017.json", '"bird"', '"fowl"'),
    ),
    "a point moved": (
        COCO, lambda p: edit(p / "annotations/instances_train2017.json", "[[1", "[[2"),
    ),
    "an image turned": (COCO, lambda p: [turn(image) for image in p.glob("**/*.jpg")]),
    "a JSON more": (
        COCO, lambda p: shutil.copy(
            p / "annotations/instances_val2017.json", p / "annotations/instances_test2017.json"
        ),
    ),
    "a data.yaml": (
        COCO, lambda p: fixtures.describe(
            p, format="coco", annotations="annotations/instances_train2017.json",
            images="train2017", labels=["car"],
        ),
    ),
    "an XML changed": (VOC, lambda p: edit(p / "Annotations/000.xml", "<filename>", "<filenama>")),
    "an XML more": (
        VOC, lambda p: shutil.copy(p / "Annotations/000.xml", p / "Annotations/x.xml"),
    ),
    "a mask more": (
        VOC, lambda p: [
            shutil.copy(p / "SegmentationClass/000.png", p / f"SegmentationClass/{i:03d}.png")
            for i in fixtures.VOC_WITHOUT_MASK
        ],
    ),
    "a mask less": (VOC, lambda p: (p / "SegmentationClass/000.png").unlink()),
    "a list changed": (
        VOC, lambda p: edit(p / "ImageSets/Main/train.txt", "000\n", "", restore=False),
    ),
    "a list more": (VOC, lambda p: (p / "ImageSets/Main/trainval.txt").write_text("000\n")),
    "the folder of masks renamed": (VOC, lambda p: (p / "SegmentationClass").rename(p / "S")),
    "an image more": (YOLO, lambda p: shutil.copy(
        p / "images/train/000.jpg", p / "images/train/x.jpg"
    )),
    "a label file less": (YOLO, lambda p: first_bird(p).unlink()),
    "a label file changed": (YOLO, lambda p: edit(first_bird(p), "0 0.0", "0 0.3")),
    "a name in the data.yaml": (YOLO, lambda p: edit(p / "data.yaml", "bird", "boat")),
    "a class renamed": (OPEN, lambda p: edit(p / "classes.csv", "bird", "boat")),
    "a label changed": (OPEN, lambda p: edit(p / "train-labels.csv", ",1", ",0")),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changed_is_read_again(tmp_path: Path, change: str) -> None:
    write, alter = CHANGES[change]
    (tmp_path / "data").mkdir()
    path = write(tmp_path / "data")
    settle()
    before = read_listing(path)
    same(open_kept(path), before)
    settle()
    alter(tmp_path / "data")
    expected = outcome(lambda: read_listing(path))
    found = outcome(lambda: open_kept(path))
    if isinstance(expected, str):
        assert found == expected
        return
    assert isinstance(found, Listing)
    same(found, expected)
    assert found.tables_digest() != before.tables_digest() or change in (
        "an XML changed", "an XML more", "a list more", "an image turned", "a data.yaml",
    ), "a change that changes nothing"  # fmt: skip


def test_what_is_given_decides_which_listing_is_kept(tmp_path: Path) -> None:
    path = fixtures.write_csv(tmp_path / "data")
    settle()
    for said in ({}, {"labels": ["car"]}, {"leave_out": ["bird"]}, {"labels": ["bird"]}, {}):
        same(open_kept(path, said), read_listing(path, said))
    assert len([*(cache_folder() / "listings").glob("*.npz")]) == 4


def test_what_is_left_out_is_kept_and_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    path = fixtures.write_csv(tmp_path / "data")
    image, mask = (tmp_path / "data" / name for name in ("photos/003.webp", "masks/004.png"))
    image.rename(tmp_path / "image")
    mask.rename(tmp_path / "mask")
    settle()
    expected = read_listing(path, skip=True)
    assert expected.faults
    same(open_kept(path, skip=True), expected)
    with pytest.raises(UserError, match="photos"):
        open_kept(path)
    (tmp_path / "image").rename(image)
    same(open_kept(path, skip=True), read_listing(path, skip=True))
    (tmp_path / "mask").rename(mask)
    settle()
    same(open_kept(path, skip=True), read_listing(path, skip=True))
    with no_reading(monkeypatch):
        assert not open_kept(path).faults, "what the check has read serves the training"


@pytest.mark.parametrize("relative", [False, True])
def test_data_that_moves_is_read_where_it_is(
    tmp_path: Path, relative: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seed in (("one", 0), ("two", 1)):
        fixtures.write_csv(tmp_path / name)
        edit(tmp_path / name / "animals.csv", "train", ("train", " test")[seed])
    settle()
    monkeypatch.chdir(tmp_path)
    base = Path() if relative else tmp_path
    link = base / "data"
    link.symlink_to("one")
    same(open_kept(link / "animals.csv"), read_listing(link / "animals.csv"))
    relink(link, Path("two"))
    same(open_kept(link / "animals.csv"), read_listing(link / "animals.csv"))
    (tmp_path / "two").rename(tmp_path / "three")
    assert isinstance(outcome(lambda: open_kept(link / "animals.csv")), str)
    same(open_kept(base / "three/animals.csv"), read_listing(base / "three/animals.csv"))
    monkeypatch.chdir(tmp_path / "one")
    same(open_kept(Path("animals.csv")), read_listing(Path("animals.csv")))
    monkeypatch.chdir(tmp_path / "three")
    same(open_kept(Path("animals.csv")), read_listing(Path("animals.csv")))


def test_a_list_of_splits_decides_too(tmp_path: Path) -> None:
    path = fixtures.write_csv(tmp_path / "data").parent
    rows = "".join(f"photos/{i:03d}.webp,{s}\n" for i, s in enumerate(fixtures.SPLITS))
    (path / "splits.csv").write_text("image,split\n" + rows)
    (path / "data.yaml").write_text(
        yaml.safe_dump({"table": "animals.csv", "splits": "splits.csv"})
    )
    settle()
    before = open_kept(path)
    same(before, read_listing(path))
    edit(path / "splits.csv", "train", " test")
    same(open_kept(path), read_listing(path))
    assert open_kept(path).splits != before.splits


def test_touched_tables_are_compared_and_not_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fixtures.write_coco(tmp_path / "data")
    settle()
    expected = read_listing(path)
    open_kept(path)
    for table in path.glob("annotations/*"):
        table.touch()
    settle()
    with no_reading(monkeypatch):
        same(open_kept(path), expected)
    with monkeypatch.context() as patch:
        patch.setattr(seen, "_digest", lambda *_: pytest.fail("compared again"))
        same(open_kept(path), expected)


def test_what_changes_while_it_is_read_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fixtures.write_csv(tmp_path / "data")
    settle()
    before = read_listing(path)

    def read(*words: Any, **more: Any) -> Listing:
        listing = read_listing(*words, **more)
        edit(path, "train", " test")
        return listing

    with monkeypatch.context() as patch:
        patch.setattr(opening, "read_listing", read)
        assert open_kept(path).splits == before.splits
    same(open_kept(path), read_listing(path))


def test_other_code_reads_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = fixtures.write_csv(tmp_path / "data")
    settle()
    open_kept(path)
    monkeypatch.setattr(sightings, "code_digest", lambda: "another")
    with pytest.raises(AssertionError, match="read again"), no_reading(monkeypatch):
        open_kept(path)
    same(open_kept(path), read_listing(path))
