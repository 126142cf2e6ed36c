"""Masks of one region, by index, brightness, colour and opacity."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from tests.sedn.data.shapes.tables import table
from tests.sedn.data.shapes.truth import (
    BOTTOM,
    FLAGS,
    HIGH,
    LABELS,
    NAMES,
    PATHS,
    REGION,
    RIGHT,
    ROWS,
    TOP,
    WIDE,
    Shape,
    picture,
)


def masked(draw: Callable[[int], Image.Image]) -> Shape:
    """A table with a mask for each picture."""

    def write(folder: Path) -> None:
        header = ["image", "mask", *LABELS]
        table(header, lambda i: [PATHS[i], f"masks/{NAMES[i]}", *FLAGS[i]])(folder)
        (folder / "masks").mkdir()
        for i in ROWS:
            draw(i).save(folder / "masks" / NAMES[i])

    return Shape(write, maps="all")


def grey(inside: int, kind: type = np.uint8) -> Image.Image:
    return Image.fromarray(REGION.astype(kind) * kind(inside))


def two_indices(i: int) -> Image.Image:
    pixels = REGION.astype(np.uint8)
    pixels[TOP:BOTTOM, 18:RIGHT] = 4
    return Image.fromarray(pixels)


def with_alpha(i: int, *, black: bool) -> Image.Image:
    pixels = picture(i)
    if black:
        pixels[~REGION] = 0
    image = Image.fromarray(pixels)
    image.putalpha(grey(255))
    return image


def ignored_border(i: int) -> Image.Image:
    pixels = np.full((HIGH, WIDE), 255, dtype=np.uint8)
    pixels[2:36, 2:44] = 0
    pixels[REGION] = 1
    return Image.fromarray(pixels)


def white_first(i: int) -> Image.Image:
    """A palette whose index 0 is white: the object is drawn in white on black."""
    image = Image.fromarray((~REGION).astype(np.uint8)).convert("P")
    image.putpalette([255, 255, 255, 0, 0, 0])
    return image


SHAPES: dict[str, Shape] = {
    "0 and 255": masked(lambda i: grey(255)),
    "0 and 1": masked(lambda i: grey(1)),
    "an index for each picture": masked(lambda i: grey(1 + i % 5)),
    "two indices": masked(two_indices),
    "0, 1 and 255 ignored": masked(ignored_border),
    "16 bits": masked(lambda i: grey(65535, np.uint16)),
    "half as large": masked(lambda i: grey(255).resize((WIDE // 2, HIGH // 2), 0)),
    "opacity": masked(lambda i: with_alpha(i, black=False)),
    "cut out": masked(lambda i: with_alpha(i, black=True)),
    "white with opacity": masked(
        lambda i: Image.merge("LA", (Image.new("L", (WIDE, HIGH), 255), grey(255)))
    ),
    "a palette, white first": masked(white_first),
}
