"""Drawing one card of ``digits-in-clutter``: a tilted patch with a pattern, digits in ink on it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sedn.arrays import Floats32

INKS = {
    "black": (0.08, 0.08, 0.10),
    "red": (0.75, 0.08, 0.10),
    "blue": (0.08, 0.15, 0.75),
    "green": (0.05, 0.45, 0.12),
}
PATTERNS = ("plain", "striped", "dotted", "checked")
_OPACITY = 0.85
_CONTRAST = 0.22
_PERIOD = 0.11


@dataclass(frozen=True)
class Card:
    """A patch in coordinates of the image's side: 0 is its top or left edge, 1 the other."""

    centre: tuple[float, float]
    half: tuple[float, float]
    """Half its height and half its width."""
    angle: float
    """Tilt in radians."""
    tint: tuple[float, ...]
    digits: tuple[int, ...]
    ink: str
    pattern: str

    def is_near(self, y: float, x: float, reach: float) -> bool:
        """Whether a circle of radius ``reach`` around a point all but meets that of the card."""
        distance = math.hypot(self.centre[0] - y, self.centre[1] - x)
        return distance < 0.85 * (math.hypot(*self.half) + reach)


def draw_card(
    canvas: Floats32, card: Card, digits: list[Floats32], rng: np.random.Generator
) -> Floats32:
    """Paint the card over ``canvas`` ``(size, size, 3)``, 0 to 1, in place.

    Returns:
        Its mask ``(size, size)``, 0 to 1, soft at the edges.
    """
    size = len(canvas)
    window = _window(card, size)
    part = canvas[window]
    down, along = _card_coordinates(card, window, size)
    inside = np.minimum(card.half[0] - np.abs(down), card.half[1] - np.abs(along))
    mask = np.clip(inside * size + 0.5, 0, 1)
    shade = 1 - _CONTRAST * _pattern(card.pattern, down, along, size)
    _blend(part, np.asarray(card.tint) * shade[..., None], _OPACITY * mask)
    for slot, digit in enumerate(card.digits):
        form = digits[digit][rng.integers(len(digits[digit]))]
        _blend(part, np.asarray(INKS[card.ink]), _ink(form, card, slot, down, along) * mask)
    whole = np.zeros((size, size), dtype=np.float32)
    whole[window] = mask
    return whole


def _window(card: Card, size: int) -> tuple[slice, slice]:
    """The pixels that the card can reach."""
    reach = float(np.hypot(*card.half)) + 1 / size
    edges = [(max(0.0, c - reach), min(1.0, c + reach)) for c in card.centre]
    rows, columns = (slice(int(low * size), int(np.ceil(high * size))) for low, high in edges)
    return rows, columns


def _card_coordinates(
    card: Card, window: tuple[slice, slice], size: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The coordinates of each pixel relative to the card's centre, along the card's edges."""
    grid = (np.arange(size) + 0.5) / size
    y, x = grid[window[0], None] - card.centre[0], grid[None, window[1]] - card.centre[1]
    cos, sin = np.cos(card.angle), np.sin(card.angle)
    return cos * y - sin * x, sin * y + cos * x


def _pattern(
    kind: str, down: NDArray[np.float64], along: NDArray[np.float64], size: int
) -> NDArray[np.float64]:
    """How dark the pattern is at each pixel, 0 to 1, its edges softened over a pixel."""
    waves = np.sin(2 * np.pi * down / _PERIOD), np.sin(2 * np.pi * along / _PERIOD)
    height = {
        "plain": np.full_like(down, -1.0),
        "striped": waves[0],
        "dotted": waves[0] + waves[1] - 0.9,
        "checked": 2 * waves[0] * waves[1],
    }[kind]
    return np.clip(0.5 + height * size * _PERIOD / 4, 0, 1)


def _ink(
    form: Floats32, card: Card, slot: int, down: NDArray[np.float64], along: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The opacity of a digit's ink: the digit's form, stretched over its share of the card's
    width.
    """
    from scipy.ndimage import map_coordinates

    share = 2 * card.half[1] / len(card.digits)
    side = min(1.7 * card.half[0], 1.05 * share)
    middle = -card.half[1] + (slot + 0.5) * share
    rows = (down / side + 0.5) * 8 - 0.5
    columns = ((along - middle) / side + 0.5) * 8 - 0.5
    sampled = map_coordinates(form, [rows, columns], order=1, mode="constant", prefilter=False)
    return np.asarray(np.clip(1.4 * sampled, 0, 1))


def _blend(canvas: Floats32, paint: NDArray[np.float64], opacity: NDArray[np.float64]) -> None:
    canvas += (opacity[..., None] * (paint - canvas)).astype(np.float32)
