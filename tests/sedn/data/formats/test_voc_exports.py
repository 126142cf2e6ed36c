"""Pascal VOC as tools export it, read by its path alone to the truth of each image."""

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from sedn.data.formats import read_listing
from sedn.data.listing import RegionMap
from sedn.data.splits.cutting import assign_splits
from sedn.errors import UserError
from tests.sedn.data import fixtures
from tests.sedn.data.fixtures import CLASSES, COUNT, HEIGHT, MAPS, SPLITS, WIDTH

pytestmark = pytest.mark.filterwarnings("ignore:__array__ impl:DeprecationWarning:pycocotools")
ROBOFLOW = {"train": "train", "validation": "valid", "test": "test"}
STRAYS = ("._003.xml", "._003.jpg", ".DS_Store", "Thumbs.db")


def devkit(folder: Path) -> None:
    fixtures.write_voc(folder)


def edited(old: str, new: str) -> Callable[[Path], None]:
    """The devkit's folders with another text in each XML."""

    def write(folder: Path) -> None:
        devkit(folder)
        for path in (folder / "Annotations").iterdir():
            path.write_text(re.sub(old, new, path.read_text()))

    return write


def prefixed(folder: Path) -> None:
    edited(r"<(/?)(\w+)(?=>)", r"<\1v:\2")(folder)
    for path in (folder / "Annotations").iterdir():
        path.write_text(path.read_text().replace("<v:annotation", '<v:annotation xmlns:v="a"', 1))


def listed(change: Callable[[str], str]) -> Callable[[Path], None]:
    """The devkit's folders with other lines in the lists."""

    def write(folder: Path) -> None:
        devkit(folder)
        for path in (folder / "ImageSets/Main").iterdir():
            lines = path.read_text().splitlines()
            path.write_text("".join(change(line) + "\n" for line in lines))

    return write


def renamed(name: str, line: str) -> Callable[[Path], None]:
    """The devkit's folders with other names of images."""

    def write(folder: Path) -> None:
        devkit(folder)
        for path in [p for p in folder.rglob("*") if re.fullmatch(r"\d{3}", p.stem)]:
            path.rename(path.with_name(name.format(int(path.stem)) + path.suffix))
        for path in (folder / "ImageSets/Main").iterdir():
            rows = [int(row) for row in path.read_text().split()]
            path.write_text("".join(line.format(row) + "\n" for row in rows))

    return write


def with_strays(folder: Path) -> None:
    devkit(folder)
    for below in ("", "Annotations", "JPEGImages", "ImageSets/Main", "SegmentationClass"):
        for name in STRAYS:
            (folder / below / name).write_bytes(b"\x00\x05\x16\x07Mac OS X")
    shutil.copytree(folder / "Annotations", folder / "__MACOSX/Annotations")
    (folder / "JPEGImages/__MACOSX").mkdir()


def upper_case(folder: Path) -> None:
    devkit(folder)
    for path in (folder / "JPEGImages").iterdir():
        path.rename(path.with_suffix(".JPG"))


def other_places_of_lists(folder: Path) -> None:
    devkit(folder)
    (folder / "ImageSets/Main").rename(folder / "ImageSets/Segmentation")


def in_the_devkit(folder: Path) -> None:
    devkit(folder / "VOCdevkit/VOC2012")
    for name in STRAYS:
        (folder / "VOCdevkit" / name).touch()


def roboflow(folder: Path) -> None:
    for split, short in ROBOFLOW.items():
        devkit(folder / "whole")
        (folder / short).mkdir()
        for row in (i for i in range(COUNT) if SPLITS[i] == split):
            name = f"{row:03d}_jpg.rf.0a1b2c"
            (folder / f"whole/JPEGImages/{row:03d}.jpg").rename(folder / short / f"{name}.jpg")
            (folder / f"whole/Annotations/{row:03d}.xml").rename(folder / short / f"{name}.xml")
        shutil.rmtree(folder / "whole")
    (folder / "README.roboflow.txt").write_text("animals - v1")


def with_polygons(folder: Path) -> None:
    """Roboflow's, with a polygon for each part of an object."""
    roboflow(folder)
    for path in folder.rglob("*.xml"):
        row = number(path.name)
        objects = "".join(
            f"<object><name>{CLASSES[label]}</name>"
            f"<difficult>{int(fixtures.is_difficult(row, label))}</difficult>"
            f"<polygon>{outline(box, label)}</polygon></object>"
            for label in np.flatnonzero(fixtures.TARGETS[row]).tolist()
            for box in fixtures.boxes_of(row, label)
        )
        text = re.sub("<object>.*</object>", "", path.read_text())
        path.write_text(text.replace("</annotation>", f"{objects}</annotation>"))


