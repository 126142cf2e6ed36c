"""The sources of semantic maps: the data set's masks, a segmenter, or the network itself."""

import numpy as np
from numpy.typing import NDArray

from sedn.config import TrainingConfig
from sedn.data import Dataset
from sedn.data.dataset import Pixels
from sedn.registry import SEMANTIC_SOURCES


def semantic_maps(
    dataset: Dataset, split: str, config: TrainingConfig
) -> tuple[Pixels, NDArray[np.bool_]]:
    """The maps ``(images, regions, H, W)`` of a split, and of which images ``(images,)`` they are
    known: of all that a segmenter has seen, of those with a mask otherwise.

    A network that predicts its own maps (``auxiliary``) takes no notice of these; it learns from
    the masks.

    Raises:
        UserError: the maps are to be predicted, and the folder named holds no segmenter for this
            data.
    """
    given = dataset.splits[split]
    computed = SEMANTIC_SOURCES.find(config.semantic_map.source).computed
    if computed is None:
        return given.maps, given.map_known
    maps: tuple[Pixels, NDArray[np.bool_]] = computed.of_split(dataset, split, config.semantic_map)
    return maps
