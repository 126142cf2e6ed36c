"""Where the semantic maps come from: the data set's masks, a segmenter, or the network itself."""

import numpy as np
from numpy.typing import NDArray

from sedn.config import TrainingConfig
from sedn.data import Dataset


def semantic_maps(
    dataset: Dataset, split: str, config: TrainingConfig
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The maps ``(images, regions, H, W)`` of a split, and of which images one is known.

    A network that predicts its own maps (``auxiliary``) is given the masks here, to learn from.
    """
    given = dataset.splits[split]
    return given.maps, given.map_known
