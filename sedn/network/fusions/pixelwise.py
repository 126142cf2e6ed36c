"""Fusions that work pixel by pixel, by a linear layer that starts at zero.

With stage output ``x`` and encoded map ``m``, each returns ``x`` at first, so a pretrained backbone
begins as what it was.
"""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sedn.network.layers import map_encoder, resize, zero


class PixelFusion(nn.Module, ABC):
    """Encodes the map at the stage's size; subclasses fuse it with the stage.

    Args:
        regions: channels of the map.
        width: channels of the encoded map.
        inputs: channels that ``last`` reads.
        outputs: channels that ``last`` gives.
    """

    def __init__(self, regions: int, width: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.encode = map_encoder(regions, width)
        self.last = zero(nn.Conv2d(inputs, outputs, 1))

    def forward(self, x: Tensor, maps: Tensor) -> Tensor:
        """Fuse ``x`` (B, C, h, w) with ``maps`` (B, K, H, W) of any size."""
        return self.fuse(x, self.encode(resize(maps, x.shape[-2:])))

    @abstractmethod
    def fuse(self, x: Tensor, m: Tensor) -> Tensor:
        """Fuse ``x`` (B, C, h, w) with the encoded map ``m`` (B, width, h, w)."""


class ScaleShift(PixelFusion):
    """``x * (1 + s(m)) + t(m)``: feature-wise modulation (arXiv 1709.07871) per pixel."""

    def __init__(self, regions: int, width: int, channels: int) -> None:
        super().__init__(regions, width, width, 2 * channels)

    def fuse(self, x: Tensor, m: Tensor) -> Tensor:
        """Scale and shift ``x``."""
        # Two convolutions by halves of the weight: halves of one output would be copied backward.
        assert self.last.bias is not None
        s, t = (
            F.conv2d(m, weight, bias)
            for weight, bias in zip(self.last.weight.chunk(2), self.last.bias.chunk(2), strict=True)
        )
        return torch.addcmul(x + t, x, s)


class Concat(PixelFusion):
    """``x + W [x, m]``."""

    def __init__(self, regions: int, width: int, channels: int) -> None:
        super().__init__(regions, width, channels + width, channels)

    def fuse(self, x: Tensor, m: Tensor) -> Tensor:
        """Add a linear function of both to ``x``."""
        change: Tensor = self.last(torch.cat([x, m], dim=1))
        return x + change


class Add(PixelFusion):
    """``x + W m``."""

    def __init__(self, regions: int, width: int, channels: int) -> None:
        super().__init__(regions, width, width, channels)

    def fuse(self, x: Tensor, m: Tensor) -> Tensor:
        """Add a linear function of ``m`` to ``x``."""
        change: Tensor = self.last(m)
        return x + change


class Gate(PixelFusion):
    """``x * 2 sigmoid(W m)``."""

    def __init__(self, regions: int, width: int, channels: int) -> None:
        super().__init__(regions, width, width, channels)

    def fuse(self, x: Tensor, m: Tensor) -> Tensor:
        """Multiply ``x`` by a factor from 0 to 2."""
        gate: Tensor = self.last(m).sigmoid()
        return x * 2 * gate


class Focus(nn.Module):
    """``x * (1 + s (m - 1))``, a factor ``s`` for each channel and region, shared among regions.

    At first three quarters of what lies outside are left out, so this is no plain backbone; each
    channel then learns how far it leaves out what is outside. From a start that lets all of it in,
    a pretrained backbone learns the training images by heart, surroundings and all, before it has
    learned to look away from them.
    """

    START = 0.75

    def __init__(self, regions: int, width: int, channels: int) -> None:
        super().__init__()
        self.factors = nn.Conv2d(regions, channels, 1, bias=False)
        nn.init.constant_(self.factors.weight, self.START / regions)

    def forward(self, x: Tensor, maps: Tensor) -> Tensor:
        """Leave out of ``x`` (B, C, h, w) what is outside of ``maps`` (B, K, H, W), any size."""
        outside: Tensor = self.factors(resize(maps, x.shape[-2:]) - 1)
        return torch.addcmul(x, x, outside)
