"""Changes of colour, each image by a strength of its own.

Every change takes images ``(batch, 3, H, W)``, 0 to 1, and returns new ones; a ``factor`` or the
like is ``(batch, 1, 1, 1)``. The definitions are those of torchvision for images in floating point.
"""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor
from torchvision.transforms.v2.functional import (  # type: ignore[import-untyped]
    rgb_to_grayscale,
)

from sedn.config import AugmentationConfig
from sedn.training.inputs.augmentation.batch import draw, parts, room_for, send


def jitter(images: Tensor, config: AugmentationConfig, generator: Generator) -> Tensor:
    """Change brightness, contrast, saturation and hue, in an order drawn for the batch.

    The factors of the first three are uniform from ``1 - strength`` to ``1 + strength``, the shift
    of the hue from ``-strength`` to ``strength``, as in torchvision's ``ColorJitter``.
    """
    changes = (adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue)
    strengths = (config.brightness, config.contrast, config.saturation, config.hue)
    order = torch.rand(len(changes), generator=generator, device=generator.device).argsort()
    uniform = 2 * draw(len(changes), len(images), generator) - 1
    factors = uniform * torch.tensor(strengths, device=uniform.device)[:, None]
    factors[:3] += 1
    factors = send(factors[..., None, None, None], images.device)
    on = [i for i in order.tolist() if strengths[i] > 0]
    result = room_for(images)
    for part in parts(images):
        changed = images[part]
        for i in on:
            changed = changes[i](changed, factors[i, part])
        result[part] = changed
    return result


def adjust_brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply by ``factor``."""
    return (images * factor).clamp_(0, 1)


def adjust_contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply the distance from the mean grey of the image by ``factor``."""
    return _away_from(rgb_to_grayscale(images).mean((2, 3), keepdim=True), images, factor)


def adjust_saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply the distance from the pixel's own grey by ``factor``."""
    return _away_from(rgb_to_grayscale(images), images, factor)


def adjust_sharpness(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply the distance from the smoothed image by ``factor``; the outermost pixels stay."""
    inner = images[:, :, 1:-1, 1:-1]
    smooth = (9 * F.avg_pool2d(images, 3, stride=1) + 4 * inner) / 13
    result = images.clone()
    result[:, :, 1:-1, 1:-1] = _away_from(smooth, inner, factor)
    return result


def adjust_hue(images: Tensor, shift: Tensor) -> Tensor:
    """Turn the hue by ``shift``, where 1 is the whole circle of colours."""
    value, least = images.amax(1, keepdim=True), images.amin(1, keepdim=True)
    chroma = value - least
    red, green, blue = images[:, 0:1], images[:, 1:2], images[:, 2:3]
    span = torch.where(chroma > 0, chroma, 1)
    hue = torch.where(
        value == red,
        (green - blue) / span,
        torch.where(value == green, 2 + (blue - red) / span, 4 + (red - green) / span),
    )
    # From hue to colour: https://en.wikipedia.org/wiki/HSL_and_HSV#HSV_to_RGB_alternative
    offset = send(torch.tensor([5.0, 3.0, 1.0]), images.device)[:, None, None]
    sextant = (hue + 6 * shift + offset) % 6
    return value - chroma * torch.minimum(sextant, 4 - sextant).clamp_(0, 1)


def posterize(images: Tensor, bits: Tensor) -> Tensor:
    """Keep the ``bits`` highest bits of each value."""
    levels = 2**bits
    return torch.minimum((images * levels).floor_(), levels - 1) / levels


def solarize(images: Tensor, threshold: Tensor) -> Tensor:
    """Invert the values from the threshold on."""
    return torch.where(images >= threshold, 1 - images, images)


def _away_from(origin: Tensor, images: Tensor, factor: Tensor) -> Tensor:
    return torch.lerp(origin.expand_as(images), images, factor).clamp_(0, 1)
