"""The white value of images of more than 8 bits.

A file of 16 bits does not say how many of them are used: cameras and scanners give 10, 12 or 14,
so that white is 4,095 and not 65,535. Floats may go from 0 to 1 or to 255. Read by one rule such
images would be nearly black, so white is decided once for all images of a data set.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image

from sedn.errors import Question, UserError

Depth = Literal["whole", "real", "colour"]
"""Grey in whole numbers of 16 or 32 bits, grey in floats, or colours of 16 bits each, of which
Pillow reads the upper 8."""

FULL = 65535
BITS = {255: 8, 1023: 10, 4095: 12, 16383: 14, FULL: 16}
"""By the greatest value, how many bits it takes."""
MOST_OF_14 = 16383
SLACK = 0.02
"""By this part of white a float may be below 0 or above white: what resampling does."""
_WHOLE = ("I;16", "I;16B", "I;16L", "I;16N", "I")


@dataclass(frozen=True)
class Levels:
    """How images of more than 8 bits are read."""

    white: float
    """The value that becomes 255; 0 stays 0."""
    is_detected: bool = True
    """Whether the white value was detected from the files, so that brighter images are refused;
    else brighter values count as white too.
    """

    def to_json(self) -> dict[str, Any]:
        """The fields by their names in the files of models and of kept listings."""
        return {"white": self.white, "told": self.is_detected}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Levels":
        """The levels that :meth:`to_json` gave."""
        return cls(fields["white"], is_detected=fields["told"])

    def describe(self) -> str:
        """Describe the levels in a few words."""
        if self.white == 1:
            return "floats, 1 is white"
        bits = BITS.get(int(self.white), 0) if self.white in BITS else 0
        files = "16-bit files" if bits > 8 else "files of more"
        return f"{f'{bits} bits in {files}, ' * bool(bits)}{shown_level(self.white)} is white"


def depth_of(image: Image.Image) -> Depth | None:
    """The depth of an image of more than 8 bits; ``None`` for an image of 8 bits or fewer.

    Args:
        image: its pixels must not be read yet.
    """
    if image.mode in _WHOLE:
        return "whole"
    if image.mode == "F":
        return "real"
    tiles = getattr(image, "tile", ())
    words = [word for tile in tiles for word in np.ravel(np.array(tile[3], dtype=object))]
    return "colour" if any(isinstance(word, str) and ";16" in word for word in words) else None


def value_range(image: Image.Image, depth: Depth) -> tuple[float, float]:
    """The least and the greatest value of an image; of colours what the greatest may be at most."""
    if depth == "colour":
        colours = image.convert("RGB").getextrema()
        most = max(int(top) for _, top in colours)  # type: ignore[misc]
        return 0.0, float((most + 1) * 256 - 1) if most else 0.0
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    return float(values.min(initial=0)), float(values.max(initial=0))


def to_eight_bits(
    image: Image.Image, depth: Depth, levels: Levels | None, name: str
) -> Image.Image:
    """An image of more than 8 bits with 8, its white 255.

    Args:
        image: its pixels are read.
        depth: of it.
        levels: of the data set; ``None`` where no other image shows them.
        name: of the image, for messages.

    Raises:
        UserError: the image does not fit the levels, or nothing tells its own.
    """
    least, most = value_range(image, depth)
    white = _white(depth, levels, most, name)
    if least < -SLACK * white:
        raise below_zero(name, least)
    if depth == "colour":
        return image
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    return Image.fromarray((values / white * 255).clip(0, 255).astype(np.uint8))


def _white(depth: Depth, levels: Levels | None, most: float, name: str) -> float:
    if levels is None:
        if 0 < most <= MOST_OF_14:
            fault = f"{name}: has more than 8 bits and no value above {shown_level(most)}"
            raise UnclearLevels(fault, most)
        return FULL
    if depth == "colour" and levels.white < FULL:
        raise dark_colours(name)
    if levels.is_detected and most > levels.white * (1 + SLACK * (depth == "real")):
        raise OtherLevels(f"{name}: has the value {shown_level(most)}", levels, most)
    return levels.white


class UnclearLevels(Question):
    """An image has more than 8 bits, and nothing tells which value is white.

    Args:
        observed: the image, and what it holds.
        most: its greatest value.
    """

    def __init__(self, observed: str, most: float) -> None:
        white = next(white for white in (1, *BITS) if most <= white)
        super().__init__(
            f"{observed}, and no other image that was looked at has; 'white: {white}' or 'white: "
            f"{FULL}' in data.yaml says which value is white",
            [{"white": white}, {"white": FULL}],
        )
        self.observed = observed


class OtherLevels(UserError):
    """An image is brighter than what is white in all others.

    Args:
        observed: the image, and what it holds.
        levels: of the others.
        most: its greatest value.
    """

    def __init__(self, observed: str, levels: Levels, most: float) -> None:
        super().__init__(
            f"{observed}, and the other images are of {levels.describe()}; say what is white with "
            f"'white: {max(FULL, most):g}' in data.yaml"
        )
        self.observed = observed


def shown_level(value: float) -> str:
    """``4,095``, ``0.97``."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}"


def below_zero(name: str, least: float) -> UserError:
    """The error for an image with values below black."""
    return UserError(
        f"{name}: has values below 0, down to {shown_level(least)}; scale images so that 0 is black"
    )


def dark_colours(name: str) -> UserError:
    """The error for colours of 16 bits whose values are in the bits that are not read."""
    return UserError(
        f"{name}: has colours of 16 bits with no value above {MOST_OF_14:,}, of which too little "
        f"is read; save such images with 8 bits for each colour"
    )
