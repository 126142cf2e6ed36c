"""Semantic maps that are saved as images: one region, or several by index or colour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sedn.data.images.content import Content
from sedn.data.images.decoding import read_header
from sedn.data.listing import Orientation, Size
from sedn.data.maps.mask_kinds import Colour, MaskKind
from sedn.data.maps.mask_pixels import MaskPixels, open_mask
from sedn.errors import UserError

Value = int | Colour
"""A value that marks a region in a mask: a palette's index (or a grey value), or a colour."""


@dataclass(frozen=True, slots=True)
class MaskImage:
    """A mask of one region, in an image of the same size as the photograph."""

    content: Content
    kind: MaskKind
    orientation: Orientation | None = None

    @property
    def contents(self) -> Sequence[Content]:
        """The one file."""
        return (self.content,)

    def describe(self) -> str:
        """Describe how the mask is read."""
        return f"{self.kind} {self.orientation}"

    def lies(self, stored: Size, shown: Size) -> Orientation | None:
        """How the mask's size says that the mask lies on a turned image."""
        return _lies(self.content, stored, shown)

    def draw(self, size: Size) -> NDArray[np.uint8]:
        """The map ``(1, height, width)``, 0 to 255, in the mask's own size."""
        return self.kind.draw(open_mask(self.content))[None]


@dataclass(frozen=True, slots=True)
class RegionsImage:
    """A mask of regions, each marked by indices or colours, in the size of the photograph."""

    content: Content
    regions: tuple[tuple[Value, ...], ...]
    """The values that mark each region."""
    orientation: Orientation | None = None

    @property
    def contents(self) -> Sequence[Content]:
        """The one file."""
        return (self.content,)

    def describe(self) -> str:
        """Describe the values that mark the regions."""
        return f"{self.regions} {self.orientation}"

    def lies(self, stored: Size, shown: Size) -> Orientation | None:
        """How the mask's size says that the mask lies on a turned image."""
        return _lies(self.content, stored, shown)

    def draw(self, size: Size) -> NDArray[np.uint8]:
        """The map ``(regions, height, width)``, 0 or 255, in the mask's own size."""
        mask = open_mask(self.content)
        if mask.lossy:
            raise UserError(f"{mask.name}: JPEG changes indices and colours; save masks as PNG")
        drawn = np.zeros((len(self.regions), mask.image.height, mask.image.width), dtype=np.uint8)
        for region, values in zip(drawn, self.regions, strict=True):
            for value in values:
                region[_where(mask, value)] = 255
        return drawn


@dataclass(frozen=True, slots=True)
class ObjectMasks:
    """Masks of single objects, of any size: each is scaled to the photograph."""

    regions: int
    masks: tuple[tuple[int, Content], ...]
    """For each object the index of its region, and its mask."""
    kind: MaskKind
    orientation: Orientation | None = None

    @property
    def contents(self) -> Sequence[Content]:
        """One file for each object."""
        return tuple(content for _, content in self.masks)

    def describe(self) -> str:
        """The region of each object, and how its mask is read."""
        regions = [region for region, _ in self.masks]
        return f"{self.regions} {regions} {self.kind} {self.orientation}"

    def lies(self, stored: Size, shown: Size) -> Orientation | None:
        """How the shape of a mask, whatever its scale, says that it lies on a turned image."""
        if stored == shown:
            return None
        aspects = [width / height for width, height in map(_size, self.contents)]
        as_stored = max(abs(np.log(aspect * stored[1] / stored[0])) for aspect in aspects)
        as_shown = max(abs(np.log(aspect * shown[1] / shown[0])) for aspect in aspects)
        return "stored" if as_stored < as_shown else "shown"

    def draw(self, size: Size) -> NDArray[np.uint8]:
        """The map ``(regions, height, width)``, 0 or 255, in the size of the photograph."""
        drawn = np.zeros((self.regions, size[1], size[0]), dtype=np.uint8)
        for region, content in self.masks:
            mask = Image.fromarray(self.kind.draw(open_mask(content)))
            drawn[region] |= np.asarray(mask.resize(size, Image.Resampling.NEAREST)) > 127
        return drawn * np.uint8(255)


def _lies(mask: Content, stored: Size, shown: Size) -> Orientation | None:
    header = read_header(mask)
    if header.turned:
        return "shown"
    if stored == shown or header.shown not in (stored, shown):
        return None
    return "stored" if header.shown == stored else "shown"


def _size(mask: Content) -> Size:
    return read_header(mask).shown


def parse_regions(
    regions: Mapping[str, int | str | Sequence[int | str]], where: str
) -> tuple[tuple[Value, ...], ...]:
    """Parse the values that mark each region, such as ``{sleeve: 3, legs: [4, 5], collar:
    '#ff0000'}``.

    Raises:
        UserError: a value is neither an index from 0 to 65535 nor a colour, or marks two regions.
    """
    parsed = []
    owner: dict[Value, str] = {}
    for name, values in regions.items():
        marks = parse_values(values, f"{where}: region '{name}'")
        for value in marks:
            if value in owner:
                raise UserError(f"{where}: regions '{owner[value]}' and '{name}' have one value")
            owner[value] = name
        parsed.append(marks)
    return tuple(parsed)


def parse_values(values: int | str | Sequence[int | str], where: str) -> tuple[Value, ...]:
    """Parse indices and colours, given as a single value or a list of values.

    Raises:
        UserError: one is neither an index from 0 to 65535 nor a colour, or is there twice.
    """
    listed = [values] if isinstance(values, int | str) else list(values)
    parsed = tuple(_parse_value(value, where) for value in listed)
    if not parsed or len(set(parsed)) < len(parsed):
        raise UserError(
            f"{where}: {listed!r} is empty or has a value twice; expected indices, such as [3, 4], "
            f"or colours, such as '#ff0000'"
        )
    return parsed


def _parse_value(value: int | str, where: str) -> Value:
    if isinstance(value, int) and 0 <= value <= 65535:
        return value
    if isinstance(value, str) and len(value) == 7 and value.startswith("#"):
        try:
            red, green, blue = bytes.fromhex(value[1:])
            return red, green, blue
        except ValueError:
            pass
    raise UserError(
        f"{where}: {value!r} is neither an index such as 3 nor a colour such as '#ff0000'"
    )


def _where(mask: MaskPixels, value: Value) -> NDArray[np.bool_]:
    """``(height, width)``: where the mask has the value."""
    if isinstance(value, tuple):
        return np.asarray((mask.colours == value).all(-1))
    indices = mask.indices if mask.indices is not None else mask.greys
    if indices is None:
        raise UserError(
            f"{mask.name}: the regions are given by index, but the mask has colours and no "
            f"palette; give them by colour, such as '#ff0000'"
        )
    return np.asarray(indices == value)
