"""Boxes of objects are a map where that is asked for, and then said; never in silence."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sedn.data.formats import read_listing
from sedn.data.kept import open_listing
from sedn.data.listing import Listing
from sedn.errors import UserError
from tests.sedn.data.fixtures import describe

WIDE, HIGH, COUNT = 48, 36, 20
NAMES = ("bird", "car")
BOXES = [
    [(name, 4 + 20 * k, 5 + i % 7, 20 + 20 * k, 25 + i % 7) for k, name in enumerate(NAMES)
     if (i >> k) % 2]
    for i in range(COUNT)
]  # fmt: skip
"""Of each image its objects: name, left, top, right, bottom."""


def pictures(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(COUNT):
        Image.new("L", (WIDE, HIGH), 5 * i).save(folder / f"{i:02d}.jpg")


def coco(folder: Path, boxes: bool, polygons: range = range(0)) -> Path:
    """Images of a range have polygons too, in the left half of the box."""
    pictures(folder / "images")
    objects = [(i, *box) for i, of_image in enumerate(BOXES) for box in of_image]
    document = {
        "images": [
            {"id": i, "file_name": f"{i:02d}.jpg", "width": WIDE, "height": HIGH}
            for i in range(COUNT)
        ],
        "categories": [{"id": k, "name": name} for k, name in enumerate(NAMES)],
        "annotations": [
            {"id": n, "image_id": i, "category_id": NAMES.index(name),
             "bbox": [left, top, right - left, bottom - top], "area": 1, "iscrowd": 0,
             "segmentation": [[left, top, left + 8, top, left + 8, bottom, left, bottom]]
             if i in polygons else []}
            for n, (i, name, left, top, right, bottom) in enumerate(objects)
        ],
    }  # fmt: skip
    (folder / "a.json").write_text(json.dumps(document))
    fields: dict[str, Any] = {"boxes": True} if boxes else {}
    return describe(folder, format="coco", annotations="a.json", images="images", **fields)


def voc(folder: Path, boxes: bool, sized: bool = True) -> Path:
    pictures(folder / "JPEGImages")
    (folder / "Annotations").mkdir()
    for i, objects in enumerate(BOXES):
        size = f"<size><width>{WIDE}</width><height>{HIGH}</height></size>" if sized else ""
        found = "".join(
            f"<object><name>{name}</name><bndbox><xmin>{left}</xmin><ymin>{top}</ymin>"
            f"<xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>"
            for name, left, top, right, bottom in objects
        )
        text = f"<annotation><filename>{i:02d}.jpg</filename>{size}{found}</annotation>"
        (folder / f"Annotations/{i:02d}.xml").write_text(text)
    return describe(folder, format="voc", **({"boxes": True} if boxes else {}))


def yolo(folder: Path, boxes: bool) -> Path:
    pictures(folder / "images")
    (folder / "labels").mkdir()
    for i, objects in enumerate(BOXES):
        lines = [
            f"{NAMES.index(name)} {(left + right) / 2 / WIDE} {(top + bottom) / 2 / HIGH} "
            f"{(right - left) / WIDE} {(bottom - top) / HIGH}"
            for name, left, top, right, bottom in objects
        ]
        (folder / f"labels/{i:02d}.txt").write_text("\n".join(lines))
    fields: dict[str, Any] = {} if boxes else {"boxes": False}
    return describe(folder, format="yolo", images="images", names=[*NAMES], **fields)


def open_images(folder: Path, boxes: bool) -> Path:
    pictures(folder / "train")
    classes = [(f"/m/{k}", name) for k, name in enumerate(NAMES)]
    labels = [("ImageID", "LabelName", "Confidence")]
    places: list[tuple[Any, ...]] = [("ImageID", "LabelName", "XMin", "XMax", "YMin", "YMax")]
    for i, objects in enumerate(BOXES):
        there = {name for name, *_ in objects}
        labels += [(f"{i:02d}", key, str(int(name in there))) for key, name in classes]
        places += [
            (f"{i:02d}", f"/m/{NAMES.index(name)}", left / WIDE, right / WIDE, top / HIGH,
             bottom / HIGH)
            for name, left, top, right, bottom in objects
        ]  # fmt: skip
    for name, rows in (("classes", classes), ("labels", labels), ("boxes", places)):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    fields = {"boxes": "boxes.csv"} if boxes else {}
    return describe(
        folder, format="open-images", images="train", image_labels="labels.csv",
        classes="classes.csv", **fields,
    )  # fmt: skip


WRITERS: dict[str, Callable[[Path, bool], Path]] = {
    "coco": coco, "voc": voc, "voc without sizes": lambda f, b: voc(f, b, sized=False),
    "yolo": yolo, "open-images": open_images,
}  # fmt: skip


def said_of_maps(listing: Listing) -> str:
    (said,) = [line for line in listing.notes if line.startswith("maps: ")]
    return said


@pytest.mark.parametrize("name", WRITERS)
def test_boxes_are_drawn_where_asked_and_said(name: str, tmp_path: Path) -> None:
    tmp_path = tmp_path / "data"
    tmp_path.mkdir()
    listing = read_listing(WRITERS[name](tmp_path, True))
    count = sum(map(len, BOXES))
    assert f"the boxes of {count} objects, which hold background too" in said_of_maps(listing)
    for image, region_map in zip(listing.images, listing.maps, strict=True):
        objects = BOXES[int(Path(image.name).stem)]
        if name == "open-images" and not objects:
            assert region_map is None, "people may not have drawn any"
            continue
        assert region_map is not None
        truth = np.zeros((HIGH, WIDE), dtype=bool)
        for _, left, top, right, bottom in objects:
            truth[top:bottom, left:right] = True
        drawn = region_map.draw((WIDE, HIGH))[0] > 127
        assert (drawn & truth).sum() >= 0.9 * (drawn | truth).sum()
    assert open_listing(tmp_path / "described.yaml", {}, worth=-1).labels == listing.labels


@pytest.mark.parametrize("name", WRITERS)
def test_boxes_that_are_not_asked_for_are_no_map(name: str, tmp_path: Path) -> None:
    listing = read_listing(WRITERS[name](tmp_path, False))
    assert not any(listing.maps)
    said = said_of_maps(listing)
    assert said.startswith("maps: none, since no ")
    if name in ("coco", "voc", "voc without sizes"):
        assert "'boxes: true' in data.yaml draws their boxes" in said


def test_each_category_has_its_own_boxes(tmp_path: Path) -> None:
    for name, write in WRITERS.items():
        path = write(tmp_path / name.replace(" ", ""), True)
        listing = read_listing(path, {"regions": ["car"]})
        assert listing.regions == ("car",)
        row = next(i for i, image in enumerate(listing.images) if image.name.endswith("03.jpg"))
        region_map = listing.maps[row]
        assert region_map is not None
        drawn = region_map.draw((WIDE, HIGH))[0] > 127
        assert not drawn[:, :20].any(), name
        assert drawn.sum() >= 0.9 * 16 * 20


def test_polygons_come_before_boxes(tmp_path: Path) -> None:
    listing = read_listing(coco(tmp_path, True, polygons=range(10)))
    boxes = sum(map(len, BOXES[10:]))
    assert f"polygons and run lengths of all objects, and the boxes of {boxes}" in said_of_maps(
        listing
    )
    for row, width in ((1, 8), (13, 16)):
        region_map = listing.maps[row]
        assert region_map is not None
        assert (region_map.draw((WIDE, HIGH))[0, 15] > 127)[:24].sum() == pytest.approx(
            width, abs=1
        )
    without = read_listing(coco(tmp_path, False, polygons=range(10)))
    assert [m is None for m in without.maps] == [i >= 10 and bool(BOXES[i]) for i in range(COUNT)]


def test_a_mask_comes_before_boxes(tmp_path: Path) -> None:
    path = voc(tmp_path, True)
    (tmp_path / "SegmentationClass").mkdir()
    mask = np.zeros((HIGH, WIDE), dtype=np.uint8)
    mask[:4] = 255
    Image.fromarray(mask).save(tmp_path / "SegmentationClass/01.png")
    listing = read_listing(path)
    drawn = [m.draw((WIDE, HIGH))[0] > 127 for m in listing.maps if m is not None]
    assert len(drawn) == COUNT
    assert drawn[1].sum() == 4 * WIDE
    assert drawn[2].sum() >= 0.9 * 16 * 20
    boxes = sum(map(len, BOXES)) - len(BOXES[1])
    assert said_of_maps(listing).startswith("maps: masks of 1 of 20 images")
    assert f"the boxes of {boxes} objects" in said_of_maps(listing)


BAD: dict[str, tuple[Callable[[Path, bool], Path], str, str, str, str]] = {
    "coco": (coco, "a.json", "[4, 6, 16, 20]", '[4, 6, "x", 20]', "bbox is no list of four numb"),
    "voc": (voc, "Annotations/01.xml", "<xmin>4<", "<xmin>x<", "bndbox is not of numbers xmin"),
    "open-images": (open_images, "boxes.csv", "02,/m/1,0.5", "02,/m/1,1.5", "row 3: a side is no"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_box_that_is_wrong_is_told_with_its_place(name: str, tmp_path: Path) -> None:
    write, file, old, new, said = BAD[name]
    path = write(tmp_path, True)
    text = (tmp_path / file).read_text()
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1))
    with pytest.raises(UserError, match=f"{Path(file).name}: .*{said}"):
        read_listing(path)
    listing = read_listing(path, skip=True)
    assert listing.faults[0].kind == "bad annotation"
    assert listing.skipped <= 1


def test_a_file_of_yolo_may_say_that_boxes_are_no_map(tmp_path: Path) -> None:
    yolo(tmp_path, True)
    names = "names: [bird, car]\ntrain: images\n"
    for said, expected in (("", True), ("boxes: false\n", False)):
        (tmp_path / "data.yaml").write_text(names + said)
        assert any(read_listing(tmp_path).maps) == expected
