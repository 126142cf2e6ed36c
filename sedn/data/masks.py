"""Semantic maps that are saved as images: one region in grey, or several by index or colour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sedn.data.content import Content
from sedn.data.decoding import open_image, upright
from sedn.errors import UserError

Value = int | tuple[int, int, int]
"""What marks a region in a mask: a palette's index (or a grey value), or a colour."""


@dataclass(frozen=True, slots=True)
class MaskImage:
    """A mask in an image of the same size as the photograph."""

    content: Content
    values: tuple[Value, ...] = ()
    """One value for each region; without any there is one region, and all that is not zero
    belongs to it: an index that is not 0, a colour that is not black, or how bright a grey is."""
    ignored: int | None = None
    """An index that belongs to no region, such as the border of Pascal VOC's masks; with one a
    grey value is an index too, not a brightness."""

    @property
    def contents(self) -> Sequence[Content]:
        """The one file."""
        return (self.content,)

    def describe(self) -> str:
        """What marks the regions."""
        return f"{self.values} {self.ignored}"

    def draw(self, size: tuple[int, int]) -> NDArray[np.uint8]:
        """The map ``(regions, height, width)``, 0 to 255, in the mask's own size."""
        mask = upright(open_image(self.content))
        if not self.values:
            if self.ignored is not None:
                index = _indices(mask, self.content.name)
                return np.where((index > 0) & (index != self.ignored), 255, 0)[None].astype(
                    np.uint8
                )
            return _single(mask)[None]
        return np.stack([_where(mask, value, self.content.name) for value in self.values])


@dataclass(frozen=True, slots=True)
class ObjectMasks:
    """Masks of single objects, of any size: each is scaled to the photograph."""

    regions: int
    masks: tuple[tuple[int, Content], ...]
    """For each object the index of its region, and its mask: all that is not black."""

    @property
    def contents(self) -> Sequence[Content]:
        """One file for each object."""
        return tuple(content for _, content in self.masks)

    def describe(self) -> str:
        """The region of each object."""
        return f"{self.regions} {[region for region, _ in self.masks]}"

    def draw(self, size: tuple[int, int]) -> NDArray[np.uint8]:
        """The map ``(regions, height, width)``, 0 or 255, in the size of the photograph."""
        drawn = np.zeros((self.regions, size[1], size[0]), dtype=np.uint8)
        for region, content in self.masks:
            mask = Image.fromarray(_single(upright(open_image(content))))
            drawn[region] |= np.asarray(mask.resize(size, Image.Resampling.NEAREST)) > 0
        return drawn * np.uint8(255)


def parse_values(regions: Mapping[str, int | str | Sequence[int]], where: str) -> tuple[Value, ...]:
    """What marks each region, from ``{sleeve: 3, collar: '#ff0000'}``.

    Raises:
        UserError: a value is neither an index from 0 to 65535 nor a colour.
    """
    return tuple(_parse_value(name, value, where) for name, value in regions.items())


def _parse_value(name: str, value: int | str | Sequence[int], where: str) -> Value:
    if isinstance(value, int) and 0 <= value <= 65535:
        return value
    if isinstance(value, str) and len(value) == 7 and value.startswith("#"):
        try:
            red, green, blue = bytes.fromhex(value[1:])
            return red, green, blue
        except ValueError:
            pass
    if not isinstance(value, int | str) and len(value) == 3 and all(0 <= v <= 255 for v in value):
        return value[0], value[1], value[2]
    raise UserError(
        f"{where}: region '{name}' is marked by {value!r}; expected an index such as 3, or a "
        f"colour such as '#ff0000'"
    )


def _single(mask: Image.Image) -> NDArray[np.uint8]:
    """The one region of a mask without further description."""
    if mask.mode == "P":
        return np.where(np.asarray(mask) > 0, 255, 0).astype(np.uint8)
    if mask.mode in ("RGB", "RGBA", "LA"):
        channels = np.asarray(mask.convert("RGB"))
        grey = (channels == channels[..., :1]).all()
        values = channels[..., 0] if grey else np.where(channels.any(-1), 255, 0)
    else:
        values = np.asarray(mask)
    values = np.asarray(values)
    top = values.max(initial=0)
    if top > 255:
        return np.where(values > 0, 255, 0).astype(np.uint8)
    # Masks of 0 and 1 are as usual as those of 0 and 255.
    return (values * 255 if top <= 1 else values).astype(np.uint8)


def _where(mask: Image.Image, value: Value, name: str) -> NDArray[np.uint8]:
    """255 where the mask has the value."""
    if isinstance(value, tuple):
        return np.where((np.asarray(mask.convert("RGB")) == value).all(-1), 255, 0).astype(np.uint8)
    return np.where(_indices(mask, name) == value, 255, 0).astype(np.uint8)


def _indices(mask: Image.Image, name: str) -> NDArray[np.int64]:
    if mask.mode not in ("P", "L", "1", "I", "I;16", "I;16B"):
        raise UserError(
            f"{name}: the regions are given by index, but the mask is of mode {mask.mode}; save it "
            f"with a palette, or give them by colour, such as '#ff0000'"
        )
    return np.asarray(mask).astype(np.int64)
