"""The pixels of one mask: indices, greys, colours, or opacity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sedn.data.images.content import Content
from sedn.data.images.decoding import open_image, upright

Form = Literal["grey", "palette", "colour"]
_ROWS = 512
"""So many rows at most are looked at; of a mask with more, evenly spread ones."""
_LOSSY = ("JPEG", "MPO")


@dataclass(frozen=True)
class MaskPixels:
    """One mask, decoded and turned as its EXIF says."""

    name: str
    image: Image.Image
    lossy: bool
    """Whether its format changes values, as JPEG does."""

    @property
    def alpha(self) -> NDArray[np.uint8] | None:
        """``(height, width)``: how opaque each pixel is; ``None`` if the file does not say."""
        bands = self.image.getbands()
        if "A" in bands or "a" in bands or "transparency" in self.image.info:
            return np.asarray(self.image.convert("RGBA"))[..., 3]
        return None

    @property
    def indices(self) -> NDArray[Any] | None:
        """``(height, width)``: the palette's index; ``None`` without a palette."""
        if self.image.mode == "P":
            return np.asarray(self.image)
        return np.asarray(self.image)[..., 0] if self.image.mode == "PA" else None

    @property
    def greys(self) -> NDArray[Any] | None:
        """``(height, width)``: grey values; ``None`` of colours. Of a palette its colours."""
        mode = self.image.mode
        if mode in ("L", "1", "F") or mode.startswith("I"):
            values = np.asarray(self.image)
            return values.astype(np.uint8) if mode == "1" else values
        if mode in ("LA", "La"):
            return np.asarray(self.image)[..., 0]
        colours = self.colours
        return colours[..., 0] if (colours == colours[..., :1]).all() else None

    @property
    def colours(self) -> NDArray[np.uint8]:
        """``(height, width, 3)``: RGB, whatever the opacity."""
        image = self.image
        return np.asarray((image.convert("RGBA") if image.mode == "PA" else image).convert("RGB"))


def open_mask(content: Content) -> MaskPixels:
    """Decode a mask.

    Raises:
        UserError: the mask cannot be decoded.
    """
    image = open_image(content)
    return MaskPixels(content.name, upright(image), image.format in _LOSSY)


@dataclass(frozen=True)
class Look:
    """The evidence of one mask for the meaning of all masks; values of colours are ``0xRRGGBB``."""

    name: str
    form: Form
    values: frozenset[float]
    """Grey values, indices of the palette, or colours."""
    palette: dict[int, int]
    """The colour of each index in use."""
    flat: float
    """The share of the pixels, those of the least and the greatest value aside, that equal the next
    one to the right and the next one below: much in areas, little at soft edges and in photographs;
    NaN if there are none.
    """
    lossy: bool
    is_float: bool
    see_through: bool
    """Whether not all pixels are opaque."""
    plain_below: bool
    """Whether all opaque pixels have one colour."""
    alpha_is_colour: bool
    """Whether just those pixels that are not black are opaque."""


def look_at(mask: MaskPixels) -> Look:
    """Gather what tells the meaning of a mask."""
    indices, greys = mask.indices, mask.greys
    rows = _spread(mask.image.height)
    packed = _pack(mask.colours[rows])
    palette: dict[int, int] = {}
    form: Form
    if indices is not None:
        values, form = indices, "palette"
        palette = dict(zip(indices[rows].ravel().tolist(), packed.ravel().tolist(), strict=True))
    elif greys is not None:
        values, form = greys, "grey"
    else:
        values, form = packed, "colour"
    alpha = mask.alpha
    opaque = None if alpha is None else alpha[rows] > 127
    return Look(
        name=mask.name,
        form=form,
        values=frozenset(_different(values)),
        palette=palette,
        flat=_flat_share(values),
        lossy=mask.lossy,
        is_float=values.dtype.kind == "f",
        see_through=alpha is not None and bool((alpha < 255).any()),
        plain_below=opaque is None or len(_different(packed[opaque])) <= 1,
        alpha_is_colour=opaque is None or bool((opaque == (packed > 0)).mean() > 0.999),
    )


def pack_colour(colour: Sequence[int]) -> int:
    """``0xRRGGBB``."""
    return colour[0] << 16 | colour[1] << 8 | colour[2]


def _pack(colours: NDArray[np.uint8]) -> NDArray[np.int64]:
    wide = colours.astype(np.int64)
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]


def _spread(height: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, height - 1, min(height, _ROWS)).astype(np.int64))


def _different(values: NDArray[Any]) -> list[float]:
    if values.dtype.kind == "u" and values.dtype.itemsize <= 2:
        return [float(value) for value in np.flatnonzero(np.bincount(values.ravel()))]
    return [float(value) for value in np.unique(values)]


def _flat_share(values: NDArray[Any]) -> float:
    inner = (values > values.min()) & (values < values.max())
    inner = inner[:-1, :-1]
    if not inner.any():
        return float("nan")
    here = values[:-1, :-1]
    same = (here == values[:-1, 1:]) & (here == values[1:, :-1])
    return float(same[inner].mean())
