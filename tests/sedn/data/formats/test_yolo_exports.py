"""Data for YOLO as tools export it, read by its path alone to the truth of each image."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from sedn.data.formats import read_listing
from sedn.data.listing import Listing
from sedn.data.splits.cutting import assign_splits
from sedn.errors import UserError
from tests.sedn.data.fixtures import (
    CLASSES,
    COUNT,
    HEIGHT,
    MAPS,
    SPLITS,
    TARGETS,
    WIDTH,
    boxes_of,
    draw_picture,
    picture_file,
)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ impl:DeprecationWarning:pycocotools")
ALL = list(range(COUNT))
ROBOFLOW = {"train": "train", "validation": "valid", "test": "test"}
ULTRALYTICS = {"train": "train", "validation": "val", "test": "test"}
Lines = Callable[[int, int], list[str]]


def polygons(row: int, label: int) -> list[str]:
    """A line for each part of an object."""
    lines = []
    for left, right, top, bottom in boxes_of(row, label):
        if label == 1:
            angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
            x = (left + right) / 2 + (right - left) / 2 * np.cos(angles)
            y = (top + bottom) / 2 + (bottom - top) / 2 * np.sin(angles)
        else:
            x, y = np.array([left, right, right, left]), np.array([top, top, bottom, bottom])
        points = np.stack([x / WIDTH, y / HEIGHT], axis=1).ravel()
        lines.append(" ".join([str(label), *(f"{point:.6f}" for point in points)]))
    return lines


def boxes(row: int, label: int) -> list[str]:
    return [
        f"{label} {(l + r) / 2 / WIDTH:.6f} {(t + b) / 2 / HEIGHT:.6f} {(r - l) / WIDTH:.6f} "
        f"{(b - t) / HEIGHT:.6f}"
        for l, r, t, b in boxes_of(row, label)  # noqa: E741
    ]


def keypoints(row: int, label: int) -> list[str]:
    return [f"{line} 0.5 0.5 2 0.2 0.2 0" for line in boxes(row, label)]


def save(images: Path, labels: Path, rows: list[int] = ALL, lines: Lines = polygons,
         name: str = "{:03d}") -> None:  # fmt: skip
    images.mkdir(parents=True, exist_ok=True)
    labels.mkdir(parents=True, exist_ok=True)
    for row in rows:
        (images / f"{name.format(row)}.jpg").write_bytes(picture_file(row))
        found = [line for label in np.flatnonzero(TARGETS[row]) for line in lines(row, int(label))]
        text = "\n".join(found) + ("\n" if row % 2 else "")
        (labels / f"{name.format(row)}.txt").write_text(text)


def of(split: str) -> list[int]:
    return [row for row in ALL if SPLITS[row] == split]


def roboflow(folder: Path, lines: Lines = polygons, **fields: Any) -> None:
    for split, short in ROBOFLOW.items():
        save(folder / short / "images", folder / short / "labels", of(split), lines,
             "{:03d}_jpg.rf.0a1b2c")  # fmt: skip
    described = {
        "train": "../train/images", "val": "../valid/images", "test": "../test/images", "nc": 3,
        "names": list(CLASSES), "roboflow": {"workspace": "me", "version": 1}, **fields,
    }  # fmt: skip
    (folder / "data.yaml").write_text(yaml.safe_dump(described, sort_keys=False))
    (folder / "README.roboflow.txt").write_text("animals - v1")


def ultralytics(folder: Path, name: str = "data.yaml", **fields: Any) -> None:
    for split, short in ULTRALYTICS.items():
        save(folder / "images" / short, folder / "labels" / short, of(split))
    described = {
        "path": "animals", "train": "images/train", "val": "images/val", "test": "images/test",
        "names": dict(enumerate(CLASSES)), **fields,
    }  # fmt: skip
    (folder / name).write_text(yaml.safe_dump(described, sort_keys=False))


def cvat_lists(folder: Path) -> None:
    """CVAT's for Ultralytics: text files list the images."""
    ultralytics(folder, path=".", train="train.txt", val="val.txt", test="test.txt")
    for split, short in ULTRALYTICS.items():
        lines = "".join(f"data/images/{short}/{row:03d}.jpg\n" for row in of(split))
        (folder / f"{short}.txt").write_text(lines)


def cvat_darknet(folder: Path) -> None:
    save(folder / "obj_train_data", folder / "obj_train_data")
    (folder / "obj.names").write_text("\n".join(CLASSES) + "\n")
    (folder / "obj.data").write_text("classes = 3\ntrain = data/train.txt\nnames = obj.names\n")
    (folder / "train.txt").write_text(
        "".join(f"data/obj_train_data/{row:03d}.jpg\n" for row in ALL)
    )


