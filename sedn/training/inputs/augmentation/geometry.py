"""Geometric augmentation: image, map and mask move as one.

What moves by whole pixels is copied exactly; all else is composed into one affine matrix for each
image and resampled once. What comes in at an edge repeats the pixels of that edge, in the image as
in the map.
"""

import math
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from sedn.config import AugmentationConfig
from sedn.training.inputs.augmentation.batch import (
    Batch,
    as_fraction,
    change_planes,
    draw,
    parts,
    room_for,
    send,
)
from sedn.training.inputs.augmentation.rectangle import random_sides

CROP_RATIOS = (3 / 4, 4 / 3)

_ENTRIES = {"xx": (0, 0), "xy": (0, 1), "x": (0, 2), "yx": (1, 0), "yy": (1, 1), "y": (1, 2)}


def move(batch: Batch, flip: bool, shift: float, generator: Generator) -> Batch:
    """Mirror each image left to right with chance 1/2 if ``flip``, then displace it.

    The displacement is a whole number of pixels, uniform up to ``shift`` of the side along each
    axis.
    """
    size, _, height, width = batch.images.shape
    device = batch.images.device
    down, right, mirrored = send(draw(3, size, generator), device)[..., None]
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
    numbers = draw(4, size, generator)
    sides = random_sides(numbers[:2], (config.crop_scale, 1.0), CROP_RATIOS)
    (high, wide), (down, right) = sides, (numbers[2:] - 0.5) * (1 - sides)
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


def resample(batch: Batch, source: Tensor) -> Batch:
    """Take every pixel from where ``source`` (batch, 3, 3) says, between pixels bilinearly.

    ``source`` is as :func:`random_affine` returns it. Bytes become fractions.
    """
    source = send(source, batch.images.device)
    maps = _resampled(batch.maps, source, batch.known)
    shared = batch.masks is batch.maps
    masks = maps if shared else _resampled(batch.masks, source, batch.masks_known)
    return replace(batch, images=_resampled(batch.images, source), maps=maps, masks=masks)


def matrix(**entries: Tensor) -> Tensor:
    """``(batch, 3, 3)``: that of the identity but for ``entries`` (batch,).

    The new ``x`` is ``xx`` times the old one plus ``xy`` times the old y plus ``x``; y likewise.
    """
    some = next(iter(entries.values()))
    result = torch.eye(3, device=some.device).repeat(len(some), 1, 1)
    for name, values in entries.items():
        row, column = _ENTRIES[name]
        result[:, row, column] = values
    return result


def rotation(angle: Tensor) -> Tensor:
    """``(batch, 3, 3)``: rotates points by ``angle`` (batch,), in radians, from x towards y."""
    return matrix(xx=angle.cos(), xy=-angle.sin(), yx=angle.sin(), yy=angle.cos())


def _resampled(planes: Tensor, source: Tensor, known: Tensor | None = None) -> Tensor:
    # Many a data set has no maps, which are zero then. An accelerator would have to be asked.
    if known is not None and known.device.type == "cpu" and not known.any():
        return torch.zeros(planes.shape)
    result = room_for(planes)
    for part in parts(planes):
        grid = _grid(source[part], *planes.shape[2:])
        result[part] = F.grid_sample(
            as_fraction(planes[part]), grid, padding_mode="border", align_corners=False
        )
    return result


def _grid(source: Tensor, height: int, width: int) -> Tensor:
    """``(batch, H, W, 2)``: where each pixel comes from, x and y from -1 to 1."""
    x = torch.arange(width, device=source.device) + (1 - width) / 2
    y = torch.arange(height, device=source.device) + (1 - height) / 2
    half = send(torch.tensor([width / 2, height / 2]), source.device)
    linear = source[:, :2] / half[:, None]
    by_column = linear[:, :, :1] * x + linear[:, :, 2:]
    by_row = linear[:, :, 1:2] * y
    return (by_column[:, :, None, :] + by_row[:, :, :, None]).permute(0, 2, 3, 1)


def _displacement(uniform: Tensor, shift: float, side: int) -> Tensor:
    """A whole number of pixels, each of ``-shift * side`` to ``shift * side`` as likely."""
    limit = int(shift * side)
    return (uniform * (2 * limit + 1)).long() - limit