def outline(box: fixtures.Box, label: int) -> str:
    left, right, top, bottom = box
    points = [(left, top), (right, top), (right, bottom), (left, bottom)]
    if label == 1:
        angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        across = (left + right) / 2 + (right - left) / 2 * np.cos(angles)
        down = (top + bottom) / 2 + (bottom - top) / 2 * np.sin(angles)
        points = [*zip(across.tolist(), down.tolist(), strict=True)]
    return "".join(f"<x{n}>{x}</x{n}><y{n}>{y}</y{n}>" for n, (x, y) in enumerate(points, 1))


def beside_each_other(folder: Path) -> None:
    devkit(folder / "whole")
    for path in (folder / "whole").glob("*/0*"):
        if path.parent.name != "SegmentationClass":
            path.rename(folder / path.name)
    shutil.rmtree(folder / "whole")


def other_folders(folder: Path) -> None:
    devkit(folder)
    (folder / "Annotations").rename(folder / "annots")
    (folder / "JPEGImages").rename(folder / "images")
    shutil.rmtree(folder / "ImageSets")
    shutil.rmtree(folder / "SegmentationClass")


def fiftyone(folder: Path) -> None:
    other_folders(folder)
    (folder / "annots").rename(folder / "labels")
    (folder / "images").rename(folder / "data")


def folders_by_split(folder: Path) -> None:
    other_folders(folder)
    for split, short in ROBOFLOW.items():
        for below, suffix in (("annots", "xml"), ("images", "jpg")):
            (folder / below / short).mkdir()
            for row in (i for i in range(COUNT) if SPLITS[i] == split):
                name = f"{row:03d}.{suffix}"
                (folder / below / name).rename(folder / below / short / name)


def named_in_the_xml(folder: Path) -> None:
    """Where only an XML says what its image is called."""
    other_folders(folder)
    for path in (folder / "images").iterdir():
        path.rename(path.with_name(f"photo-{path.name}"))
    for path in (folder / "annots").iterdir():
        path.write_text(path.read_text().replace("<filename>", "<filename>C:\\images\\photo-"))


SHAPES: dict[str, tuple[Callable[[Path], None], bool]] = {
    "devkit": (devkit, True),
    "namespace": (edited("<annotation>", '<annotation xmlns="http://example.org/voc">'), True),
    "prefix": (prefixed, True),
    "difficult in words": (edited("<difficult>0", "<difficult>False"), True),
    "difficult in no word": (edited("<difficult>0</difficult>", ""), True),
    "blanks in names": (renamed("photo {}", "photo {}"), True),
    "blanks in names, flags": (renamed("photo {}", "photo {} -1"), True),
    "blanks in names, quotes": (renamed("my photo {}", '"my photo {}"'), True),
    "names of other letters": (renamed("写真-é{}", "写真-é{}"), True),
    "lists with extensions": (listed("{}.jpg".format), True),
    "lists with flags": (listed("{}  1".format), True),
    "lists with paths": (listed("VOC2012/JPEGImages/{}.jpg".format), True),
    "lists elsewhere": (other_places_of_lists, True),
    "strays": (with_strays, True),
    "JPG": (upper_case, True),
    "in VOCdevkit": (in_the_devkit, True),
    "Roboflow": (roboflow, True),
    "Roboflow, polygons": (with_polygons, True),
    "beside each other": (beside_each_other, False),
    "other folders": (other_folders, False),
    "FiftyOne": (fiftyone, False),
    "folders by split": (folders_by_split, True),
    "named in the XML": (named_in_the_xml, False),
}
"""By name, the writer and whether the splits are the data's own."""


def number(name: str) -> int:
    (digits,) = re.findall(r"\d+", Path(name).stem.partition(".")[0])
    return int(digits)


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_read_by_its_path_alone(name: str, tmp_path: Path) -> None:
    write, splits_given = SHAPES[name]
    write(tmp_path)
    listing = read_listing(tmp_path)
    rows = [number(image.name) for image in listing.images]
    assert sorted(rows) == list(range(COUNT))
    assert all(Path(image.name).is_file() for image in listing.images)
    assert listing.labels == CLASSES
    truth = fixtures.voc_targets()[rows].astype(np.float32)
    assert np.array_equal(listing.targets, truth, equal_nan=True)
    assert listing.splits == tuple(SPLITS[row] if splits_given else "" for row in rows)
    has_masks = next(tmp_path.rglob("SegmentationClass"), None) is not None
    if name == "Roboflow, polygons":
        assert_outlined(rows, listing.maps)
        return
    for row, region_map in zip(rows, listing.maps, strict=True):
        assert (region_map is None) == (not has_masks or row in fixtures.VOC_WITHOUT_MASK)
        if region_map is not None:
            drawn = region_map.draw((WIDTH, HEIGHT))
            assert np.array_equal(drawn, MAPS[row].max(axis=0, keepdims=True)), row


