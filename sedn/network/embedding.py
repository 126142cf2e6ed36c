"""The embedding of a semantic map in a stage of the backbone.

With stage output ``x`` and encoded map ``m``, the fusions are

    scale_shift   x * (1 + s(m)) + t(m)     (feature-wise modulation, arXiv 1709.07871, per pixel)
    concat        x + W [x, m]
    add           x + W m
    gate          x * 2 sigmoid(W m)

where ``s``, ``t`` and ``W`` are 1x1 convolutions that start at zero: at first every fusion
returns ``x``, so a pretrained backbone begins as what it was.
"""

from collections.abc import Callable
from typing import Any, Literal

import torch
import torch.nn.functional as F
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.std_conv import ScaledStdConv2dSame, StdConv2dSame
from torch import Tensor, nn

FusionKind = Literal["scale_shift", "concat", "add", "gate"]
Layer = Callable[[Tensor], Tensor]


class Embedding(nn.Module):
    """Encodes the map at the stage's size and fuses it with the stage."""

    def __init__(self, kind: FusionKind, regions: int, width: int, channels: int) -> None:
        super().__init__()
        self.encode = nn.Sequential(nn.Conv2d(regions, width, 3, padding=1), nn.SiLU())
        inputs, outputs = {
            "scale_shift": (width, 2 * channels),
            "concat": (channels + width, channels),
            "add": (width, channels),
            "gate": (width, channels),
        }[kind]
        self.last = zero(nn.Conv2d(inputs, outputs, 1))
        self.fuse = _FUSIONS[kind]

    def forward(self, x: Tensor, maps: Tensor) -> Tensor:
        """Fuse ``x`` (B, C, h, w) with ``maps`` (B, K, H, W) of any size."""
        m: Tensor = self.encode(resize(maps, x))
        return self.fuse(x, m, self.last)


class InputChannels(nn.Module):
    """The map as further channels of the image.

    A convolution over image and map is the sum of one over the image, which the backbone has,
    and one over the map, which is this: the same geometry, weights that start at zero.
    """

    def __init__(self, first: nn.Conv2d, regions: int) -> None:
        super().__init__()
        padded_by_input = isinstance(first, Conv2dSame | StdConv2dSame | ScaledStdConv2dSame)
        kind = Conv2dSame if padded_by_input else nn.Conv2d
        geometry: dict[str, Any] = {
            name: getattr(first, name) for name in ("kernel_size", "stride", "padding", "dilation")
        }
        self.last = zero(kind(regions, first.out_channels, **geometry, bias=False))

    def forward(self, image: Tensor, output: Tensor, maps: Tensor) -> Tensor:
        """Add the map's share to the ``output`` of the first convolution over ``image``."""
        shifted: Tensor = output + self.last(resize(maps, image))
        return shifted


def resize(maps: Tensor, like: Tensor) -> Tensor:
    """Average the maps over the pixels of ``like`` (area resampling)."""
    height, width = like.shape[-2:]
    same = maps.shape[-2:] == (height, width)
    return maps if same else F.adaptive_avg_pool2d(maps, (height, width))


def zero(layer: nn.Conv2d) -> nn.Conv2d:
    """Set weight and bias to zero."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _scale_shift(x: Tensor, m: Tensor, last: Layer) -> Tensor:
    s, t = last(m).chunk(2, dim=1)
    return x * (1 + s) + t


def _concat(x: Tensor, m: Tensor, last: Layer) -> Tensor:
    return x + last(torch.cat([x, m], dim=1))


def _add(x: Tensor, m: Tensor, last: Layer) -> Tensor:
    return x + last(m)


def _gate(x: Tensor, m: Tensor, last: Layer) -> Tensor:
    return x * 2 * last(m).sigmoid()


_FUSIONS: dict[str, Callable[[Tensor, Tensor, Layer], Tensor]] = {
    "scale_shift": _scale_shift,
    "concat": _concat,
    "add": _add,
    "gate": _gate,
}
