"""Semantic maps drawn from polygons and run lengths, by COCO's own tools."""

import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sedn.data.images.content import Content
from sedn.data.listing import Orientation, Size
from sedn.errors import UserError

Polygon: TypeAlias = "array[float]"
"""``x, y, x, y, …`` in pixels."""
Shape = tuple[Polygon, ...] | bytes
"""The outline of an object: its polygons, or its run lengths as COCO compresses them."""

_FAR = 10
"""A polygon may leave the image, but not by this many of its sides: drawing takes memory for each
pixel of its outline."""


_BEYOND = 1.02
"""A point beyond a side by more than this is no slip of the hand."""


@dataclass(frozen=True, slots=True)
class ShapeMap:
    """The union of the objects of each region."""

    width: int
    height: int
    regions: int
    shapes: tuple[tuple[int, Shape], ...]
    """For each object the index of its region, and where it lies."""
    orientation: Orientation | None = None

    @property
    def contents(self) -> Sequence[Content]:
        """No file: all is held in memory."""
        return ()

    def describe(self) -> str:
        """A hash of the frame and of every object."""
        frame = f"{self.width} {self.height} {self.regions} {self.orientation}"
        digest = hashlib.sha256(frame.encode())
        for region, shape in self.shapes:
            pieces = (shape,) if isinstance(shape, bytes) else shape
            digest.update(f" {region} {[len(piece) for piece in pieces]}".encode())
            for piece in pieces:
                digest.update(piece)
        return digest.hexdigest()

    @property
    def is_empty(self) -> bool:
        """Whether there is no object."""
        return not self.shapes

    def lies(self, stored: Size, shown: Size) -> Orientation | None:
        """How its frame, or points beyond a side, say that it lies on a turned image."""
        frame = (self.width, self.height)
        if stored == shown or frame not in (stored, shown) or self.is_empty:
            return None
        # Many tools write the sizes as stored and points on the image as shown.
        if frame == shown:
            return "shown"
        polygons: list[Polygon] = []
        for _, shape in self.shapes:
            if isinstance(shape, bytes):
                # Run lengths are of the frame that they were drawn in.
                return "stored"
            polygons += shape
        points = np.concatenate([np.frombuffer(polygon).reshape(-1, 2) for polygon in polygons])
        reach = points.max(axis=0)
        on_shown, on_stored = (
            bool((reach <= np.multiply(s, _BEYOND)).all()) for s in (shown, stored)
        )
        if on_shown == on_stored:
            return None
        return "shown" if on_shown else "stored"

    def beyond(self, sizes: Sequence[Size]) -> float:
        """By which part of a side a polygon leaves an image; the least of several sizes of it."""
        polygons = [p for _, shape in self.shapes if not isinstance(shape, bytes) for p in shape]
        if not polygons:
            return 0.0
        points = np.concatenate([np.frombuffer(polygon).reshape(-1, 2) for polygon in polygons])
        least, most = points.min(axis=0), points.max(axis=0)
        return min(float(max((-least / size).max(), (most / size - 1).max(), 0)) for size in sizes)

    def draw(self, size: Size) -> NDArray[np.uint8]:
        """The map ``(regions, height, width)``, 0 or 255, in the frame that its shapes lie in."""
        from pycocotools import mask

        # What is written as its frame may be that of the image before it is turned.
        swapped = size == (self.height, self.width)
        width, height = size if swapped else (self.width, self.height)
        drawn = np.zeros((self.regions, height, width), dtype=np.uint8)
        runs: dict[int, list[dict[str, Any]]] = {}
        for region, shape in self.shapes:
            if isinstance(shape, bytes):
                encoded = [{"size": [height, width], "counts": shape}]
            else:
                encoded = mask.frPyObjects(list(shape), height, width)
            runs.setdefault(region, []).extend(encoded)
        for region, encoded in runs.items():
            drawn[region] = mask.decode(mask.merge(encoded)) * 255
        return drawn


def parse_shape(segmentation: Any, width: int, height: int, where: str) -> Shape | None:
    """Parse the ``segmentation`` of an object in COCO's JSON; ``None`` if the object has none.

    Args:
        segmentation: a list of polygons, or run lengths, compressed or not.
        width: of the image, in pixels.
        height: of the image, in pixels.
        where: names the object in messages.

    Raises:
        UserError: the value is neither, or does not fit the image.
    """
    if not segmentation:
        return None
    if isinstance(segmentation, dict):
        return _parse_runs(segmentation, width, height, where)
    if not isinstance(segmentation, list):
        raise UserError(f"{where}: segmentation is neither polygons nor run lengths (RLE)")
    parsed = tuple(_parse_polygon(polygon, width, height, where) for polygon in segmentation)
    # Clicks of one or two points, which tools keep, have no area.
    return tuple(polygon for polygon in parsed if len(polygon) > 4) or None