def assert_outlined(rows: list[int], maps: Sequence[RegionMap | None]) -> None:
    for row, region_map in zip(rows, maps, strict=True):
        assert region_map is not None
        (drawn,) = region_map.draw((WIDTH, HEIGHT)) > 0
        truth = MAPS[row].max(axis=0) > 0
        assert (drawn & truth).sum() >= 0.9 * (drawn | truth).sum(), row


def test_polygons_of_single_classes(tmp_path: Path) -> None:
    with_polygons(tmp_path)
    roots = {"train": "train", "val": "valid", "test": "test"}
    fields = {"root": roots, "annotations": ".", "images": ".", "regions": ["dog", "bird"]}
    listing = read_listing(fixtures.describe(tmp_path, format="voc", **fields))
    assert listing.regions == ("dog", "bird")
    for image, region_map in zip(listing.images, listing.maps, strict=True):
        assert region_map is not None
        drawn = region_map.draw((WIDTH, HEIGHT))
        assert np.array_equal(drawn, MAPS[number(image.name)][[2, 0]])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<y2>[^<]*</y2>", "", "polygon is not of numbers x1, y1, x2, y2, …"),
        ("<y2>[^<]*</y2>", "<y2>top</y2>", "polygon is not of numbers x1, y1, x2, y2, …"),
        ("<y2>[^<]*</y2>", "<y2>99999</y2>", "coordinate 99999.0, far outside of the image"),
        ("<size>.*</size>", "", "has a polygon, but the XML has no size of the image"),
    ],
)
def test_wrong_polygons_are_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    with_polygons(tmp_path)
    path = next(path for path in sorted(tmp_path.rglob("*.xml")) if "<x1>" in path.read_text())
    path.write_text(re.sub(old, new, path.read_text(), count=1))
    with pytest.raises(UserError, match=said):
        read_listing(tmp_path)


def test_a_list_of_train_and_validation_together(tmp_path: Path) -> None:
    """Without lists of the two, validation is drawn from them; not passed over."""
    devkit(tmp_path)
    lists = tmp_path / "ImageSets/Main"
    both = (lists / "train.txt").read_text() + (lists / "val.txt").read_text()
    (lists / "trainval.txt").write_text(both)
    listing = read_listing(tmp_path)
    assert listing.splits == tuple(SPLITS[number(image.name)] for image in listing.images)
    (lists / "train.txt").unlink()
    (lists / "val.txt").unlink()
    listing = read_listing(tmp_path)
    of_test = [SPLITS[number(image.name)] == "test" for image in listing.images]
    assert listing.splits == tuple("test" if test else "train" for test in of_test)
    assert set(assign_splits(listing, 0)) == {"train", "validation", "test"}


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    devkit(tmp_path)
    (tmp_path / "ImageSets/Main/test.txt").unlink()
    (said,) = [line for line in read_listing(tmp_path).notes if line.startswith("splits")]
    count = SPLITS.count("test")
    assert said == (
        f"splits: the lists of ImageSets/Main; {count} images in none of them are left out"
    )
    shutil.rmtree(tmp_path / "ImageSets")
    (tmp_path / "Annotations/007.xml").unlink()
    listing = read_listing(tmp_path)
    assert len(listing) == COUNT - 1
    assert "images: 1 of 'JPEGImages' without an XML are left out" in listing.notes


def _two_of_one_image(folder: Path) -> None:
    named_in_the_xml(folder)
    path = folder / "annots/003.xml"
    path.write_text(path.read_text().replace("photo-003", "photo-004"))


def _table_beside(folder: Path) -> None:
    beside_each_other(folder)
    (folder / "labels.csv").write_text("filename,class\n000.jpg,bird\n")


def _two_kits(folder: Path) -> None:
    devkit(folder / "VOC2007")
    devkit(folder / "VOC2012")


def _a_split_twice(folder: Path) -> None:
    roboflow(folder)
    shutil.copytree(folder / "valid", folder / "val")


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "two XML of one image": (_two_of_one_image, r"004\.xml: its image is that of .*003\.xml too"),
    "a table beside it": (_table_beside, "may be read as table or as voc; say which with 'format"),
    "a split twice": (_a_split_twice, "val and valid are both of split 'validation'; make one"),
    "two devkits": (_two_kits, r"several folders of Pascal VOC \(VOC2007, VOC2012\); give the"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_shape_that_cannot_be_told_is_refused(name: str, tmp_path: Path) -> None:
    spoil, said = REFUSED[name]
    spoil(tmp_path)
    with pytest.raises(UserError, match=said) as caught:
        read_listing(tmp_path)
    assert len(str(caught.value).splitlines()) == 1
