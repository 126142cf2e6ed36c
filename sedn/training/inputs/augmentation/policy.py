"""Policies that pick changes by chance: TrivialAugment and RandAugment.

Operations and their magnitudes are those of torchvision's ``TrivialAugmentWide`` and
``RandAugment``. What moves pixels goes into the one matrix by which a batch is resampled; the
changes of colour follow, in the order drawn.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torchvision.transforms.v2.functional import (  # type: ignore[import-untyped]
    autocontrast,
    equalize,
)

from sedn.config import AugmentationConfig
from sedn.training.inputs.augmentation import colour
from sedn.training.inputs.augmentation.batch import send
from sedn.training.inputs.augmentation.geometry import matrix, rotation

BINS = 31
"""Magnitudes that a policy tells apart, from 0."""

COLOURS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "Brightness": lambda images, magnitude: colour.adjust_brightness(images, 1 + magnitude),
    "Color": lambda images, magnitude: colour.adjust_saturation(images, 1 + magnitude),
    "Contrast": lambda images, magnitude: colour.adjust_contrast(images, 1 + magnitude),
    "Sharpness": lambda images, magnitude: colour.adjust_sharpness(images, 1 + magnitude),
    "Posterize": colour.posterize,
    "Solarize": colour.solarize,
    "AutoContrast": lambda images, _: autocontrast(images),
    "Equalize": lambda images, _: equalize(images),
}
MOVES = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
OPERATIONS = ("Identity", *MOVES, *COLOURS)
SIGNED = (*MOVES, "Brightness", "Color", "Contrast", "Sharpness")


@dataclass(frozen=True)
class Drawn:
    """The operations that a policy has drawn for each image, applied one after another."""

    operations: Tensor
    """``(steps, batch)``: indices into :data:`OPERATIONS`."""
    magnitudes: Tensor
    """``(steps, batch)``, in the units of the operation."""


def draw_policy(
    config: AugmentationConfig, shape: tuple[int, int, int], generator: Generator
) -> Drawn:
    """Draw one operation of any magnitude for each image (``trivial``: Müller and Hutter, arXiv
    2103.10158), or several of one magnitude (``rand``: Cubuk et al., arXiv 1909.13719).

    Args:
        config: the policy; ``none`` has no steps.
        shape: images, and height and width of each in pixels.
        generator: what is drawn from; the result lies on its device.
    """
    steps = {"none": 0, "trivial": 1, "rand": config.policy_ops}[config.policy]
    operation, level, sign = torch.rand(
        (3, steps, shape[0]), generator=generator, device=generator.device
    )
    operations = (operation * len(OPERATIONS)).long()
    bins = (level * BINS).long()
    if config.policy == "rand":
        bins = torch.full_like(bins, config.policy_magnitude)
    table = torch.stack([magnitudes(config.policy, name, shape[1:]) for name in OPERATIONS]).to(
        generator.device
    )
    signed = torch.tensor([name in SIGNED for name in OPERATIONS], device=generator.device)
    negative = signed[operations] & (sign < 0.5)
    chosen = table[operations, bins]
    return Drawn(operations, torch.where(negative, -chosen, chosen))


def magnitudes(policy: str, operation: str, sides: tuple[int, int]) -> Tensor:
    """``(BINS,)``: the magnitudes of an operation on images of ``sides`` height and width."""
    trivial = policy == "trivial"
    level = torch.linspace(0, 1, BINS)
    if operation == "Posterize":
        return (8 - level * (6 if trivial else 4)).round()
    if operation == "Solarize":
        return 1 - level
    if operation in ("TranslateX", "TranslateY"):
        side = sides[1] if operation == "TranslateX" else sides[0]
        return (level * (32 if trivial else 150 / 331 * side)).trunc()
    if operation in ("ShearX", "ShearY"):
        return level * (0.99 if trivial else 0.3)
    if operation == "Rotate":
        return level * (135 if trivial else 30)
    if operation in SIGNED:
        return level * (0.99 if trivial else 0.9)
    return torch.zeros(BINS)


def policy_affine(drawn: Drawn, sides: tuple[int, int]) -> Tensor:
    """The moves as one matrix ``(batch, 3, 3)`` for each image, as those of :func:`resample`."""
    height, width = sides
    result = torch.eye(3, device=drawn.magnitudes.device)
    for operations, strength in zip(drawn.operations, drawn.magnitudes, strict=True):
        by = {name: strength.where(operations == OPERATIONS.index(name), 0.0) for name in MOVES}
        # A shear leaves the upper edge or the left one where it is.
        result = (
            result
            @ matrix(xy=by["ShearX"], x=by["ShearX"] * height / 2)
            @ matrix(yx=by["ShearY"], y=by["ShearY"] * width / 2)
            @ matrix(x=-by["TranslateX"], y=-by["TranslateY"])
            @ rotation(by["Rotate"].deg2rad())
        )
    return result.expand(drawn.magnitudes.shape[1], 3, 3)


def change_colours(images: Tensor, drawn: Drawn) -> Tensor:
    """``images`` (batch, 3, H, W) after the changes of colour that each has drawn."""
    images = images.clone()
    for operations, strength in zip(drawn.operations, drawn.magnitudes, strict=True):
        for name, change in COLOURS.items():
            rows = (operations == OPERATIONS.index(name)).nonzero()[:, 0]
            if len(rows):
                by = send(strength[rows, None, None, None], images.device)
                rows = send(rows, images.device)
                images[rows] = change(images[rows], by)
    return images
