"""Telling once, from many images, which value is white in those of more than 8 bits."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from sedn.data.images.content import Content, FileContent
from sedn.data.images.decoding import open_image, read_header
from sedn.data.images.levels import (
    BITS,
    FULL,
    MOST_OF_14,
    SLACK,
    Depth,
    Levels,
    below_zero,
    dark_colours,
    shown_level,
    value_range,
)
from sedn.data.listing import Listing
from sedn.errors import Question, UserError

_HEADERS, _MOST_HEADERS = 400, 2000
"""So many images are opened; more while some but few have more than 8 bits."""
_HEADERS_OF_COLUMNS = 24
"""So many images in columns are opened, each of which is read whole."""
_LOOKS, _FEW = 48, 8
_PIXELS = 60_000_000
"""No more images are decoded once they have so many pixels together."""
_NEARLY_WHITE = 0.75
"""The greatest value of several images is above this share of white."""
_NEARLY_ALL = 99.5
"""Per cent of the pixels of an image."""
_NEARLY_BLACK = 1 / 16
"""Nearly all pixels of most images are above this share of white: else a few pixels may be of
another scale, such as a caption in white.
"""
_EIGHT_BITS = (".jpg", ".jpeg", ".jfif", ".jpe", ".webp", ".bmp", ".gif", ".avif", ".heic", ".heif",
               ".hif", ".tga", ".pbm")  # fmt: skip
"""Suffixes of files that never have more than 8 bits."""


@dataclass(frozen=True)
class _Look:
    """The depth and range of values of one image."""

    name: str
    depth: Depth
    least: float
    most: float
    bright: float
    """The value that nearly all pixels are below."""


def settle_levels(listing: Listing, white: float | None) -> Listing:
    """The listing that knows what is white in images of more than 8 bits, if it has any.

    Args:
        listing: of the data set.
        white: named by the description; overrides what the images show.

    Raises:
        UserError: such images may mean two things, or cannot be read by one rule.
    """
    if white is not None:
        levels: Levels | None = Levels(white, is_detected=False)
    else:
        levels = _decide([*_look(listing.images)], str(listing.source))
    if levels is None:
        return listing
    note = f"images: {levels.describe()}"
    return replace(
        listing,
        levels=levels,
        notes=listing.notes if levels == Levels(FULL) else (*listing.notes, note),
    )


def _look(images: Sequence[Content]) -> Iterator[_Look]:
    """Look at some of the images, by chance."""
    rows = [row for row, image in enumerate(images) if _may_be_deep(image)]
    in_files = bool(rows) and isinstance(images[rows[0]], FileContent)
    headers, most = (_HEADERS, _MOST_HEADERS) if in_files else (_HEADERS_OF_COLUMNS,) * 2
    chosen = np.random.default_rng(0).permutation(len(rows))[:most].tolist()
    # In columns those of one group are read together.
    chosen = chosen if in_files else sorted(chosen)
    looks = pixels = 0
    for number, index in enumerate(chosen):
        if number >= headers and not looks:
            return
        image = images[rows[index]]
        try:
            depth = read_header(image).depth
            if depth is None:
                continue
            opened = open_image(image)
        except (UserError, OSError):
            # A file that cannot be read is reported where it is decoded.
            continue
        yield _Look(image.name, depth, *value_range(opened, depth), _bright(opened, depth))
        looks, pixels = looks + 1, pixels + opened.width * opened.height
        if looks >= _LOOKS or (looks >= _FEW and pixels > _PIXELS):
            return


def _bright(image: Image.Image, depth: Depth) -> float:
    if depth == "colour":
        return float(np.percentile(np.asarray(image.convert("L")), _NEARLY_ALL) * 257)
    return float(np.nanpercentile(np.asarray(image, dtype=np.float64), _NEARLY_ALL))


def _may_be_deep(image: Content) -> bool:
    suffix = os.path.splitext(image.name)[1].lower()  # noqa: PTH122 (of very many)
    return not (isinstance(image, FileContent) and suffix in _EIGHT_BITS)


def _decide(looks: Sequence[_Look], where: str) -> Levels | None:
    most = max((look.most for look in looks), default=0.0)
    if most <= 0:
        return None
    depths = {look.depth for look in looks}
    if "real" in depths and len(depths) > 1:
        real = next(look.name for look in looks if look.depth == "real")
        raise UserError(f"{real}: holds floats, and other images whole numbers; save all alike")
    white = 1 if "real" in depths and most <= 1 + SLACK else next(
        (white for white in BITS if most <= white), FULL
    )  # fmt: skip
    lowest = min(looks, key=lambda look: look.least)
    if lowest.least < -SLACK * white:
        raise below_zero(lowest.name, lowest.least)
    if most > FULL * (1 + SLACK):
        raise Question(
            f"{where}: images with values up to {shown_level(most)}; say which value is white with "
            f"'white:' in data.yaml",
            [{"white": most}, {"white": FULL}],
        )
    bright = float(np.median([look.bright for look in looks if look.most > 0]))
    if white > 1 and bright < _NEARLY_BLACK * white:
        raise _nearly_black(looks, bright, white, where)
    if most > MOST_OF_14:
        _refuse_mixture(looks)
        return Levels(float(FULL))
    if "colour" in depths:
        raise dark_colours(next(look.name for look in looks if look.depth == "colour"))
    if white in (1, most) or (len(looks) >= _FEW and most >= _NEARLY_WHITE * white):
        return Levels(float(white))
    raise Question(
        f"{where}: images of 16 bits with no value above {shown_level(most)} (of {len(looks)} "
        f"looked at): they may use {BITS[white]} bits ('white: {white}'), or all 16 and be dark "
        f"('white: {FULL}'); 'white:' in data.yaml says which",
        [{"white": white}, {"white": FULL}],
    )


def _nearly_black(looks: Sequence[_Look], bright: float, white: float, where: str) -> Question:
    """The question where most images would be nearly black."""
    less = next(value for value in BITS if bright <= value)
    return Question(
        f"{where}: images with values up to {shown_level(max(look.most for look in looks))}, but "
        f"nearly all pixels of most are below {shown_level(bright)}: they may use {BITS[less]} "
        f"bits beside a few brighter pixels ('white: {less}'), or be dark ('white: {white}'); "
        f"'white:' in data.yaml says which",
        [{"white": less}, {"white": white}],
    )


def _refuse_mixture(looks: Sequence[_Look]) -> None:
    """Images of 16 bits beside several whose greatest value is just that of fewer bits."""
    for white, bits in BITS.items():
        full = [look.name for look in looks if look.most == white and look.depth == "whole"]
        if white < FULL and len(full) > max(1, len(looks) // 20):
            raise UserError(
                f"{full[0]}: uses {bits} bits of 16, as some images do, and others use all; scale "
                f"all alike, or say what is white with 'white: {FULL}' in data.yaml"
            )
