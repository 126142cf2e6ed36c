"""Random erasing."""

import torch
from torch import Generator, Tensor

from sedn.training.inputs.augmentation.batch import draw, send
from sedn.training.inputs.augmentation.rectangle import inside, random_sides

AREAS = (0.02, 1 / 3)
RATIOS = (0.3, 1 / 0.3)


def erase(images: Tensor, share: float, generator: Generator) -> Tensor:
    """Fill a rectangle in a share of ``images`` (batch, 3, H, W) with the image's mean colour.

    Zhong et al., arXiv 1708.04896, with its areas and aspect ratios. The maps stay as they are: a
    region that is erased is still there, but hidden, as it would be behind another thing.
    """
    numbers = send(draw(5, len(images), generator), images.device)
    sides = random_sides(numbers[:2], AREAS, RATIOS) * (numbers[2] < share)
    centre = sides / 2 + numbers[3:] * (1 - sides)
    erased = inside(centre, sides, *images.shape[2:])
    return torch.where(erased, images.mean((2, 3), keepdim=True), images)
