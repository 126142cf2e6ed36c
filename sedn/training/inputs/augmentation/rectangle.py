"""Rectangles of random size and place, in shares of the sides of the image."""

import math

import torch
from torch import Tensor


def random_sides(
    uniform: Tensor, areas: tuple[float, float], ratios: tuple[float, float]
) -> Tensor:
    """Height and width ``(2, batch)`` of rectangles that fit, from uniform numbers ``(2, batch)``.

    The area is uniform in ``areas``; the logarithm of width over height is uniform in ``ratios``,
    or in that part of it in which a rectangle of such an area fits.
    """
    area = areas[0] + (areas[1] - areas[0]) * uniform[0]
    fitting = -area.log()
    low = torch.maximum(-fitting, torch.full_like(area, math.log(ratios[0])))
    high = torch.minimum(fitting, torch.full_like(area, math.log(ratios[1])))
    half = (low + (high - low) * uniform[1]) / 2
    return area.sqrt() * torch.stack([(-half).exp(), half.exp()])


def inside(centre: Tensor, sides: Tensor, height: int, width: int) -> Tensor:
    """``(batch, 1, H, W)``, bool: the pixels in rectangles of ``centre`` and ``sides``.

    Both are ``(2, batch)``, vertical before horizontal; what lies beyond the image is cut off.
    """
    rows = (torch.arange(height, device=centre.device) + 0.5) / height
    columns = (torch.arange(width, device=centre.device) + 0.5) / width
    low, high = (centre - sides / 2)[..., None], (centre + sides / 2)[..., None]
    vertical = (low[0] <= rows) & (rows < high[0])
    horizontal = (low[1] <= columns) & (columns < high[1])
    return (vertical[:, :, None] & horizontal[:, None, :])[:, None]
