"""A kept listing gives what reading afresh gives: of any data, whatever changed since, and however
the files of the cache are damaged.
"""

import csv
import importlib
import io
import json
import logging
import multiprocessing
import os
import pickle
import pkgutil
import resource
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import sedn.data
from sedn import seen
from sedn.config import DataConfig
from sedn.data import loading
from sedn.data.check.subject import open_subject
from sedn.data.formats import read_listing
from sedn.data.identity import identify
from sedn.data.kept import contents as kept_contents
from sedn.data.kept import maps as kept_maps
from sedn.data.kept import open_listing, opening, sightings
from sedn.data.kept.listing import KeptListing
from sedn.data.listing import Listing
from sedn.errors import UserError
from sedn.files import cache_folder
from tests.sedn.data import fixtures
from tests.sedn.data.formats.test_any_table import FILES, rows_of, tables


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and clocks that tick as often as those of disks here do."""
    monkeypatch.setenv("SEDN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(seen, "_TICK", 20 * 10**6)
    opening._say_once.cache_clear()
    return tmp_path / "cache"


def settle() -> None:
    """Until what was written is older than a tick."""
    time.sleep(0.05)


def open_kept(path: Path, given: Mapping[str, Any] | None = None, *, skip: bool = False) -> Listing:
    return open_listing(path, given or {}, skip=skip, worth=-1)


def same(found: Listing, expected: Listing) -> None:
    """Each part of two listings, and all that is made of them."""
    assert isinstance(found, KeptListing), "it was not kept"
    for part in fields(Listing):
        one, other = getattr(found, part.name), getattr(expected, part.name)
        if isinstance(other, np.ndarray):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
        elif part.name in ("images", "maps"):
            assert len(one) == len(other)
            assert [*one] == [*other] == [one[row] for row in range(len(one))]
            assert repr([*one[:3]]) == repr([*other[:3]])
        else:
            assert repr(one) == repr(other)
    assert [*found.contents()] == [*expected.contents()]
    assert [*found.stamps()] == [*expected.stamps()]
    assert found.tables_digest() == expected.tables_digest()
    assert found.hash_tables().digest() == expected.hash_tables().digest()
    assert found.maps_known().tolist() == expected.maps_known().tolist()
    rows = np.arange(len(found))[::-3]
    assert found.names(rows) == expected.names(rows)


@contextmanager
def no_reading(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """While the tables must not be read."""

    def read(*_: object, **__: object) -> Listing:
        raise AssertionError("the tables are read again")

    with monkeypatch.context() as patch:
        patch.setattr(opening, "read_listing", read)
        yield


@pytest.mark.parametrize("name", fixtures.WRITERS)
def test_data_of_every_format_is_kept_as_it_is_read(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    path = fixtures.WRITERS[name](tmp_path / "data")
    settle()
    expected = read_listing(path)
    same(open_kept(path), expected)
    with no_reading(monkeypatch):
        same(open_kept(path), expected)
    # Loader processes may be spawned.
    same(pickle.loads(pickle.dumps(open_kept(path))), expected)


def test_training_and_check_open_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fixtures.write_coco(tmp_path / "data")
    settle()
    config = DataConfig(path=str(path), image_size=24)
    plain, subject = loading.prepare_dataset(config), open_subject(config, lambda *_: None)
    kept = open_kept(path)
    fresh = read_listing(path)
    assert identify(kept, 0, lambda *_: None).fingerprint == plain.fingerprint
    shutil.rmtree(cache_folder() / "identities")
    for listing in (kept, fresh):
        assert identify(listing, 0, lambda *_: None).fingerprint == plain.fingerprint
    with no_reading(monkeypatch):
        again, other = loading.prepare_dataset(config), open_subject(config, lambda *_: None)
        assert again.fingerprint == plain.fingerprint and again.said == plain.said
        assert other.names == subject.names
        assert np.array_equal(other.look(3, 24).region_map, subject.look(3, 24).region_map)
        assert loading.find_cache_damage(config) is None


NUMBER = (
    st.integers(-20, 80)
    | st.floats(-9.99, 89).map(lambda number: round(number, 2))
    | st.floats(-20, 80)
    | st.sampled_from([0.0, -0.0, 1e-300, 63.999999999])
)


@st.composite
def coco_sets(draw: st.DrawFn) -> dict[str, Any]:
    """COCO's JSON of the first five pictures."""
    polygon = st.integers(2, 6).flatmap(lambda n: st.lists(NUMBER, min_size=2 * n, max_size=2 * n))
    side = 24 * 36
    runs = st.integers(0, side).map(lambda n: {"size": [24, 36], "counts": [n, side - n]})
    shape = st.lists(polygon, max_size=3) | runs | st.just([])
    objects = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2), shape), max_size=12)
    names = draw(st.permutations(["bird", "car", "ein Ding"]))
    annotations = [
        {"id": n, "image_id": i, "category_id": c, "segmentation": s, "iscrowd": 0}
        for n, (i, c, s) in enumerate([*draw(objects), (0, 0, [])])
    ]
    return {
        "images": [
            {"id": i, "file_name": f"{i:03d}.jpg", "width": 36, "height": 24} for i in range(5)
        ],
        "annotations": annotations,
        "categories": [{"id": n, "name": name} for n, name in enumerate(names)],
    }


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for index in range(5):
        Image.new("RGB", (36, 24)).save(folder / f"{index:03d}.jpg")
    settle()
    return folder


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(document=coco_sets(), each=st.booleans())
def test_any_coco_set_is_kept_as_it_is_read(
    pictures: Path, document: dict[str, Any], each: bool
) -> None:
    (pictures / "coco.json").write_text(json.dumps(document))
    fixtures.describe(
        pictures, format="coco", annotations="coco.json", regions="each" if each else "any"
    )
    try:
        expected = read_listing(pictures)
    except UserError as error:
        with pytest.raises(UserError) as found:
            open_kept(pictures)
        assert str(found.value) == str(error)
        return
    same(open_kept(pictures), expected)


