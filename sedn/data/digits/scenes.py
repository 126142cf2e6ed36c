"""The embedded data set ``digits-in-clutter``: a labelled card among others, over photographs.

Each image shows one *card*, the region of interest: a tilted patch with a pattern, on which one to
three handwritten digits stand in one ink. Smaller patches with digits, patterns and inks of their
own lie around it and do not count. Labels are the digits on the card, its ink and its pattern. The
semantic map is the card's mask. Digits are scikit-learn's (Alpaydin and Kaynak 1998), photographs
come with scikit-image and scikit-learn; no digit and no photograph is in two splits.

The size of the card beside the others is such that a plain backbone finds it now and then: it
reaches a mean AUC between 0.70 and 0.85, which leaves a map something to give.
"""

import hashlib
import math
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sedn.arrays import Floats32
from sedn.data.dataset import Dataset, Split
from sedn.data.digits.cards import INKS, PATTERNS, Card, draw_card
from sedn.processes import in_processes

NAME = "digits-in-clutter"
VERSION = 1
"""Raised whenever an image would come out different."""

SIZES = {"train": 3000, "validation": 1000, "test": 2000}
LABELS = (
    *(f"digit_{digit}" for digit in range(10)),
    *(f"ink_{ink}" for ink in list(INKS)[1:]),
    *(f"pattern_{pattern}" for pattern in PATTERNS[1:]),
)

_PHOTOGRAPHS = {
    "train": (
        "astronaut", "coffee", "rocket", "motorcycle_left", "motorcycle_right", "flower",
        "hubble_deep_field", "brick", "grass", "coins",
    ),
    "validation": ("chelsea", "camera", "gravel"),
    "test": ("china", "retina", "moon", "page"),
}  # fmt: skip
_DIGIT_ODDS = np.array([10, 8, 7, 6, 5, 4, 3, 3, 2, 2], dtype=float)
_INK_ODDS = np.array([5, 3, 2, 1], dtype=float)
_PATTERN_ODDS = np.array([4, 3, 2, 1], dtype=float)
_CARD_HALF = (0.17, 0.23)
_OTHER_HALF = (0.12, 0.17)
_CLUTTER = (2, 4)


def fingerprint() -> str:
    """Names the images and labels, whatever their size in pixels."""
    return hashlib.sha256(f"{NAME} {VERSION} {SIZES}".encode()).hexdigest()[:16]


def build_digits(image_size: int) -> Dataset:
    """Draw all images at ``image_size`` pixels a side, on all cores."""
    jobs = [(split, start, image_size) for split in SIZES for start in range(0, SIZES[split], 250)]
    blocks = list(in_processes(_draw_block, jobs))
    splits = {}
    for split in SIZES:
        parts = [block for job, block in zip(jobs, blocks, strict=True) if job[0] == split]
        images, maps, targets = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        known = np.ones(len(images), dtype=bool)
        splits[split] = Split(images, maps, known, targets, image_names(split))
    return Dataset(NAME, LABELS, ("card",), fingerprint(), splits)


def image_names(split: str) -> tuple[str, ...]:
    """The names of a split's images, in their order."""
    return tuple(f"{split}-{index:04d}" for index in range(SIZES[split]))


def draw_image(
    split: str, index: int, image_size: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], Floats32]:
    """Draw one image of a split, as it is in the data set.

    Returns:
        The image ``(image_size, image_size, 3)``, its map ``(1, image_size, image_size)``, and its
        targets ``(labels,)``.
    """
    rng = np.random.default_rng([index, list(SIZES).index(split), VERSION])
    return _draw_scene(rng, _photographs(split), _digits(split), image_size)


def _draw_block(
    job: tuple[str, int, int],
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], Floats32]:
    """Up to 250 images of a split, with maps and targets; depends on nothing but ``job``."""
    split, start, image_size = job
    drawn = [
        draw_image(split, index, image_size)
        for index in range(start, min(start + 250, SIZES[split]))
    ]
    images, maps, targets = zip(*drawn, strict=True)
    return np.stack(images), np.stack(maps), np.stack(targets)


