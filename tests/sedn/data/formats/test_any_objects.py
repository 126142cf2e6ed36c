"""Random sets of objects, as COCO, Pascal VOC and YOLO have them, are read to their truth or
refused in one line; never otherwise. Names, ids, shapes, folders and stray files vary.
"""

import io
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from sedn.data.formats import read_listing
from sedn.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ impl:DeprecationWarning:pycocotools")
COUNT, WIDE, HIGH = 18, 32, 24
SPLIT = ("train", "train", "train", "validation", "test")
LETTERS = st.text("abcXYZéß写真0-_/.&<'\"", min_size=1, max_size=4)
LABEL = st.one_of(
    st.tuples(LETTERS, st.sampled_from([" ", ", ", "; "]), LETTERS).map("".join),
    LETTERS,
    st.sampled_from(["no", "true", "1", "null", "train", "T-shirt/top", "👗 dress", "a:b", "#x"]),
)
STEMS = ("{}", "img_{}", "photo {}", "写真-é{}", "a.b.{}", "IMG {} (1)", "{}_jpg.rf.0a1b")
STRAYS = ("._{}", ".DS_Store", "Thumbs.db", "README.txt", "notes.md")


@dataclass(frozen=True)
class Objects:
    """What is in the images."""

    labels: tuple[str, ...]
    boxes: dict[tuple[int, int], tuple[int, int, int, int]]
    """By image and label: left, top, right, bottom."""
    boxed: frozenset[tuple[int, int]]
    """Those of which a format says no more than the box."""
    difficult: frozenset[tuple[int, int]]
    names: tuple[str, ...]
    """Of the image files."""
    strays: tuple[str, ...]

    def of(self, split: str | None) -> list[int]:
        return [i for i in range(COUNT) if split in (None, SPLIT[i % len(SPLIT)])]

    def targets(self, label: int) -> np.ndarray:
        return np.array([float((i, label) in self.boxes) for i in range(COUNT)])

    def draw(self, image: int) -> np.ndarray:
        drawn = np.zeros((HIGH, WIDE), dtype=bool)
        for (i, _), (left, top, right, bottom) in self.boxes.items():
            if i == image:
                drawn[top:bottom, left:right] = True
        return drawn

    def save(self, folder: Path, images: list[int]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for i in images:
            kind = "PNG" if self.names[i][-3:] == "png" else "JPEG"
            (folder / self.names[i]).write_bytes(shade(i, kind))

    def litter(self, folder: Path) -> None:
        for below in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
            some = next((path.name for path in sorted(below.iterdir()) if path.is_file()), "x.jpg")
            for stray in self.strays:
                (below / stray.format(some)).write_bytes(b"\x00\x05\x16")


@cache
def shade(i: int, kind: str) -> bytes:
    """The file of an image of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (WIDE, HIGH), (10 * i, 90, 200)).save(buffer, kind)
    return buffer.getvalue()


@st.composite
def objects(draw: st.DrawFn) -> Objects:
    labels = draw(st.lists(LABEL.map(str.strip), min_size=2, max_size=4, unique=True))
    random = np.random.default_rng(draw(st.integers(0, 2**16)))
    there = random.random((COUNT, len(labels))) < draw(st.sampled_from([0.3, 0.6, 0.9]))
    boxes = {}
    for i, k in np.argwhere(there).tolist():
        left, top = int(random.integers(0, WIDE - 9)), int(random.integers(0, HIGH - 9))
        boxes[i, k] = (left, top, left + int(random.integers(4, 9)), top + 8)
    of = {
        some: frozenset(key for key in boxes if random.random() < some) for some in (0.0, 0.2, 1.0)
    }
    suffix = draw(st.sampled_from([".jpg", ".JPG", ".png", ".jpeg"]))
    stem = draw(st.sampled_from(STEMS))
    return Objects(
        tuple(labels),
        boxes,
        of[draw(st.sampled_from([0.0, 0.0, 0.2, 1.0]))],
        of[draw(st.sampled_from([0.0, 0.2]))],
        tuple(f"{stem.format(f'{i:02d}')}{suffix}" for i in range(COUNT)),
        tuple(draw(st.lists(st.sampled_from(STRAYS), max_size=3, unique=True))),
    )


def assert_true(listing: Any, truth: Objects, *, has_splits: bool, unknown: frozenset = frozenset(),
                no_map: Callable[[int], bool] = lambda i: False) -> None:  # fmt: skip
    """Each image has its labels, its split and its map."""
    rows = [truth.names.index(Path(image.name).name) for image in listing.images]
    assert sorted(rows) == list(range(COUNT))
    found = {label: listing.targets[:, k] for k, label in enumerate(listing.labels)}
    for k, label in enumerate(truth.labels):
        expected = truth.targets(k)
        expected[[i for i, j in unknown if j == k]] = np.nan
        if not (expected == 1).any():
            assert label not in found
        else:
            assert np.array_equal(found.pop(label), expected[rows], equal_nan=True), label
    assert not found, "labels that are none"
    told = [SPLIT[i % len(SPLIT)] if has_splits else "" for i in rows]
    assert list(listing.splits) == told
    for row, i in enumerate(rows):
        region_map = listing.maps[row]
        assert (region_map is None) == no_map(i), i
        if region_map is not None:
            drawn = region_map.draw((WIDE, HIGH)).max(axis=0) > 0
            both, either = (drawn & truth.draw(i)).sum(), (drawn | truth.draw(i)).sum()
            assert both >= 0.9 * either, i


@pytest.fixture(scope="module")
def outcomes() -> Iterator[Counter[str]]:
    """How many sets were read, and how many refused: to refuse all would be of no use."""
    counts: Counter[str] = Counter()
    yield counts
    for format in ("coco", "voc", "yolo"):
        assert counts[f"{format} read"] > 3 * counts[f"{format} refused"], counts


def read(format: str, folder: Path, outcomes: Counter[str]) -> Any:
    """The listing; ``None`` if the data was refused as it should be."""
    try:
        listing = read_listing(folder)
    except UserError as error:
        assert len(str(error).splitlines()) == 1
        assert len(str(error)) < 600
        outcomes[f"{format} refused"] += 1
        return None
    outcomes[f"{format} read"] += 1
    return listing


def any_of(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({name: st.sampled_from(values) for name, values in fields.items()})


slowly = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


# COCO

ID: dict[str, Callable[[int], Any]] = {
    "from 1": lambda i: i + 1, "from 0": int, "floats": lambda i: float(i + 1),
    "texts": lambda i: f"{i:04d}", "far": lambda i: 10**12 + 7 * i,
}  # fmt: skip


def segmentation(box: tuple[int, int, int, int], kind: str) -> Any:
    from pycocotools import mask

    left, top, right, bottom = box
    if kind == "polygons":
        return [[left, top, right, top, right, bottom, left, bottom]]
    region = np.zeros((HIGH, WIDE), dtype=np.uint8, order="F")
    region[top:bottom, left:right] = 1
    if kind == "compressed":
        return {"size": [HIGH, WIDE], "counts": mask.encode(region)["counts"].decode()}
    pixels = region.flatten(order="F")
    changes = np.flatnonzero(np.diff(pixels, prepend=0))
    return {"size": [HIGH, WIDE], "counts": np.diff([0, *changes, pixels.size]).tolist()}


def coco_document(truth: Objects, style: dict[str, Any], split: str | None) -> dict[str, Any]:
    image_id, category_id = ID[style["image_id"]], ID[style["category_id"]]
    size = {"width": WIDE, "height": HIGH}
    annotations = []
    for (i, k), box in truth.boxes.items():
        if i not in truth.of(split):
            continue
        left, top, right, bottom = box
        item = {"id": len(annotations) + 1, "image_id": image_id(i), "category_id": category_id(k),
                "bbox": [left, top, right - left, bottom - top], "iscrowd": 0}  # fmt: skip
        if (i, k) not in truth.boxed:
            item["segmentation"] = segmentation(box, style["shape"])
        elif style["empty"]:
            item["segmentation"] = []
        if style["occluded"]:
            item["attributes"] = {"occluded": i % 2 == 0, "rotation": 0.0}
        annotations.append(item)
    return {
        "images": [
            {"id": image_id(i), "file_name": style["before"] + truth.names[i],
             **({} if style["size"] == "none" else size)}
            for i in truth.of(split)
        ],
        "annotations": annotations[:: -1 if style["reversed"] else 1],
        "categories": [{"id": category_id(k), "name": n} for k, n in enumerate(truth.labels)],
    }  # fmt: skip


COCO = {
    "CVAT": ("annotations/instances_default.json", "images"),
    "FiftyOne": ("labels.json", "data"),
    "Label Studio": ("result.json", "images"),
    "beside": ("coco.json", "."),
    "Roboflow": ("{}/_annotations.coco.json", "{}"),
    "devkit": ("annotations/instances_{}2017.json", "{}2017"),
    "flat": ("{}.json", "images"),
}
"""Where the JSON and the images are."""


@given(
    truth=objects(),
    style=any_of(
        image_id=list(ID), category_id=list(ID), shape=["polygons", "compressed", "plain"],
        empty=[True, False], occluded=[True, False], size=["said", "none"], layout=list(COCO),
        reversed=[True, False],
        before=["", "", "images/", "images\\", "/data/local-files/?d=images/"],
    ),
)  # fmt: skip
@slowly
def test_any_coco(outcomes: Counter[str], truth: Objects, style: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        place, images = COCO[style["layout"]]
        has_splits = "{}" in place
        for split in ("train", "validation", "test") if has_splits else (None,):
            short = {"validation": "valid"}.get(str(split), str(split))
            truth.save(folder / images.format(short), truth.of(split))
            path = folder / place.format(short)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(coco_document(truth, style, split)), encoding="utf-8")
        truth.litter(folder)
        listing = read("coco", folder, outcomes)
        if listing is not None:
            all_boxed = truth.boxed == truth.boxes.keys()
            boxed = {i for i, _ in truth.boxed}
            assert_true(
                listing, truth, has_splits=has_splits, no_map=lambda i: all_boxed or i in boxed
            )


# Pascal VOC


def voc_xml(truth: Objects, i: int, style: dict[str, Any]) -> str:
    found = [k for k in range(len(truth.labels)) if (i, k) in truth.boxes]
    flags = {k: "<difficult>1</difficult>" if (i, k) in truth.difficult else style["easy"]
             for k in found}  # fmt: skip
    size = f"<size><width>{WIDE}</width><height>{HIGH}</height></size>"
    inside = size + "".join(
        f"<object><name>{escape(truth.labels[k])}</name>{flags[k]}"
        f"{voc_polygon(truth, i, k) if style['masks'] == 'polygons' else ''}</object>"
        for k in found
    )
    filename = f"<filename>{escape(truth.names[i])}</filename>" if style["filename"] else ""
    return f"<annotation{style['space']}>{filename}{inside}</annotation>"


def voc_polygon(truth: Objects, i: int, k: int) -> str:
    """As Roboflow has it."""
    if (i, k) in truth.boxed:
        return ""
    left, top, right, bottom = truth.boxes[i, k]
    points = enumerate(((left, top), (right, top), (right, bottom), (left, bottom)), 1)
    tags = "".join(f"<x{n}>{x}</x{n}><y{n}>{y}</y{n}>" for n, (x, y) in points)
    return f"<polygon>{tags}</polygon>"


VOC = {
    "devkit": ("Annotations", "JPEGImages"),
    "other": ("annots", "images"),
    "beside": (".", "."),
    "by split": ("Annotations/{}", "JPEGImages/{}"),
    "Roboflow": ("{}", "{}"),
}
LINES: dict[str, Callable[[str, str], str]] = {
    "stems": lambda stem, suffix: stem,
    "names": lambda stem, suffix: stem + suffix,
    "flags": lambda stem, suffix: f"{stem} -1",
    "quotes": lambda stem, suffix: f'"{stem}"',
    "paths": lambda stem, suffix: f"JPEGImages/{stem}{suffix}",
}


@given(
    truth=objects(),
    style=any_of(
        layout=list(VOC), lines=[None, *LINES],
        masks=["none", "palette", "255", "colour", "polygons"],
        space=["", ' xmlns="http://example.org/voc"'], filename=[True, False],
        easy=["", "<difficult>0</difficult>", "<difficult>False</difficult>"],
    ),
)  # fmt: skip
@slowly
def test_any_voc(outcomes: Counter[str], truth: Objects, style: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        xml, images = VOC[style["layout"]]
        is_devkit = style["layout"] == "devkit"
        for split in ("train", "validation", "test") if "{}" in images else (None,):
            short = {"validation": "val"}.get(str(split), str(split))
            truth.save(folder / images.format(short), truth.of(split))
            (folder / xml.format(short)).mkdir(parents=True, exist_ok=True)
            for i in truth.of(split):
                path = folder / xml.format(short) / f"{truth.names[i].rpartition('.')[0]}.xml"
                path.write_text(voc_xml(truth, i, style), encoding="utf-8")
        has_lists = is_devkit and style["lines"] is not None
        if has_lists:
            write_lists(folder, truth, LINES[style["lines"]])
        has_masks = is_devkit and style["masks"] in ("palette", "255", "colour")
        # Where there is no polygon at all there are no maps.
        has_polygons = style["masks"] == "polygons" and truth.boxed != truth.boxes.keys()
        unmapped = {i for i, _ in truth.boxed} if has_polygons else set(range(COUNT))
        if has_masks:
            write_masks(folder / "SegmentationClass", truth, style["masks"])
        truth.litter(folder)
        listing = read("voc", folder, outcomes)
        if listing is not None:
            assert_true(
                listing, truth, has_splits=has_lists or "{}" in images,
                unknown=truth.difficult, no_map=lambda i: not has_masks and i in unmapped,
            )  # fmt: skip


def write_lists(folder: Path, truth: Objects, line: Callable[[str, str], str]) -> None:
    (folder / "ImageSets/Main").mkdir(parents=True)
    for split, short in (("train", "train"), ("validation", "val"), ("test", "test")):
        parts = [truth.names[i].rpartition(".") for i in truth.of(split)]
        lines = "".join(f"{line(stem, dot + end)}\n" for stem, dot, end in parts)
        (folder / f"ImageSets/Main/{short}.txt").write_text(lines, encoding="utf-8")


def write_masks(folder: Path, truth: Objects, kind: str) -> None:
    folder.mkdir()
    for i in range(COUNT):
        drawn = truth.draw(i)
        if kind == "colour":
            pixels = np.zeros((HIGH, WIDE, 3), dtype=np.uint8)
            pixels[drawn] = (128, 0, 0)
            mask = Image.fromarray(pixels)
        else:
            mask = Image.fromarray(drawn.astype(np.uint8) * (255 if kind == "255" else 1))
        if kind == "palette":
            mask = mask.convert("P")
            mask.putpalette([0, 0, 0, 128, 0, 0])
        mask.save(folder / f"{truth.names[i].rpartition('.')[0]}.png")


# YOLO


def yolo_lines(truth: Objects, i: int) -> str:
    lines = []
    for k in range(len(truth.labels)):
        if (i, k) not in truth.boxes:
            continue
        left, top, right, bottom = truth.boxes[i, k]
        if (i, k) in truth.boxed:
            values = ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
        else:
            values = (left, top, right, top, right, bottom, left, bottom)
        shares = " ".join(
            f"{v / side:.6f}" for v, side in zip(values, (WIDE, HIGH) * 4, strict=False)
        )
        lines.append(f"{k} {shares}\n")
    return "".join(lines)


YOLO = {
    "Roboflow": ("{}/images", "{}/labels"),
    "Ultralytics": ("images/{}", "labels/{}"),
    "whole": ("images", "labels"),
    "beside": ("data", "data"),
}


@given(
    truth=objects(),
    style=any_of(
        layout=list(YOLO), names=["list", "by number"], before=["", "../", "/home/me/set/", "./"],
        root=[None, ".", "set"], file=["data.yaml", "set.yml"], without=["empty", "none"],
        classes=["yaml", "yaml", "text"],
    ),
)  # fmt: skip
@slowly
def test_any_yolo(outcomes: Counter[str], truth: Objects, style: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "set"
        images, labels = YOLO[style["layout"]]
        has_splits = "{}" in images
        described: dict[str, Any] = {} if style["root"] is None else {"path": style["root"]}
        for split in ("train", "validation", "test") if has_splits else (None,):
            short = {"validation": "val", None: "train"}.get(split, str(split))
            truth.save(folder / images.format(short), truth.of(split))
            (folder / labels.format(short)).mkdir(parents=True, exist_ok=True)
            for i in truth.of(split):
                path = folder / labels.format(short) / f"{truth.names[i].rpartition('.')[0]}.txt"
                if (lines := yolo_lines(truth, i)) or style["without"] == "empty":
                    path.write_text(lines)
            described[short] = style["before"] + images.format(short)
        names = list(truth.labels)
        described["names"] = names if style["names"] == "list" else dict(enumerate(names))
        if style["classes"] == "yaml":
            text = yaml.safe_dump(described, allow_unicode=True, sort_keys=False)
            (folder / style["file"]).write_text(text, encoding="utf-8")
        else:
            (folder / "classes.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
        truth.litter(folder)
        listing = read("yolo", folder, outcomes)
        if listing is None:
            return
        if not has_splits and style["classes"] == "yaml":
            # One folder, named under train.
            assert set(listing.splits) == {"train"}
            object.__setattr__(listing, "splits", ("",) * COUNT)
        assert_true(listing, truth, has_splits=has_splits)
