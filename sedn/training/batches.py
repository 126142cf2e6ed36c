"""From a split of the data to batches on the device, as a configuration wants them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sedn.config import TrainingConfig
from sedn.data import Dataset, Split
from sedn.training.augmentation import Batch, augment, perturb_maps
from sedn.training.controls import constant_maps, map_order
from sedn.training.sources import semantic_maps


@dataclass(frozen=True)
class View:
    """A split as a configuration sees it: its semantic maps may not be the data set's masks."""

    split: Split
    maps: NDArray[np.uint8]
    """``(images, regions, height, width)``, 0 to 255."""
    known: NDArray[np.bool_]
    """``(images,)``: whether the map of an image is known."""
    order: NDArray[np.int64]
    """``(images,)``: the image whose map each image sees; its own, but under a control."""
    constant: bool
    """Whether all images see the same map instead."""


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
    """One epoch of augmented batches with their targets ``(batch, labels)``.

    Order and augmentation follow from the seed and the epoch alone, so that a run that is resumed
    at an epoch sees what an uninterrupted one sees. A last batch that is not full is left out.
    """
    seed = np.random.SeedSequence([config.seed, epoch]).generate_state(2)
    order = np.random.default_rng(seed[0]).permutation(len(view.split))
    generator = torch.Generator().manual_seed(int(seed[1]))
    size = min(config.batch_size, len(order))
    for start in range(0, len(order) - size + 1, size):
        batch, targets = _load(view, np.sort(order[start : start + size]), device)
        batch = augment(batch, config.augmentation, generator)
        yield perturb_maps(batch, config.semantic_map, generator), targets


def evaluation_batches(
    view: View, batch_size: int, device: torch.device
) -> Iterator[tuple[Batch, Tensor]]:
    """All images of the split in their order, as they are."""
    for start in range(0, len(view.split), batch_size):
        yield _load(view, np.arange(start, min(start + batch_size, len(view.split))), device)


def map_input(batch: Batch, has_indicator: bool) -> Tensor:
    """The maps as the network takes them ``(batch, regions, H, W)``, with the channel that says
    whether an image's map is known where the data set has images without one.
    """
    if not has_indicator:
        return batch.maps
    known = batch.known.to(batch.maps.dtype)[:, None, None, None]
    return torch.cat([batch.maps, known.expand_as(batch.maps[:, :1])], dim=1)


def _load(view: View, rows: NDArray[np.int64], device: torch.device) -> tuple[Batch, Tensor]:
    def fraction(pixels: NDArray[np.uint8]) -> Tensor:
        return torch.from_numpy(pixels).to(device, non_blocking=True).float().div_(255)

    split, seen = view.split, view.order[rows]
    masks = fraction(split.maps[rows])
    masks_known = torch.from_numpy(split.map_known[rows]).to(device)
    given = view.maps is split.maps and np.array_equal(seen, rows)
    batch = Batch(
        # Permuted, not copied: convolutions are faster with channels last in memory.
        images=fraction(split.images[rows]).permute(0, 3, 1, 2),
        maps=masks if given else fraction(view.maps[seen]),
        known=masks_known if given else torch.from_numpy(view.known[seen]).to(device),
        masks=masks,
        masks_known=masks_known,
    )
    targets = torch.from_numpy(split.targets[rows]).to(device, non_blocking=True)
    return (constant_maps(batch) if view.constant else batch), targets
