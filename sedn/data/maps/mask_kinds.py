"""Reading masks of one region: by index, by strength, by colour or by opacity."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sedn.data.maps.mask_pixels import MaskPixels
from sedn.errors import UserError

Colour = tuple[int, int, int]
KindName = Literal["index", "strength", "colour", "alpha"]


@dataclass(frozen=True)
class MaskKind:
    """The way in which one region is read from a mask."""

    name: KindName
    full: float | None = None
    """Of ``index``: the only value beside 0, ``None`` if there are several. Of ``strength``: the
    value of a pixel that surely belongs to the region."""
    ignored: tuple[int | Colour, ...] = ()
    """Indices or colours that belong to no region."""
    by_palette: bool = False
    """Whether indices are those of a palette."""
    detected: bool = True
    """Whether the kind was detected from the files, so that a mask of another kind is refused."""

    def describe(self) -> str:
        """Describe the kind in a few words."""
        beside = "".join(f", {shown_value(value)} ignored" for value in self.ignored)
        if self.name == "index":
            few = "indices, all but 0 one region"
            if self.full is not None:
                few = f"0 and {self.full:g}" if self.full else "0 alone"
            return f"masks of {few}{beside}"
        texts = {
            "strength": f"masks of strengths from 0 to {self.full or 0:g}",
            "colour": "masks of colours, all but black one region",
            "alpha": "masks by opacity",
        }
        return texts[self.name] + beside

    def draw(self, mask: MaskPixels) -> NDArray[np.uint8]:
        """``(height, width)``: the region, 0 to 255.

        Raises:
            UserError: the mask is of another kind.
        """
        drawn = {
            "index": self._by_index,
            "strength": self._by_strength,
            "colour": self._by_colour,
            "alpha": self._by_alpha,
        }[self.name](mask)
        return drawn.astype(np.uint8)

    def _by_index(self, mask: MaskPixels) -> NDArray[Any]:
        values = mask.indices if self.by_palette else mask.greys
        if values is None:
            content = "no palette" if self.by_palette else "colours"
            raise UserError(
                f"{mask.name}: has {content}, and {_others(self)}; save all masks alike"
            )
        inside = values > 0
        for ignored in self.ignored:
            inside &= values != ignored
        strange = values[inside & (values != self.full)] if self.full is not None else []
        if self.full is None and self.detected:
            # Where no mask that was looked at had it, it may be the border or a class.
            strange = values[inside & ((values == 255) | (values == 65535))]
        if self.detected and len(strange):
            raise UserError(
                f"{mask.name}: has the value {strange[0]:g}, and {_others(self)}; 'ignore:' or "
                f"'map_kind:' in data.yaml says what it means"
            )
        return np.where(inside, 255, 0)

    def _by_strength(self, mask: MaskPixels) -> NDArray[Any]:
        values = mask.greys
        if values is None:
            raise UserError(f"{mask.name}: has colours, and {_others(self)}; save it in grey")
        full = self.full or 255
        if values.max(initial=0) > full:
            raise UserError(
                f"{mask.name}: has the value {values.max():g}, and {_others(self)}; save all alike"
            )
        return np.round(values.astype(np.float64).clip(0) * (255 / full))

    def _by_colour(self, mask: MaskPixels) -> NDArray[Any]:
        colours = mask.colours
        inside = colours.any(-1)
        for ignored in self.ignored:
            inside &= (colours != ignored).any(-1)
        return np.where(inside, 255, 0)

    def _by_alpha(self, mask: MaskPixels) -> NDArray[Any]:
        alpha = mask.alpha
        if alpha is None:
            raise UserError(f"{mask.name}: has no opacity, and {_others(self)}; save all alike")
        return alpha


def shown_value(value: int | Colour) -> str:
    """An index, or a colour as ``'#ff0000'``."""
    return f"{value}" if isinstance(value, int) else f"'#{bytes(value).hex()}'"


def _others(kind: MaskKind) -> str:
    return f"the others are {kind.describe()}"
