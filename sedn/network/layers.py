"""Layers that what is added to a backbone is made of."""

from collections.abc import Sequence
from typing import TypeVar

import torch.nn.functional as F
from torch import Tensor, nn

Linear = TypeVar("Linear", nn.Conv2d, nn.Linear)


def resize(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Average the maps over ``size`` (height, width): area resampling."""
    height, width = size
    same = maps.shape[-2:] == (height, width)
    return maps if same else F.adaptive_avg_pool2d(maps, (height, width))


def interpolate(planes: Tensor, size: Sequence[int]) -> Tensor:
    """Bring planes (B, C, H, W) to ``size`` (height, width) by antialiased bilinear resampling."""
    if tuple(planes.shape[2:]) == tuple(size):
        return planes
    return F.interpolate(planes, tuple(size), mode="bilinear", antialias=True)


def zero(layer: Linear) -> Linear:
    """Set weight and bias to zero."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def map_encoder(regions: int, width: int) -> nn.Module:
    """Create the module that encodes maps of ``regions`` in ``width`` channels, size kept."""
    return nn.Sequential(nn.Conv2d(regions, width, 3, padding=1), nn.SiLU())
