"""The pictures and their truth, and what a shape is.

Thirty pictures of 48 x 40 pixels. Each has a rectangle whose colours say its three labels, and a
corner that says its number, so that a picture is known by its pixels whatever it is called.
"""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

WIDE, HIGH, COUNT = 48, 40, 30
LABELS = ("red", "striped", "cotton")
TARGETS = np.array([[i % 2, i % 3 == 0, i % 5 < 2] for i in range(COUNT)], dtype=np.float32)
LEFT, TOP, RIGHT, BOTTOM = 6, 8, 30, 28
REGION = np.zeros((HIGH, WIDE), dtype=bool)
REGION[TOP:BOTTOM, LEFT:RIGHT] = True
ROWS = range(COUNT)
NAMES = [f"img_{i:03d}.png" for i in ROWS]
PATHS = [f"images/{name}" for name in NAMES]
LISTED = [[n for n, there in zip(LABELS, row, strict=True) if there] for row in TARGETS]
FLAGS = [[int(there) for there in row] for row in TARGETS]
Given = Mapping[str, Any]


@dataclass(frozen=True)
class Shape:
    """How a data set is written, and what its reading must come to."""

    write: Callable[[Path], Any]
    read: str = ""
    """The path that a command is given, in the folder."""
    split: Callable[[int], str] = lambda i: ""
    group: Callable[[int], str] | None = None
    maps: Literal["", "all", "objects"] = ""
    """Whether each picture has a map of its rectangle, or those with an object."""
    unmapped: Sequence[int] = ()
    """Those of them whose map is not known."""
    labels: tuple[str, ...] = LABELS
    targets: np.ndarray = field(default_factory=lambda: TARGETS)
    rows: Sequence[int] = ROWS
    """The pictures that are read."""
    refused: str = ""
    """What is said where the data may mean two things, or is wrong."""
    settled: Given | None = None
    """Fields that settle what is refused; where there are none the data must be changed."""
    skip: bool = False
    """Whether leaving out what is wrong settles it."""


def picture(i: int) -> np.ndarray:
    pixels = np.full((HIGH, WIDE, 3), 120, dtype=np.uint8)
    pixels[REGION] = [230 if there else 20 for there in TARGETS[i]]
    pixels[HIGH - 8 :, WIDE - 8 :] = 8 * i
    return pixels


def number(image: Image.Image) -> int:
    """Which picture it is."""
    pixels = np.asarray(image.convert("RGB"))
    return round(float(pixels[-6:-2, -6:-2].mean()) / 8)


def save(folder: Path, rows: Iterable[int] = ROWS, suffix: str = "png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i in rows:
        (folder / f"img_{i:03d}.{suffix}").write_bytes(encoded(i, suffix))


@cache
def encoded(i: int, suffix: str = "png") -> bytes:
    """The file of a picture, drawn once: every shape has it."""
    buffer = io.BytesIO()
    kind = {"jpg": "JPEG"}.get(suffix, suffix.upper())
    Image.fromarray(picture(i)).save(buffer, kind, quality=95)
    return buffer.getvalue()


def in_thirds(i: int) -> str:
    return "train" if i < 20 else "validation" if i < 25 else "test"


def two_thirds(i: int) -> str:
    return "train" if i < 20 else "test"
