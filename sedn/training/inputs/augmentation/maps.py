"""Augmentation of the maps that the network sees, while images and masks stay."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from sedn.config import MapConfig
from sedn.training.inputs.augmentation.batch import Batch, choose, send


def perturb_maps(batch: Batch, config: MapConfig, generator: Generator) -> Batch:
    """Roughen and withhold the maps that the network sees; images and masks stay as they are.

    A map that is withheld (``config.dropout``) is zero and no longer known, just as that of an
    image without one.
    """
    if config.noise > 0:
        batch = replace(batch, maps=roughen(batch.maps, config.noise, generator))
    if config.dropout > 0:
        kept = ~choose(batch.known, config.dropout, generator)
        maps = batch.maps * kept[:, None, None, None]
        batch = replace(batch, maps=maps, known=batch.known & kept)
    return batch


def roughen(maps: Tensor, share: float, generator: Generator) -> Tensor:
    """Dilate, erode or blur a share of ``maps`` (batch, regions, H, W), by a random radius.

    The radius is up to 1/32 of the side and at least 2 pixels at its most: so many times a map is
    replaced by the greatest, the least or the mean value of each 3 x 3 neighbourhood.
    """
    limit = max(2, min(maps.shape[2:]) // 32)
    drawn = torch.rand((3, len(maps), 1, 1, 1), generator=generator, device=generator.device)
    chosen, kind, radius = send(drawn, maps.device)
    steps = torch.where(chosen < share, 1 + (radius * limit).long(), 0)
    for step in range(1, limit + 1):
        greatest = F.max_pool2d(maps, 3, stride=1, padding=1)
        least = -F.max_pool2d(-maps, 3, stride=1, padding=1)
        mean = F.avg_pool2d(maps, 3, stride=1, padding=1, count_include_pad=False)
        rough = torch.where(kind < 1 / 3, greatest, torch.where(kind < 2 / 3, least, mean))
        maps = torch.where(step <= steps, rough, maps)
    return maps
