"""The order in which a batch is changed."""

from dataclasses import replace

from torch import Generator

from sedn.config import AugmentationConfig
from sedn.training.inputs.augmentation.batch import Batch, fractions
from sedn.training.inputs.augmentation.colour import jitter
from sedn.training.inputs.augmentation.erasing import erase
from sedn.training.inputs.augmentation.geometry import move, random_affine, resample
from sedn.training.inputs.augmentation.mixing import swap_backgrounds
from sedn.training.inputs.augmentation.policy import change_colours, draw_policy, policy_affine


def augment(batch: Batch, config: AugmentationConfig, generator: Generator) -> Batch:
    """Swap backgrounds, move, change colours and erase; image, map and mask move as one.

    The policy moves after crop, flip and affine, and changes colours after the jitter. The batch
    may hold bytes; the result holds fractions.
    """
    if config.background_swap > 0:
        batch = swap_backgrounds(fractions(batch), config.background_swap, generator)
    size, _, height, width = batch.images.shape
    if _resamples(config):
        source = random_affine(config, (size, height, width), generator)
        drawn = draw_policy(config, (size, height, width), generator)
        batch = resample(batch, source @ policy_affine(drawn, (height, width)))
    elif config.horizontal_flip or config.shift > 0:
        batch = move(batch, config.horizontal_flip, config.shift, generator)
    batch = fractions(batch)
    images = batch.images
    if config.brightness or config.contrast or config.saturation or config.hue:
        images = jitter(images, config, generator)
    if config.policy != "none":
        images = change_colours(images, drawn)
    if config.erasing > 0:
        images = erase(images, config.erasing, generator)
    return batch if images is batch.images else replace(batch, images=images)


def _resamples(config: AugmentationConfig) -> bool:
    """Whether something moves by other than whole pixels."""
    affine = config.rotation or config.scale or config.shear
    return bool(config.crop_scale < 1 or affine or config.policy != "none")