@pytest.fixture(scope="module")
def empty_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("any")
    for path in FILES:
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).touch()
    settle()
    return folder


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(table=tables(), skip=st.booleans(), spoilt=st.booleans())
def test_any_table_is_kept_as_it_is_read(
    empty_files: Path, table: dict[str, Any], skip: bool, spoilt: bool
) -> None:
    written = io.StringIO()
    csv.writer(written).writerows(map(list, [rows_of(table)[0], *rows_of(table)[1]]))
    path = empty_files / "x.csv"
    text = written.getvalue()
    path.write_text(text.replace("000", "x00", 1).replace(",1,", ",?,", 1) if spoilt else text)
    try:
        expected = read_listing(path, skip=skip)
    except UserError as error:
        with pytest.raises(UserError) as found:
            open_kept(path, skip=skip)
        assert str(found.value) == str(error)
        return
    same(open_kept(path, skip=skip), expected)


def edit(path: Path, old: str, new: str, *, restore: bool = True) -> None:
    """Change a text in place; where it keeps its length, its time is taken back."""
    before, text = path.stat(), path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    if restore:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


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


def outcome(read: Callable[[], Listing]) -> Listing | str:
    try:
        return read()
    except UserError as error:
        return str(error)


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


def test_what_is_read_in_no_time_is_not_kept(tmp_path: Path) -> None:
    path = fixtures.write_csv(tmp_path / "data")
    assert not isinstance(open_listing(path, {}), KeptListing)
    assert not (cache_folder() / "listings").exists()


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


def entry() -> Path:
    (found,) = (p for p in (cache_folder() / "listings").iterdir() if p.is_dir())
    return found


