"""A stage as (batch, channels, height, width), whatever its place's layout, and back."""

from typing import Any

import torch
from torch import Tensor

from sedn.network.features import Place, stage_of


def feature_map(output: Any, place: Place) -> Tensor:
    """The stage (B, C, h, w) in the ``output`` of its module, tokens of class and register left
    out.
    """
    x = stage_of(output, place)
    if place.layout == "NCHW":
        return x
    if place.layout == "NHWC":
        return x.permute(0, 3, 1, 2)
    patches = x[:, place.prefix :]
    if place.order:
        patches = patches[:, torch.tensor(place.order, device=x.device)]
    return patches.transpose(1, 2).reshape(x.shape[0], place.channels, *place.grid)


def replace_feature_map(output: Any, place: Place, changed: Tensor) -> Any:
    """The ``output`` of the module with ``changed`` (B, C, h, w) in place of the stage; all else
    is as it was.
    """
    x = _laid_out(stage_of(output, place), place, changed)
    if place.element is None:
        return x
    items = list(output)
    items[place.element] = x
    return type(output)(items)


def _laid_out(x: Tensor, place: Place, changed: Tensor) -> Tensor:
    if place.layout == "NCHW":
        return changed
    if place.layout == "NHWC":
        return changed.permute(0, 2, 3, 1)
    patches = changed.flatten(2).transpose(1, 2)
    if place.order:
        patches = patches[:, torch.tensor(place.order, device=x.device).argsort()]
    return torch.cat([x[:, : place.prefix], patches], dim=1) if place.prefix else patches