def roboflow_darknet(folder: Path) -> None:
    for split, short in ROBOFLOW.items():
        save(folder / short, folder / short, of(split), boxes, "{:03d}_jpg.rf.0a1b2c")
        (folder / short / "_darknet.labels").write_text("\n".join(CLASSES))


def fiftyone_darknet(folder: Path) -> None:
    save(folder / "data", folder / "data", lines=boxes)
    (folder / "obj.names").write_text("\n".join(CLASSES) + "\n")
    (folder / "images.txt").write_text("".join(f"data/{row:03d}.jpg\n" for row in ALL))


def label_studio(folder: Path) -> None:
    save(folder / "images", folder / "labels", name="0f3c9a1b-{:03d}")
    (folder / "classes.txt").write_text("\n".join(CLASSES))
    (folder / "notes.json").write_text('{"categories": [], "info": {}}')


def beside_each_other(folder: Path) -> None:
    save(folder, folder, lines=boxes)
    (folder / "classes.txt").write_text("\n".join(CLASSES) + "\n\n")


def without_names(folder: Path) -> None:
    label_studio(folder)
    (folder / "classes.txt").unlink()


def with_strays(folder: Path) -> None:
    roboflow(folder)
    for below in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        for name in (
            "._003_jpg.rf.0a1b2c.txt",
            "._003_jpg.rf.0a1b2c.jpg",
            ".DS_Store",
            "Thumbs.db",
        ):
            (below / name).write_bytes(b"\x00\x05")
    (folder / "valid/labels.cache").write_bytes(b"\x93NUMPY")


def no_files_for_no_objects(folder: Path) -> None:
    roboflow(folder)
    for path in folder.rglob("labels/*.txt"):
        if not path.read_text().strip():
            path.unlink()


def yaml_of_another_name(folder: Path) -> None:
    ultralytics(folder, "animals.yaml")


def lists_of_folders(folder: Path) -> None:
    ultralytics(folder, train=["images/train", "images/more"])
    save(folder / "images/more", folder / "labels/more", of("train")[:5])
    for row in of("train")[:5]:
        (folder / f"images/train/{row:03d}.jpg").unlink()


def folders_without_yaml(folder: Path) -> None:
    ultralytics(folder)
    (folder / "data.yaml").unlink()
    (folder / "classes.txt").write_text("\r\n".join(CLASSES))


SHAPES: dict[str, tuple[Callable[[Path], None], str]] = {
    "Roboflow": (roboflow, "polygons"),
    "Roboflow, boxes": (lambda f: roboflow(f, boxes), "boxes"),
    "Roboflow, names by number": (
        lambda f: roboflow(f, names={str(k): n for k, n in enumerate(CLASSES)}), "polygons"
    ),
    "keypoints": (lambda f: roboflow(f, keypoints, kpt_shape=[2, 3]), "boxes"),
    "Ultralytics": (ultralytics, "polygons"),
    "Ultralytics, no path": (lambda f: ultralytics(f, path=None), "polygons"),
    "Ultralytics, a path that is there": (
        lambda f: (ultralytics(f / "sets/animals"),
                   (f / "sets/animals/data.yaml").rename(f / "animals.yaml"),
                   (f / "animals.yaml").write_text((f / "animals.yaml").read_text().replace(
                       "path: animals", "path: sets/animals"))),
        "polygons",
    ),
    "paths of another machine": (
        lambda f: ultralytics(f, path="/content/animals", train="/content/animals/images/train",
                              val="C:\\data\\animals\\images\\val", test="images/test"),
        "polygons",
    ),
    "CVAT's lists": (cvat_lists, "polygons"),
    "CVAT's darknet": (cvat_darknet, "polygons, train alone"),
    "Roboflow's darknet": (roboflow_darknet, "boxes"),
    "FiftyOne's darknet": (fiftyone_darknet, "boxes, no splits"),
    "Label Studio": (label_studio, "polygons, no splits"),
    "beside each other": (beside_each_other, "boxes, no splits"),
    "strays": (with_strays, "polygons"),
    "no files for no objects": (no_files_for_no_objects, "polygons"),
    "YAML of another name": (yaml_of_another_name, "polygons"),
    "lists of folders": (lists_of_folders, "polygons"),
    "folders without YAML": (folders_without_yaml, "polygons"),
}  # fmt: skip
"""By name, the writer, and what kind of maps and splits there are."""


def box_maps() -> np.ndarray:
    maps = np.zeros((COUNT, HEIGHT, WIDTH), dtype=np.uint8)
    for row in ALL:
        for label in np.flatnonzero(TARGETS[row]):
            for left, right, top, bottom in boxes_of(row, int(label)):
                maps[row, top:bottom, left:right] = 255
    return maps


