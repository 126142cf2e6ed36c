"""Random changes of a batch of training images and of their semantic maps, on the device.

All images of a batch are changed at once, without a loop over them. Every random number is drawn
from the one generator that is given, on that generator's device: with a generator of the CPU a
batch is changed alike wherever it lies. A change that is off returns the batch as it is.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from sedn.config import AugmentationConfig, MapConfig


@dataclass(frozen=True)
class Batch:
    """Images, and what is known of where their regions lie."""

    images: Tensor
    """``(batch, 3, H, W)``, 0 to 1."""
    maps: Tensor
    """``(batch, regions, H, W)``, 0 to 1: the semantic maps that the network is to see."""
    known: Tensor
    """``(batch,)``, bool: whether the map of an image is known; where not, it is zero."""
    masks: Tensor
    """``(batch, regions, H, W)``, 0 to 1: the data set's own masks, whatever ``maps`` holds."""
    masks_known: Tensor
    """``(batch,)``, bool: whether the data set has a mask of an image."""


def augment(batch: Batch, config: AugmentationConfig, generator: Generator) -> Batch:
    """Swap backgrounds, flip and shift; an image, its map and its mask move as one."""
    if config.background_swap > 0:
        batch = swap_backgrounds(batch, config.background_swap, generator)
    if config.horizontal_flip or config.shift > 0:
        batch = move(batch, config.horizontal_flip, config.shift, generator)
    return batch


def perturb_maps(batch: Batch, config: MapConfig, generator: Generator) -> Batch:
    """Roughen and withhold the maps that the network sees; images and masks stay as they are.

    A map that is withheld (``config.dropout``) is zero and no longer known, just as that of an
    image without one.
    """
    if config.noise > 0:
        batch = replace(batch, maps=roughen(batch.maps, config.noise, generator))
    if config.dropout > 0:
        kept = ~_chosen(batch.known, config.dropout, generator)
        maps = batch.maps * kept[:, None, None, None]
        batch = replace(batch, maps=maps, known=batch.known & kept)
    return batch


def swap_backgrounds(batch: Batch, share: float, generator: Generator) -> Batch:
    """Put what lies outside the regions of a share of the images on that of another image.

    The other image, of the same batch, is taken whole, regions included, so a swapped image may
    show in its background what its labels do not name. The regions' own pixels stay untouched; a
    seam of one pixel around them is mixed. An image whose mask is unknown or empty stays as it is.
    """
    images, size = batch.images, len(batch.images)
    if size < 2:
        return batch
    region = batch.masks.amax(dim=1, keepdim=True)
    chosen = _chosen(batch.masks_known, share, generator)
    chosen &= batch.masks_known & (region.amax(dim=(1, 2, 3)) > 0)
    step = 1 + torch.randint(size - 1, (size,), generator=generator, device=generator.device)
    other = (torch.arange(size, device=images.device) + step.to(images.device)) % size
    seam = F.avg_pool2d(region, 3, stride=1, padding=1, count_include_pad=False)
    cover = torch.maximum(region, seam)
    swapped = cover * images + (1 - cover) * images[other]
    return replace(batch, images=torch.where(chosen[:, None, None, None], swapped, images))


def move(batch: Batch, flip: bool, shift: float, generator: Generator) -> Batch:
    """Mirror each image left to right with chance 1/2 if ``flip``, then displace it.

    The displacement is a whole number of pixels, uniform up to ``shift`` of the side along each
    axis; what comes in at an edge repeats the pixels of that edge.
    """
    size, _, height, width = batch.images.shape
    device = batch.images.device
    down, right, mirrored = torch.rand(
        (3, size, 1), generator=generator, device=generator.device
    ).to(device)
    rows = torch.arange(height, device=device) - _displacement(down, shift, height)
    columns = torch.arange(width, device=device) - _displacement(right, shift, width)
    rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    if flip:
        columns = torch.where(mirrored < 0.5, width - 1 - columns, columns)
    source = (rows[:, :, None] * width + columns[:, None, :]).flatten(1)[:, None]

    def moved(planes: Tensor) -> Tensor:
        index = source.expand(-1, planes.shape[1], -1)
        return planes.flatten(2).gather(2, index).view_as(planes)

    maps = moved(batch.maps)
    masks = maps if batch.masks is batch.maps else moved(batch.masks)
    return replace(batch, images=moved(batch.images), maps=maps, masks=masks)


def roughen(maps: Tensor, share: float, generator: Generator) -> Tensor:
    """Dilate, erode or blur a share of ``maps`` (batch, regions, H, W), by a random radius.

    The radius is up to 1/32 of the side and at least 2 pixels at its most: so many times a map is
    replaced by the greatest, the least or the mean value of each 3 x 3 neighbourhood.
    """
    limit = max(2, min(maps.shape[2:]) // 32)
    chosen, kind, radius = torch.rand(
        (3, len(maps), 1, 1, 1), generator=generator, device=generator.device
    ).to(maps.device)
    steps = torch.where(chosen < share, 1 + (radius * limit).long(), 0)
    for step in range(1, limit + 1):
        greatest = F.max_pool2d(maps, 3, stride=1, padding=1)
        least = -F.max_pool2d(-maps, 3, stride=1, padding=1)
        mean = F.avg_pool2d(maps, 3, stride=1, padding=1, count_include_pad=False)
        rough = torch.where(kind < 1 / 3, greatest, torch.where(kind < 2 / 3, least, mean))
        maps = torch.where(step <= steps, rough, maps)
    return maps


def _displacement(uniform: Tensor, shift: float, side: int) -> Tensor:
    """A whole number of pixels, each of ``-shift * side`` to ``shift * side`` as likely."""
    limit = int(shift * side)
    return (uniform * (2 * limit + 1)).long() - limit


def _chosen(like: Tensor, share: float, generator: Generator) -> Tensor:
    """``(batch,)``, bool: each image with chance ``share``, on the device of ``like``."""
    uniform = torch.rand(len(like), generator=generator, device=generator.device)
    return (uniform < share).to(like.device)
