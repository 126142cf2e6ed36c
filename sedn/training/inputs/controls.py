"""Controls: maps that tell nothing, so that what the map tells is kept apart from parameters.

They replace the maps in training and in evaluation alike.
"""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from sedn.training.inputs.augmentation import Batch


def map_order(images: int, seed: int) -> NDArray[np.int64]:
    """``(images,)``: for each image of a split, the image whose map it sees; never its own.

    Raises:
        ValueError: there is one image only, so no other map to see.
    """
    if images == 1:
        raise ValueError("one image alone has no other's map to see")
    circle = np.random.default_rng(seed).permutation(images)
    order = np.empty(images, dtype=np.int64)
    order[circle] = np.roll(circle, 1)
    return order


def constant_maps(batch: Batch) -> Batch:
    """The batch with the same map for every image, 0.5 all over, known of all."""
    return replace(batch, maps=torch.full_like(batch.maps, 0.5), known=torch.ones_like(batch.known))