def number(name: str) -> int:
    (found,) = re.findall(r"\d{3}(?=_jpg|\.jpg)", Path(name).name)
    return int(found)


def assert_true(listing: Listing, kind: str) -> None:
    rows = [number(image.name) for image in listing.images]
    assert sorted(rows) == ALL
    assert all(Path(image.name).is_file() for image in listing.images)
    assert listing.labels == CLASSES
    assert np.array_equal(listing.targets, TARGETS[rows])
    one = {"no splits": "", "train alone": "train"}.get(kind.partition(", ")[2])
    assert listing.splits == tuple(SPLITS[row] if one is None else one for row in rows)
    truth = box_maps() if kind.startswith("boxes") else MAPS.max(axis=1)
    for row, region_map in zip(rows, listing.maps, strict=True):
        assert region_map is not None
        (drawn,) = region_map.draw((WIDTH, HEIGHT)) > 0
        both, either = (drawn & (truth[row] > 0)).sum(), (drawn | (truth[row] > 0)).sum()
        assert both >= 0.9 * either, row


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_read_by_its_path_alone(name: str, tmp_path: Path) -> None:
    write, kind = SHAPES[name]
    write(tmp_path)
    listing = read_listing(tmp_path)
    assert_true(listing, kind)
    assert set(assign_splits(listing, 0)) == {"train", "validation", "test"}
    has_boxes = any("boxes of" in line and "background too" in line for line in listing.notes)
    assert has_boxes == kind.startswith("boxes")


def test_a_map_is_drawn_on_an_image_of_any_size(tmp_path: Path) -> None:
    roboflow(tmp_path)
    listing = read_listing(tmp_path)
    row = next(r for r, m in enumerate(listing.maps) if m is not None and not m.is_empty)
    small, large = (listing.maps[row].draw(size) for size in ((24, 18), (96, 72)))
    assert small.shape == (1, 18, 24)
    grown = small.repeat(4, axis=1).repeat(4, axis=2)
    assert ((grown > 0) == (large > 0)).mean() > 0.9


def test_a_description_of_ours_says_the_same(tmp_path: Path) -> None:
    ultralytics(tmp_path)
    fields = {
        "format": "yolo", "names": list(CLASSES), "regions": ["dog", "bird"],
        "images": {"train": "images/train", "val": "images/val", "test": "images/test"},
    }  # fmt: skip
    path = tmp_path / "sedn.yaml"
    path.write_text(yaml.safe_dump(fields))
    listing = read_listing(path)
    assert listing.regions == ("dog", "bird")
    for image, region_map in zip(listing.images, listing.maps, strict=True):
        drawn = region_map.draw((WIDTH, HEIGHT))
        assert np.array_equal(drawn, MAPS[number(image.name)][[2, 0]])


def test_splits_that_are_missing_or_the_same_are_left_out_and_said(tmp_path: Path) -> None:
    roboflow(tmp_path)
    shutil.rmtree(tmp_path / "test")
    listing = read_listing(tmp_path)
    assert set(listing.splits) == {"train", "validation"}
    assert "splits: test left out, since there is no 'test/images'" in listing.notes
    assert set(assign_splits(listing, 0)) == {"train", "validation", "test"}
    text = (tmp_path / "data.yaml").read_text().replace("../valid/", "../train/")
    (tmp_path / "data.yaml").write_text(text)
    listing = read_listing(tmp_path)
    assert set(listing.splits) == {"train"}
    assert "splits: validation left out, since its images are those of train" in listing.notes


def test_what_has_no_label_file_is_said(tmp_path: Path) -> None:
    no_files_for_no_objects(tmp_path)
    none = [row for row in of("train") if not TARGETS[row].any()]
    said = f"labels: {len(none)} images of train without a label file have none"
    assert none
    assert said in read_listing(tmp_path).notes


def _edit(old: str, new: str) -> Callable[[Path], Any]:
    def spoil(folder: Path) -> None:
        path = folder / "data.yaml"
        text = path.read_text()
        assert re.search(old, text)
        path.write_text(re.sub(old, new, text))

    return spoil


def _line(line: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / "train/labels/000_jpg.rf.0a1b2c.txt").write_text(line)


def _both(folder: Path) -> None:
    shutil.move(folder / "train", folder.parent / "train")
    (folder / "train/images").mkdir(parents=True)


