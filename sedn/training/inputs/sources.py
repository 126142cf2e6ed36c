"""The sources of semantic maps: the data set's masks, a segmenter, or the network itself."""

import numpy as np
from numpy.typing import NDArray

from sedn.config import TrainingConfig
from sedn.data import Dataset
from sedn.data.dataset import Pixels
from sedn.data.images.picked import PickedPixels
from sedn.errors import UserError
from sedn.registry import SEMANTIC_SOURCES, describe_source


def check_masks(dataset: Dataset, config: TrainingConfig) -> None:
    """Check that the training images have masks where the network sees or learns from these.

    Raises:
        UserError: none has, so that the network would see the same empty map in every image.
    """
    source = config.map_source
    if describe_source(source).needs_masks and not dataset.splits["train"].map_known.any():
        field = "source" if source == config.semantic_map.source else "control"
        instead = "set embedding.placement: none"
        raise no_masks(config.data.path, f"semantic_map.{field}: {source}", instead)


def no_masks(path: str, what: str, instead: str) -> UserError:
    """The error for data of which no training image has a map, what needs one, and what may be done
    ``instead``.
    """
    return UserError(
        f"data '{path}': no training image has a map, and {what} needs maps; give the images masks "
        f"(docs/data.md), or {instead}"
    )


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
    recut = dataset.recut
    if recut is None or split not in recut.rows:
        of = dataset if recut is None else recut.dataset
        maps: tuple[Pixels, NDArray[np.bool_]] = computed.of_split(of, split, config.semantic_map)
        return maps
    # What computes maps knows the data as they were cut at first: of no image has it seen the mask
    # before it computes the image's map, whatever fold the image is in.
    parts = [computed.of_split(recut.dataset, part, config.semantic_map) for part in recut.parts]
    rows = recut.rows[split]
    known = np.concatenate([of_part for _, of_part in parts])[rows]
    return PickedPixels(tuple(pixels for pixels, _ in parts), rows), known
