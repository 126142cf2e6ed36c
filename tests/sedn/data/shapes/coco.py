"""COCO's JSON with what tools write otherwise, or wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from tests.sedn.data.shapes.truth import (
    BOTTOM,
    COUNT,
    HIGH,
    LABELS,
    LEFT,
    NAMES,
    RIGHT,
    ROWS,
    TARGETS,
    TOP,
    WIDE,
    Shape,
    picture,
    save,
)


def coco(names: list[str] = NAMES, **style: Any) -> dict[str, Any]:
    """A document; ``size`` and ``shape`` replace what it says of them."""
    polygon = [[LEFT, TOP, RIGHT, TOP, RIGHT, BOTTOM, LEFT, BOTTOM]]
    size = style.get("size", {"width": WIDE, "height": HIGH})
    there = [(i, k) for i in range(len(names)) for k in range(3) if i >= COUNT or TARGETS[i, k]]
    return {
        "images": [{"id": i + 1, "file_name": name, **size} for i, name in enumerate(names)],
        "categories": [{"id": k + 1, "name": name} for k, name in enumerate(LABELS)],
        "annotations": [
            {"id": n + 1, "image_id": i + 1, "category_id": k + 1, "iscrowd": 0,
             "bbox": [LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP], "area": 480,
             "segmentation": style.get("shape", polygon)}
            for n, (i, k) in enumerate(there)
        ],
    }  # fmt: skip


def one_file(change: Callable[[dict[str, Any]], Any] = lambda d: None, **style: Any) -> Any:
    """A JSON beside its folder of images."""

    def write(folder: Path) -> None:
        save(folder / "images")
        document = coco(**style)
        change(document)
        (folder / "a.json").write_text(json.dumps(document))

    return write


def turned(size: tuple[int, int]) -> Callable[[Path], None]:
    """Photographs that EXIF turns, with polygons on them as shown and a size as a tool says it."""

    def write(folder: Path) -> None:
        (folder / "images").mkdir()
        exif = Image.Exif()
        exif[0x0112] = 6
        for i in ROWS:
            stored = Image.fromarray(picture(i)).transpose(Image.Transpose.ROTATE_90)
            stored.save(folder / f"images/img_{i:03d}.jpg", exif=exif, quality=95)
        names = [f"img_{i:03d}.jpg" for i in ROWS]
        document = coco(names, size={"width": size[0], "height": size[1]})
        (folder / "a.json").write_text(json.dumps(document))

    return write


def _floats(document: dict[str, Any]) -> None:
    for item in document["annotations"]:
        item |= {"image_id": float(item["image_id"]), "category_id": float(item["category_id"])}


def _numbers(document: dict[str, Any]) -> None:
    for item in document["categories"]:
        item["name"] = item["id"]


SHAPES: dict[str, Shape] = {
    "floats as ids": Shape(one_file(_floats), maps="objects"),
    "no sizes": Shape(one_file(size={}), maps="objects"),
    "sizes of null": Shape(one_file(size={"width": None, "height": None}), maps="objects"),
    "sizes of floats": Shape(one_file(size={"width": 48.0, "height": 40.0}), maps="objects"),
    "a click": Shape(
        one_file(lambda d: d["annotations"][5]["segmentation"].append([24.0, 20.0])), maps="objects"
    ),
    "empty polygons": Shape(one_file(shape=[[]])),
    "numbers as names": Shape(one_file(_numbers), maps="objects", labels=("1", "2", "3")),
    "made smaller": Shape(
        one_file(
            size={"width": 2 * WIDE, "height": 2 * HIGH},
            shape=[[2 * LEFT, 2 * TOP, 2 * RIGHT, 2 * TOP, 2 * RIGHT, 2 * BOTTOM, 2 * LEFT,
                    2 * BOTTOM]],
        ),
        maps="objects",
    ),
    "a name twice": Shape(
        one_file(lambda d: d["images"].append({**d["images"][0], "id": 999})),
        refused="is there twice", skip=True, rows=ROWS[1:], maps="objects",
    ),
    "annotations of no image": Shape(
        one_file(lambda d: d["images"].__delitem__(slice(25, None))),
        refused="there is no image 26", skip=True, rows=range(25), maps="objects",
    ),
    "a category of no name": Shape(
        one_file(lambda d: d["annotations"].append({**d["annotations"][0], "category_id": 0})),
        refused="there is no category 0", skip=True, maps="objects", unmapped=[0],
    ),
    "images that are gone": Shape(
        one_file(names=[*NAMES, *(f"gone_{i}.png" for i in range(10))]),
        refused="10 missing files: .*'gone_0.png': no such file", skip=True, maps="objects",
    ),
    "run lengths of the other sides": Shape(
        one_file(shape={"size": [WIDE, HIGH], "counts": [0, WIDE * HIGH]}),
        refused=r"RLE of size \[48, 40\] for an image of \[40, 48\]",
    ),
    "turned, sizes as shown": Shape(turned((WIDE, HIGH)), maps="objects"),
    "turned, sizes as stored": Shape(
        turned((HIGH, WIDE)), maps="objects",
        refused="'orientation: shown' or 'orientation: stored'", settled={"orientation": "shown"},
    ),
}  # fmt: skip