WRONG: dict[str, tuple[Callable[[Path], Any], str]] = {
    "class": (_line("7 .5 .5 .2 .2"), r"000_.*txt: class 7, but names has 3, from 0 to 2"),
    "no class": (_line("dog .5 .5 .2 .2"), r"line 1: 'dog \.5 \.5 \.2 \.2' is not of numbers"),
    "half a class": (_line("0.5 .5 .5 .2 .2"), r"line 1: class '0\.5'; expected a whole number"),
    "pixels": (_line("0 12 20 5 5"), r"line 1: the coordinate 12 is outside of the image; expect"),
    "endless": (_line("0 nan .5 .2 .2"), r"line 1: the coordinate nan is outside of the image"),
    "odd": (_line("\n0 .1 .2 .3 .4 .5"), r"line 2: 5 numbers behind the class; expected 4 of a"),
    "confidence": (_line("0 .1 .2 .3 .4 .5 .6 .7"), r"line 1: 7 numbers behind the class"),
    "too few": (_line("0 .1 .2"), r"line 1: 2 numbers behind the class; expected 4 of a box"),
    "bytes": (
        lambda f: (f / "train/labels/000_jpg.rf.0a1b2c.txt").write_bytes(b"\xff\xff"),
        r"000_.*txt: cannot be read",
    ),
    "no labels": (
        lambda f: shutil.rmtree(f / "test/labels"),
        r"test/labels/\d+_.*txt: no such label file, and none of the other images of test has one",
    ),
    "no images": (
        lambda f: [p.unlink() for p in (f / "test/images").iterdir()],
        "images: test/images holds no image",
    ),
    "no train": (
        lambda f: shutil.rmtree(f / "train"),
        "images: 'train/images': no such folder or list",
    ),
    "objects of nothing": (
        lambda f: [p.write_text("") for p in f.rglob("labels/*.txt")],
        "no label file names an object",
    ),
    "count": (_edit("nc: 3", "nc: 4"), r"data\.yaml: nc is 4, but names has 3; expected as many"),
    "names of no kind": (_edit(r"names:\n(- \w+\n)+", "names: 7\n"), "names is 7; expected a list"),
    "a name that YAML takes": (_edit("- dog", "- no"), "names has False; expected text, in quotes"),
    "a place of no kind": (
        _edit("train: .*", "train: 7"), "train is 7; expected a folder, or a list of them"
    ),
    "no place": (_edit("(train|val|test): .*", r""), "no folder of images under train, val or te"),
    "a split twice": (
        _edit("val: ", "val: train/images\nvalidation: "),
        r"data\.yaml: val and validation both are there; remove one of them",
    ),
    "two places": (_both, r"train is '\.\./train/images', and both .* are there; remove one"),
    "one folder inside another": (
        _edit(r"train: \.\./train/images", "train: ."),
        r"the image is there twice \(splits train, validation\); name it under images: once",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_a_line(name: str, tmp_path: Path) -> None:
    spoil, said = WRONG[name]
    folder = tmp_path / "data"
    roboflow(folder)
    spoil(folder)
    with pytest.raises(UserError, match=said) as caught:
        read_listing(folder)
    assert len(str(caught.value).splitlines()) == 1


def test_classes_without_names_are_asked_for(tmp_path: Path) -> None:
    without_names(tmp_path)
    with pytest.raises(UserError, match="say their names in order with names:"):
        read_listing(tmp_path)


def test_two_folders_of_one_split_are_refused(tmp_path: Path) -> None:
    folders_without_yaml(tmp_path)
    save(tmp_path / "images/valid", tmp_path / "labels/valid", [0])
    said = "val and valid are both of split 'validation'; make one of them"
    with pytest.raises(UserError, match=said):
        read_listing(tmp_path)


def test_two_formats_in_one_folder_are_a_question(tmp_path: Path) -> None:
    beside_each_other(tmp_path)
    (tmp_path / "labels.csv").write_text("filename,class\n000.jpg,bird\n")
    with pytest.raises(UserError, match="may be read as table or as yolo; say which with 'format"):
        read_listing(tmp_path)


def test_on_images_that_exif_turns_nothing_tells_how_shares_lie(tmp_path: Path) -> None:
    ultralytics(tmp_path)
    (tmp_path / "data.yaml").rename(tmp_path / "yolo.yaml")
    row = next(row for row in of("train") if TARGETS[row].any())
    exif = Image.Exif()
    exif[0x0112] = 6
    draw_picture(row).save(tmp_path / f"images/train/{row:03d}.jpg", exif=exif)
    with pytest.raises(UserError, match=r"'orientation: shown' or 'orientation: stored'"):
        read_listing(tmp_path)
    with (tmp_path / "yolo.yaml").open("a") as file:
        file.write("orientation: stored\nlabels: [dog]\nregions: [bird]\n")
    listing = read_listing(tmp_path)
    assert {m.orientation for m in listing.maps} == {"stored"}
    assert (listing.labels, listing.regions) == (("dog",), ("bird",))
