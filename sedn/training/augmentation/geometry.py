"""Where each pixel of a batch comes from: image, map and mask move as one.

What moves by whole pixels is copied exactly; all else is composed into one affine matrix for each
image and resampled once. What comes in at an edge repeats the pixels of that edge, in the image as
in the map.
"""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from sedn.config import AugmentationConfig
from sedn.training.augmentation.batch import Batch, as_fraction, change_planes, draw
from sedn.training.augmentation.rectangle import random_sides

CROP_RATIOS = (3 / 4, 4 / 3)

# So many images at a time stay in the cache of a processor, and what lies between bytes and the
# resampled images takes no fresh memory: twice as fast as a whole batch of 224 x 224 pixels.
_AT_ONCE = 16


def move(batch: Batch, flip: bool, shift: float, generator: Generator) -> Batch:
    """Mirror each image left to right with chance 1/2 if ``flip``, then displace it.

    The displacement is a whole number of pixels, uniform up to ``shift`` of the side along each
    axis.
    """
    size, _, height, width = batch.images.shape
    device = batch.images.device
    down, right, mirrored = draw(3, size, generator).to(device)[..., None]
    rows = torch.arange(height, device=device) - _displacement(down, shift, height)
    columns = torch.arange(width, device=device) - _displacement(right, shift, width)
    rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    if flip:
        columns = torch.where(mirrored < 0.5, width - 1 - columns, columns)
    source = (rows[:, :, None] * width + columns[:, None, :]).flatten(1)[:, None]

    def moved(planes: Tensor) -> Tensor:
        index = source.expand(-1, planes.shape[1], -1)
        return planes.flatten(2).gather(2, index).view_as(planes)

    return change_planes(batch, moved)


def random_affine(
    config: AugmentationConfig, shape: tuple[int, int, int], generator: Generator
) -> Tensor:
    """Random crop, then flip, then rotation, zoom, shear and shift, as one matrix for each image.

    Args:
        config: the strengths; with all of them off the matrices are those of the identity.
        shape: images, and height and width of each in pixels.
        generator: what is drawn from; the matrices lie on its device.

    Returns:
        ``(batch, 3, 3)``: takes a point ``(x, y, 1)`` of the new image to where it comes from, in
        pixels from the centre of the image, x to the right and y down.
    """
    size, height, width = shape
    area, ratio, *place = draw(4, size, generator)
    high, wide = random_sides(torch.stack([area, ratio]), (config.crop_scale, 1.0), CROP_RATIOS)
    down, right = ((number - 0.5) * (1 - side) for number, side in zip(place, (high, wide)))
    mirrored, angle, zoom, *shears, lower, further = draw(7, size, generator) * 2 - 1
    side = torch.where(mirrored < 0, -1.0, 1.0) if config.horizontal_flip else torch.ones_like(high)
    factor = (-zoom * math.log1p(config.scale)).exp()
    across, along = (torch.deg2rad(number * config.shear).tan() for number in shears)
    return (
        matrix(xx=wide * side, yy=high, x=right * width, y=down * height)
        @ rotation(torch.deg2rad(angle * config.rotation))
        @ matrix(xx=factor, xy=across * factor, yx=along * factor, yy=factor)
        @ matrix(x=further * config.shift * width, y=lower * config.shift * height)
    )