def parse_box(box: Any, where: str) -> Shape | None:
    """The rectangle of an object, from the ``bbox`` of COCO's JSON; ``None`` if it has no area.

    Args:
        box: left, top, width and height in pixels.
        where: names the object in messages.

    Raises:
        UserError: the box is no list of four numbers.
    """
    if box is None:
        return None
    try:
        left, top, width, height = map(float, box)
        if not np.isfinite([left, top, width, height]).all():
            raise ValueError
    except (TypeError, ValueError):
        raise UserError(
            f"{where}: bbox is no list of four numbers; expected [left, top, width, height]"
        ) from None
    return box_shape(left, top, left + width, top + height)


def box_shape(left: float, top: float, right: float, bottom: float) -> Shape | None:
    """A rectangle as a polygon; ``None`` if the rectangle has no area."""
    if right <= left or bottom <= top:
        return None
    return (array("d", (left, top, right, top, right, bottom, left, bottom)),)


def pack_polygon(polygon: Any) -> Any:
    """A list of numbers as an array, of which each number takes eight bytes; else the same."""
    if not isinstance(polygon, list):
        return polygon
    try:
        return array("d", polygon)
    except (TypeError, OverflowError):
        return polygon


def _parse_polygon(polygon: Any, width: int, height: int, where: str) -> Polygon:
    try:
        parsed = polygon if isinstance(polygon, array) else array("d", polygon)
    except (TypeError, OverflowError):
        raise UserError(f"{where}: a polygon is no list of numbers; expected [[x, y, …]]") from None
    if len(parsed) % 2:
        raise UserError(
            f"{where}: a polygon of {len(parsed)} coordinates; expected an x and a y for each point"
        )
    near = np.abs(np.frombuffer(parsed)) <= _FAR * max(width, height)
    if not near.all():
        raise UserError(
            f"{where}: a polygon has the coordinate {parsed[int(np.argmin(near))]}, far outside of "
            f"the image of {width} x {height} pixels"
        )
    return parsed


def _parse_runs(segmentation: dict[str, Any], width: int, height: int, where: str) -> bytes:
    for key in ("size", "counts"):
        if key not in segmentation:
            raise UserError(f"{where}: RLE without '{key}'")
    if segmentation["size"] != [height, width]:
        raise UserError(
            f"{where}: RLE of size {segmentation['size']} for an image of [{height}, {width}] "
            f"(height, width)"
        )
    counts = segmentation["counts"]
    runs = run_lengths(counts) if isinstance(counts, str) else _plain_runs(counts)
    if runs is None:
        raise UserError(f"{where}: the counts of its RLE are malformed")
    if runs.sum() != width * height:
        raise UserError(
            f"{where}: RLE over {runs.sum()} pixels for an image of {width * height} "
            f"({width} x {height})"
        )
    if isinstance(counts, str):
        return counts.encode("ascii")
    from pycocotools import mask

    plain = {"size": [height, width], "counts": runs.tolist()}
    compressed: bytes = mask.frPyObjects(plain, height, width)["counts"]
    return compressed


def run_lengths(counts: str) -> NDArray[np.int64] | None:
    """The lengths of the runs of 0 and 1, in turn, that COCO's compressed RLE stands for.

    Each character holds five bits of a number, the lowest first, and whether more follow; from the
    fourth number on, what it adds to the last but one. ``None`` if it is malformed.
    """
    codes = np.frombuffer(counts.encode("utf-8"), dtype=np.uint8).astype(np.int64) - ord("0")
    last = (codes & 0x20) == 0
    if not len(codes) or codes.min() < 0 or codes.max() > 63 or not last[-1]:
        return None
    ends = np.flatnonzero(last)
    starts = np.concatenate([[0], ends[:-1] + 1])
    digits = ends - starts + 1
    if digits.max() > 7:
        return None
    shift = 5 * (np.arange(len(codes)) - np.repeat(starts, digits))
    runs = np.add.reduceat((codes & 0x1F) << shift, starts)
    runs -= np.where(codes[ends] & 0x10, 1 << (5 * digits), 0)
    for chain in (runs[1::2], runs[2::2]):
        np.cumsum(chain, out=chain)
    return runs if runs.min() >= 0 else None


def _plain_runs(counts: Any) -> NDArray[np.int64] | None:
    if not isinstance(counts, list) or not {*map(type, counts)} <= {int, float}:
        return None
    if not all(count.is_integer() for count in counts if type(count) is float):
        return None
    if not counts or min(counts) < 0 or max(counts) >= 1 << 32:
        return None
    return np.array(counts, dtype=np.int64)