def _draw_scene(
    rng: np.random.Generator,
    photographs: list[NDArray[np.uint8]],
    digits: list[Floats32],
    size: int,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], Floats32]:
    canvas = _background(rng, photographs, size)
    card = _random_card(rng, _CARD_HALF)
    for _ in range(rng.integers(*_CLUTTER, endpoint=True)):
        draw_card(canvas, _random_card(rng, _OTHER_HALF, beside=card), digits, rng)
    mask = draw_card(canvas, card, digits, rng)
    noisy = canvas + rng.normal(0, 0.03, canvas.shape)
    image = (noisy.clip(0, 1) * 255).round().astype(np.uint8)
    return image, (mask * 255).round().astype(np.uint8)[None], _targets(card)


def _random_card(
    rng: np.random.Generator, half: tuple[float, float], beside: Card | None = None
) -> Card:
    """A card somewhere inside the image; its digits, ink and pattern by their odds."""
    height, width, y, x = _random_place(rng, half)
    while beside is not None and beside.is_near(y, x, math.hypot(height, width)):
        height, width, y, x = _random_place(rng, half)
    chosen = rng.choice(
        10, size=rng.integers(1, 3), replace=False, p=_DIGIT_ODDS / _DIGIT_ODDS.sum()
    )
    return Card(
        centre=(y, x),
        half=(height, width),
        angle=float(rng.uniform(-0.5, 0.5)),
        tint=tuple(rng.uniform(0.6, 1.0, size=3)),
        digits=tuple(int(digit) for digit in chosen),
        ink=list(INKS)[rng.choice(4, p=_INK_ODDS / _INK_ODDS.sum())],
        pattern=PATTERNS[rng.choice(4, p=_PATTERN_ODDS / _PATTERN_ODDS.sum())],
    )


def _random_place(
    rng: np.random.Generator, half: tuple[float, float]
) -> tuple[float, float, float, float]:
    """Half the height and width of a card, and its centre, so that it lies inside the image."""
    height, width = rng.uniform(*half, size=2)
    margin = 0.9 * math.hypot(height, width)
    y, x = rng.uniform(margin, 1 - margin, size=2)
    return height, width, y, x


def _targets(card: Card) -> Floats32:
    present = {f"ink_{card.ink}", f"pattern_{card.pattern}", *(f"digit_{d}" for d in card.digits)}
    return np.array([label in present for label in LABELS], dtype=np.float32)


def _background(
    rng: np.random.Generator, photographs: list[NDArray[np.uint8]], size: int
) -> Floats32:
    """A random square of a photograph, mirrored half of the time."""
    from PIL import Image

    photograph = photographs[rng.integers(len(photographs))]
    side = int(min(photograph.shape[:2]) * rng.uniform(0.4, 1.0))
    top = rng.integers(photograph.shape[0] - side + 1)
    left = rng.integers(photograph.shape[1] - side + 1)
    square = Image.fromarray(photograph[top : top + side, left : left + side])
    pixels = np.asarray(square.resize((size, size), Image.Resampling.BOX), dtype=np.float32) / 255
    mirrored = pixels[:, ::-1] if rng.random() < 0.5 else pixels
    return (mirrored * rng.uniform(0.6, 1.0)).astype(np.float32)


@lru_cache(maxsize=3)
def _photographs(split: str) -> list[NDArray[np.uint8]]:
    """The split's photographs ``(height, width, 3)``."""
    import skimage
    import sklearn
    from PIL import Image

    folders = (
        Path(skimage.__file__).parent / "data",
        Path(sklearn.__file__).parent / "datasets" / "images",
    )
    photographs = []
    for name in _PHOTOGRAPHS[split]:
        path = next(path for folder in folders for path in sorted(folder.glob(f"{name}.*")))
        with Image.open(path) as photograph:
            pixels = np.asarray(photograph.convert("RGB"))
            # Some values lose one by the way, as in the images of version 1.
            photographs.append(((pixels / 255).astype(np.float32) * 255).astype(np.uint8))
    return photographs


@lru_cache(maxsize=3)
def _digits(split: str) -> list[Floats32]:
    """By digit, its handwritten forms ``(forms, 8, 8)`` in the split, 0 to 1."""
    from sklearn.datasets import load_digits

    data = load_digits()
    which = np.random.default_rng(VERSION).choice(3, size=len(data.target), p=(0.6, 0.15, 0.25))
    mine = which == list(SIZES).index(split)
    forms = (data.images / 16).astype(np.float32)
    return [forms[mine & (data.target == digit)] for digit in range(10)]
