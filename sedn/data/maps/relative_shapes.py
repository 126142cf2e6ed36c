"""Semantic maps drawn from polygons whose points are shares of the image's sides."""

import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sedn.data.images.content import Content
from sedn.data.listing import Orientation, Size
from sedn.data.maps.shapes import Polygon


@dataclass(frozen=True, slots=True)
class RelativeMap:
    """The union of the polygons of each region, on an image of any size."""

    regions: int
    polygons: tuple[tuple[int, Polygon], ...]
    """For each polygon the index of its region, and ``x, y, x, y, …`` from 0 to 1."""
    orientation: Orientation | None = None

    @property
    def contents(self) -> Sequence[Content]:
        """No file: all is held in memory."""
        return ()

    @property
    def is_empty(self) -> bool:
        """Whether there is no object."""
        return not self.polygons

    def describe(self) -> str:
        """A hash of every polygon."""
        digest = hashlib.sha256(f"{self.regions} {self.orientation}".encode())
        for region, polygon in self.polygons:
            digest.update(f" {region} {len(polygon)}".encode())
            digest.update(polygon)
        return digest.hexdigest()

    def lies(self, stored: Size, shown: Size) -> Orientation | None:
        """``None``: shares of the sides fit the image either way."""
        return None

    def draw(self, size: Size) -> NDArray[np.uint8]:
        """The map ``(regions, height, width)``, 0 or 255."""
        from pycocotools import mask

        width, height = size
        drawn = np.zeros((self.regions, height, width), dtype=np.uint8)
        scaled: dict[int, list[list[float]]] = {}
        for region, polygon in self.polygons:
            points = np.frombuffer(polygon).reshape(-1, 2) * (width, height)
            scaled.setdefault(region, []).append(points.ravel().tolist())
        for region, polygons in scaled.items():
            drawn[region] = mask.decode(mask.merge(mask.frPyObjects(polygons, height, width))) * 255
        return drawn


def corners(centre_x: float, centre_y: float, width: float, height: float) -> Polygon:
    """A box as a polygon."""
    left, right = centre_x - width / 2, centre_x + width / 2
    top, bottom = centre_y - height / 2, centre_y + height / 2
    return array("d", (left, top, right, top, right, bottom, left, bottom))
