"""From a split of the data to batches on the device, as a configuration wants them."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sedn.config import TrainingConfig
from sedn.data import Dataset
from sedn.training.augmentation import Batch, augment, fractions, mix, perturb_maps
from sedn.training.controls import constant_maps, map_order
from sedn.training.fetching import Arrays, View, fetch
from sedn.training.sources import semantic_maps


def view_split(dataset: Dataset, name: str, config: TrainingConfig) -> View:
    """The split called ``name`` with the maps of the configured source, or of the control.

    Raises:
        UserError: the maps are to be predicted, and the segmenter cannot be had.
    """
    split = dataset.splits[name]
    maps, known = semantic_maps(dataset, name, config)
    own = np.arange(len(split))
    shuffled = config.semantic_map.control == "shuffled" and len(split) > 1
    return View(
        split=split,
        maps=maps,
        known=known,
        order=map_order(len(split), config.seed) if shuffled else own,
        constant=config.semantic_map.control == "constant",
    )


def training_batches(
    view: View, config: TrainingConfig, epoch: int, device: torch.device
) -> Iterator[tuple[Batch, Tensor]]:
    """One epoch of augmented batches with their targets ``(batch, labels)``, soft where mixed.

    Order and augmentation follow from the seed and the epoch alone, so that a run that is resumed
    at an epoch sees what an uninterrupted one sees. A last batch that is not full is left out.
    """
    seed = np.random.SeedSequence([config.seed, epoch]).generate_state(2)
    order = np.random.default_rng(seed[0]).permutation(len(view.split))
    generator = torch.Generator().manual_seed(int(seed[1]))
    size = min(config.batch_size, len(order))
    starts = range(0, len(order) - size + 1, size)
    for arrays in fetch(view, [np.sort(order[start : start + size]) for start in starts]):
        batch, targets = _to_batch(arrays, view, device)
        batch = augment(batch, config.augmentation, generator)
        batch, targets = mix(batch, targets, config.augmentation, generator)
        yield perturb_maps(batch, config.semantic_map, generator), targets


def evaluation_batches(
    view: View, batch_size: int, device: torch.device
) -> Iterator[tuple[Batch, Tensor]]:
    """All images of the split in their order, as they are."""
    rows = np.arange(len(view.split))
    starts = range(0, len(rows), batch_size)
    for arrays in fetch(view, [rows[start : start + batch_size] for start in starts]):
        batch, targets = _to_batch(arrays, view, device)
        yield fractions(batch), targets


def map_input(batch: Batch, has_indicator: bool) -> Tensor:
    """The maps as the network takes them ``(batch, regions, H, W)``, with the channel that says
    whether an image's map is known where the data set has images without one.
    """
    if not has_indicator:
        return batch.maps
    known = batch.known.to(batch.maps.dtype)[:, None, None, None]
    return torch.cat([batch.maps, known.expand_as(batch.maps[:, :1])], dim=1)


def _to_batch(arrays: Arrays, view: View, device: torch.device) -> tuple[Batch, Tensor]:
    """Arrays on the device; the pixels are bytes, which augmentation makes fractions as it goes."""

    def moved(array: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(array).to(device, non_blocking=True)

    masks, masks_known = moved(arrays.masks), moved(arrays.masks_known)
    batch = Batch(
        # Permuted, not copied: convolutions are faster with channels last in memory.
        images=moved(arrays.images).permute(0, 3, 1, 2),
        maps=masks if arrays.maps is None else moved(arrays.maps),
        known=masks_known if arrays.maps is None else moved(arrays.known),
        masks=masks,
        masks_known=masks_known,
    )
    targets = moved(arrays.targets)
    return (constant_maps(fractions(batch)) if view.constant else batch), targets