def damage(path: Path, kind: str) -> None:
    content = bytearray(path.read_bytes())
    if kind == "one bit":
        content[len(content) * 2 // 3] ^= 4
    elif kind == "truncated":
        del content[len(content) // 2 :]
    elif kind == "empty":
        content.clear()
    path.unlink()
    if kind != "removed":
        path.write_bytes(content)


@pytest.mark.parametrize("kind", ["one bit", "truncated", "empty", "removed"])
def test_damage_is_seen_in_each_file_and_made_good(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fixtures.write_coco(tmp_path / "data")
    settle()
    expected = read_listing(path)
    open_kept(path)
    names = sorted(file.name for file in entry().iterdir())
    pointer = entry().with_name(entry().name.partition("-")[0]).with_suffix(".npz")
    assert "points.bin" in names and pointer.is_file()
    for file in (*(entry() / name for name in names), pointer):
        damage(file, kind)
        with pytest.raises(AssertionError, match="read again"), no_reading(monkeypatch):
            open_kept(path)
        same(open_kept(path), expected)
        with no_reading(monkeypatch):
            same(open_kept(path), expected)


def test_a_listing_that_changed_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = fixtures.write_csv(tmp_path / "data")
    settle()
    old = open_kept(path)
    targets = np.array(old.targets)
    first = entry()
    edit(path, "train", " test")
    same(open_kept(path), read_listing(path))
    assert entry() != first
    # Who has mapped the old one keeps it.
    assert np.array_equal(old.targets, targets)
    assert [image.name for image in old.images] == [i.name for i in read_listing(path).images]


def test_without_a_cache_that_can_be_written_the_data_is_read_and_that_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = fixtures.write_csv(tmp_path / "data")
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEDN_CACHE", str(tmp_path / "file" / "cache"))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert open_kept(path).labels == fixtures.CLASSES
    (record,) = caplog.records
    assert "set SEDN_CACHE" in record.getMessage()
    assert len(record.getMessage().splitlines()) == 1


def test_on_a_full_disk_the_data_is_read_and_nothing_is_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = fixtures.write_csv(tmp_path / "data")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (512, before[1]))
        listings = [open_kept(path) for _ in range(2)]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert all(listing.labels == fixtures.CLASSES for listing in listings)
    assert not any(p.is_dir() for p in (cache_folder() / "listings").iterdir())
    assert len(caplog.records) == 1


def test_a_limit_of_the_cache_holds_for_listings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fixtures.write_csv(tmp_path / "data")
    monkeypatch.setenv("SEDN_CACHE_LIMIT", "0.00001")
    assert not isinstance(open_kept(path), KeptListing)


def _open_in_process(path: str) -> tuple[str, str]:
    seen._TICK = 20 * 10**6
    listing = open_kept(Path(path))
    return type(listing).__name__, listing.tables_digest()


def test_of_several_processes_at_once_each_has_the_same_listing(tmp_path: Path) -> None:
    path = fixtures.write_coco(tmp_path / "data")
    settle()
    expected = read_listing(path).tables_digest()
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        found = pool.map(_open_in_process, [str(path)] * 9, chunksize=1)
    assert found == [("KeptListing", expected)] * 9


def test_every_kind_of_image_and_map_can_be_kept() -> None:
    """Else data of a new kind would be read by each process, and nobody would see why."""
    names = [module.name for module in pkgutil.walk_packages(sedn.data.__path__, "sedn.data.")]
    found = {
        value
        for name in names
        for value in vars(importlib.import_module(name)).values()
        if isinstance(value, type) and not getattr(value, "_is_protocol", False)
    }
    public = {value for value in found if not value.__name__.startswith("_")}
    maps = {value for value in public if {"draw", "lies", "describe"} <= {*dir(value)}}
    contents = {value for value in public if {"read", "stamp"} <= {*dir(value)}}
    assert len(maps) >= 5 and len(contents) >= 3
    for module, kinds in ((kept_maps, maps), (kept_contents, contents)):
        assert {kind.__name__ for kind in kinds} <= {*vars(module)}
