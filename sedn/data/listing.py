"""The content of a data set, read from its tables alone: no image is decoded yet.

Each format is read into a :class:`Listing`; from here on all formats are one.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from sedn.data.faults import Fault
from sedn.data.image_names import relative_names
from sedn.data.images.content import Content
from sedn.data.images.levels import FULL, Levels
from sedn.errors import UserError

Size = tuple[int, int]
"""Width and height in pixels."""
Orientation = Literal["shown", "stored"]
"""Whether a map lies on its image as shown, turned as EXIF says, or as stored."""


class RegionMap(Protocol):
    """The places of the regions of one image: a mask in a file, polygons, run lengths."""

    @property
    def orientation(self) -> Orientation | None:
        """How the map lies on an image that EXIF turns; ``None`` where the map's size decides."""

    @property
    def contents(self) -> Sequence[Content]:
        """The files that the map is drawn from."""

    def describe(self) -> str:
        """Describe all that decides the map besides its files."""

    def lies(self, stored: Size, shown: Size) -> Orientation | None:
        """How the map lies on an image that EXIF turns, by the map's own size or points.

        Args:
            stored: size of the image in its file.
            shown: the same when it is turned.

        Raises:
            UserError: the map cannot be read.
        """

    def draw(self, size: Size) -> NDArray[np.uint8]:
        """Draw the map ``(regions, height, width)``, 0 to 255, in the map's own size.

        Args:
            size: of the image, for maps that have no size of their own.

        Raises:
            UserError: the map cannot be drawn.
        """


@dataclass(frozen=True)
class Listing:
    """The images of a data set with their labels, and how to draw their maps."""

    source: Path
    """The file or folder that a message names."""
    labels: tuple[str, ...]
    regions: tuple[str, ...]
    images: Sequence[Content]
    maps: Sequence[RegionMap | None]
    """``None``: it is not known where the regions of the image lie."""
    targets: NDArray[np.float32]
    """``(images, labels)``: 1, 0, between where labels are soft, or NaN where the truth is
    unknown."""
    splits: tuple[str, ...]
    """The split of each image, or ``""`` where the data says nothing of it."""
    groups: tuple[str, ...]
    """Images of one group must not be parted; ``""`` is no group. Empty where there are none."""
    levels: Levels | None = None
    """The white value of images of more than 8 bits; ``None`` where no image that was looked at has
    more.
    """
    notes: tuple[str, ...] = ()
    """How the data was read, a line for each decision."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Fields of a description that state those decisions."""
    skipped: int = 0
    """Images that were left out for a fault."""
    faults: tuple[Fault, ...] = ()
    """The faults, whose rows or images are left out."""

    def __len__(self) -> int:
        return len(self.images)

    def keep(self, rows: Sequence[int]) -> "Listing":
        """The listing of some of its images; the others count as skipped."""
        return replace(
            self,
            images=tuple(self.images[row] for row in rows),
            maps=tuple(self.maps[row] for row in rows),
            targets=self.targets[list(rows)],
            splits=tuple(self.splits[row] for row in rows),
            groups=tuple(self.groups[row] for row in rows) if self.groups else (),
            skipped=self.skipped + len(self) - len(rows),
        )

    def names(self, rows: NDArray[np.int64]) -> tuple[str, ...]:
        """The names of images: their paths, relative to the folder of the data set."""
        folder = self.source if self.source.is_dir() else self.source.parent
        return relative_names([self.images[row].name for row in rows], folder)

    def contents(self) -> Iterator[Content]:
        """Every file of the data set."""
        for image, region in zip(self.images, self.maps, strict=True):
            yield image
            if region is not None:
                yield from region.contents

    def stamps(self) -> Iterator[str]:
        """The stamp of each content.

        Raises:
            UserError: a file is missing by now.
        """
        for content in self.contents():
            try:
                yield content.stamp()
            except OSError as error:
                reason = error.strerror or error
                raise UserError(f"{content.name}: cannot be read: {reason}") from None

    def maps_known(self) -> NDArray[np.bool_]:
        """``(images,)``: whether it is known where the regions of the image lie."""
        return np.array([region_map is not None for region_map in self.maps], dtype=bool)

    def hash_tables(self) -> "hashlib._Hash":
        """A hash of labels, regions, names, targets, maps and levels."""
        digest = hashlib.sha256(repr((self.labels, self.regions)).encode())
        digest.update(repr(self.names(np.arange(len(self)))).encode())
        digest.update(self.targets.tobytes())
        for region_map in self.maps:
            digest.update(b"-" if region_map is None else region_map.describe().encode())
        # Only where it changes pixels: other data keep the hash that they had.
        if self.levels is not None and self.levels.white != FULL:
            digest.update(f"white {self.levels.white!r}".encode())
        if self.faults:
            left_out = [(fault.kind, len(fault.places)) for fault in self.faults]
            digest.update(repr((self.skipped, left_out)).encode())
        return digest

    def tables_digest(self) -> str:
        """The hash of the tables, with splits and groups."""
        digest = self.hash_tables()
        digest.update(repr((self.splits, self.groups)).encode())
        return digest.hexdigest()
