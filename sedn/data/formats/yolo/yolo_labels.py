"""The label file of one image, as YOLO has it: an object in each line.

A line is the number of a class, then a box (centre, width, height) or a polygon (``x y x y …``),
all as shares of the sides of the image.
"""

from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sedn.data.maps.relative_shapes import corners
from sedn.data.maps.shapes import Polygon
from sedn.errors import UserError
from sedn.seen import read_file

_SLACK = 0.01
"""By so much a tool may leave the image when it rounds, as in Ultralytics' own check."""


@dataclass(frozen=True, slots=True)
class YoloObject:
    """The object of one line of a label file."""

    number: int
    """The number of the class."""
    polygon: Polygon
    is_box: bool


def label_path(image: str) -> tuple[str, str]:
    """The places where the label file of an image may lie: in ``labels`` where the image is in
    ``images``, and beside the image.
    """
    stem = image.rpartition(".")[0]
    parts = stem.split("/")
    for index in range(len(parts) - 2, -1, -1):
        if parts[index].lower() in ("images", "jpegimages"):
            return "/".join([*parts[:index], "labels", *parts[index + 1 :]]) + ".txt", f"{stem}.txt"
    return f"{stem}.txt", f"{stem}.txt"


def read_objects(path: Path, *, only_boxes: bool) -> list[YoloObject]:
    """Read the objects of a label file; none if the file is empty.

    Args:
        path: of the file.
        only_boxes: whether what follows the box of a line is something else, such as keypoints.

    Raises:
        UserError: the file cannot be read, or a line is wrong.
    """
    try:
        lines = read_file(path).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    return [
        _read_line(line, f"{path}: line {number}", only_boxes)
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]


def _read_line(line: str, where: str, only_boxes: bool) -> YoloObject:
    first, *rest = line.split()
    try:
        number, values = float(first), array("d", map(float, rest))
    except ValueError:
        raise UserError(f"{where}: '{line.strip():.40}' is not of numbers alone") from None
    if not number.is_integer() or number < 0:
        raise UserError(f"{where}: class '{first}'; expected a whole number from 0 on")
    if only_boxes:
        values = values[:4]
    is_box = len(values) == 4
    if len(values) < 4 or (not is_box and (len(values) < 6 or len(values) % 2)):
        raise UserError(
            f"{where}: {len(values)} numbers behind the class; expected 4 of a box (centre, width, "
            f"height), or an x and a y for each of 3 points or more"
        )
    inside = np.abs(np.frombuffer(values) - 0.5) <= 0.5 + _SLACK
    if not inside.all():
        wrong = values[int(np.argmin(inside))]
        raise UserError(
            f"{where}: the coordinate {wrong:g} is outside of the image; expected shares of its "
            f"sides, from 0 to 1"
        )
    return YoloObject(int(number), corners(*values) if is_box else values, is_box)
