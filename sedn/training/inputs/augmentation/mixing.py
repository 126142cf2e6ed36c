"""Mixing of the images of a batch: backgrounds, and parts of all images."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from scipy.special import betaincinv
from torch import Generator, Tensor

from sedn.config import AugmentationConfig
from sedn.training.inputs.augmentation.batch import Batch, choose, draw, others, send
from sedn.training.inputs.augmentation.rectangle import inside


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
    chosen = choose(batch.masks_known, share, generator)
    chosen &= batch.masks_known & (region.amax(dim=(1, 2, 3)) > 0)
    other = send(others(size, generator), images.device)
    seam = F.avg_pool2d(region, 3, stride=1, padding=1, count_include_pad=False)
    cover = torch.maximum(region, seam)
    swapped = cover * images + (1 - cover) * images[other]
    return replace(batch, images=torch.where(chosen[:, None, None, None], swapped, images))


def mix(
    batch: Batch, targets: Tensor, config: AugmentationConfig, generator: Generator
) -> tuple[Batch, Tensor]:
    """Mix each image with another of the batch, and map, mask and targets in the same shares.

    By mixup (Zhang et al., arXiv 1710.09412) both show through each other, by CutMix (Yun et al.,
    arXiv 1905.04899) a rectangle of the other covers the one; where both are on, each image takes
    either with chance 1/2. ``targets`` (batch, labels) become soft: by the share of each image, in
    CutMix that of its area. What is unknown of either of two images that both have a share is
    unknown of the mixture: its target is NaN, its map zero and not known.
    """
    size, _, height, width = batch.images.shape
    if size < 2 or (config.mixup == 0 and config.cutmix == 0):
        return batch, targets
    device = batch.images.device
    uniform = draw(4, size, generator)
    cut = uniform[1] < 0.5 if config.mixup > 0 else torch.ones_like(uniform[1]).bool()
    cut = cut if config.cutmix > 0 else torch.zeros_like(cut)
    own = torch.where(cut, _beta(uniform[0], config.cutmix), _beta(uniform[0], config.mixup))
    other = send(others(size, generator), device)
    cut, own, centre = send(cut, device), send(own, device), send(uniform[2:], device)
    weight = own[:, None, None, None]
    if config.cutmix > 0:
        covered = inside(centre, (1 - own).sqrt().expand(2, -1), height, width)
        weight = torch.where(cut[:, None, None, None], (~covered).float(), weight)
    share = weight.mean((1, 2, 3))
    maps, known = _mix_maps(batch.maps, batch.known, other, weight, share)
    if batch.masks is batch.maps:
        masks, masks_known = maps, known
    else:
        masks, masks_known = _mix_maps(batch.masks, batch.masks_known, other, weight, share)
    images = torch.lerp(batch.images[other], batch.images, weight)
    mixed = Batch(images, maps, known, masks, masks_known)
    return mixed, _mix_targets(targets, other, share[:, None])


def _mix_maps(
    maps: Tensor, known: Tensor, other: Tensor, weight: Tensor, share: Tensor
) -> tuple[Tensor, Tensor]:
    both = (known | (share == 0)) & (known[other] | (share == 1))
    mixed = torch.lerp(maps[other], maps, weight.expand_as(maps))
    return mixed * both[:, None, None, None], both


def _mix_targets(targets: Tensor, other: Tensor, share: Tensor) -> Tensor:
    mixed = share * targets + (1 - share) * targets[other]
    mixed = torch.where(share == 1, targets, mixed)
    return torch.where(share == 0, targets[other], mixed)


def _beta(uniform: Tensor, alpha: float) -> Tensor:
    """Numbers of the symmetric Beta distribution from uniform ones; 1 where ``alpha`` is 0."""
    if alpha == 0:
        return torch.ones_like(uniform)
    quantile = betaincinv(alpha, alpha, uniform.double().cpu().numpy())
    return torch.from_numpy(quantile).to(uniform)
