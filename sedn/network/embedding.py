"""The embedding of a semantic map in a stage of the backbone.

With stage output ``x`` and encoded map ``m``, the fusions are

    scale_shift      x * (1 + s(m)) + t(m)    (feature-wise modulation, arXiv 1709.07871, per pixel)
    concat           x + W [x, m]
    add              x + W m
    gate             x * 2 sigmoid(W m)
    cross_attention  x + W attention(x, m)    (pixels of the stage ask, an 8x8 map answers)

where ``s``, ``t`` and ``W`` are linear in the channels and start at zero: at first every fusion
returns ``x``, so a pretrained backbone begins as what it was.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.std_conv import ScaledStdConv2dSame, StdConv2dSame
from torch import Tensor, nn

from sedn.config import Fusion

Linear = TypeVar("Linear", nn.Conv2d, nn.Linear)

KEYS = 8
"""Side of the map that cross-attention reads. 64 keys tell where the regions are; as many as the
largest stage has pixels (3136 at 224 px) would cost millions of scores for each image and head."""


def create_embedding(kind: Fusion, regions: int, width: int, channels: int) -> nn.Module:
    """What fuses a stage of ``channels`` with maps of ``regions``, encoded in ``width`` channels.

    The module takes the stage (B, C, h, w) and the maps (B, K, H, W), of any size, and keeps the
    shape of the stage.
    """
    if kind == "none":
        return NoEmbedding()
    if kind == "cross_attention":
        return CrossAttention(regions, width, channels)
    return Embedding(kind, regions, width, channels)


class NoEmbedding(nn.Module):
    """The stage as it is: a control, in which the attention alone acts."""

    def forward(self, x: Tensor, maps: Tensor) -> Tensor:
        """Return ``x``."""
        return x


class Embedding(nn.Module):
    """Encodes the map at the stage's size and fuses it with the stage, pixel by pixel."""

    def __init__(self, kind: Fusion, regions: int, width: int, channels: int) -> None:
        super().__init__()
        self.encode = _encoder(regions, width)
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
        m: Tensor = self.encode(resize(maps, x.shape[-2:]))
        return self.fuse(x, m, self.last)


class CrossAttention(nn.Module):
    """Every pixel of the stage attends to the encoded map, pooled to 8x8 (arXiv 1706.03762)."""

    def __init__(self, regions: int, width: int, channels: int) -> None:
        super().__init__()
        self.encode = _encoder(regions, width)
        self.position = nn.Parameter(0.02 * torch.randn(width, KEYS, KEYS))
        self.norm = nn.LayerNorm(channels)
        heads = max(n for n in (1, 2, 4, 8) if channels % n == 0)
        self.attend = nn.MultiheadAttention(
            channels, heads, kdim=width, vdim=width, batch_first=True
        )
        zero(self.attend.out_proj)

    def no_weight_decay(self) -> set[str]:
        """The position table is an input, and no weight."""
        return {"position"}

    def forward(self, x: Tensor, maps: Tensor) -> Tensor:
        """Add to ``x`` (B, C, h, w) what it finds in ``maps`` (B, K, H, W) of any size."""
        encoded: Tensor = self.encode(resize(maps, (KEYS, KEYS))) + self.position
        keys = encoded.flatten(2).transpose(1, 2)
        queries = self.norm(x.flatten(2).transpose(1, 2))
        found: Tensor = self.attend(queries, keys, keys, need_weights=False)[0]
        return x + found.transpose(1, 2).reshape(x.shape)


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
        shifted: Tensor = output + self.last(resize(maps, image.shape[-2:]))
        return shifted


def resize(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Average the maps over ``size`` (height, width): area resampling."""
    height, width = size
    same = maps.shape[-2:] == (height, width)
    return maps if same else F.adaptive_avg_pool2d(maps, (height, width))


def zero(layer: Linear) -> Linear:
    """Set weight and bias to zero."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _encoder(regions: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(regions, width, 3, padding=1), nn.SiLU())


def _scale_shift(x: Tensor, m: Tensor, last: nn.Conv2d) -> Tensor:
    # Two convolutions by halves of the weight: halves of one output would be copied backward.
    assert last.bias is not None
    s, t = (
        F.conv2d(m, weight, bias)
        for weight, bias in zip(last.weight.chunk(2), last.bias.chunk(2), strict=True)
    )
    return torch.addcmul(x + t, x, s)


def _concat(x: Tensor, m: Tensor, last: nn.Conv2d) -> Tensor:
    change: Tensor = last(torch.cat([x, m], dim=1))
    return x + change


def _add(x: Tensor, m: Tensor, last: nn.Conv2d) -> Tensor:
    change: Tensor = last(m)
    return x + change


def _gate(x: Tensor, m: Tensor, last: nn.Conv2d) -> Tensor:
    gate: Tensor = last(m).sigmoid()
    return x * 2 * gate


_FUSIONS: dict[str, Callable[[Tensor, Tensor, nn.Conv2d], Tensor]] = {
    "scale_shift": _scale_shift,
    "concat": _concat,
    "add": _add,
    "gate": _gate,
}
