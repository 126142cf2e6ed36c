"""From a split of the data to batches on the device, as a configuration wants them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from torch import Tensor

from sedn.config import TrainingConfig
from sedn.data import Dataset
from sedn.training.inputs.augmentation import Batch, augment, fractions, mix, perturb_maps
from sedn.training.inputs.controls import constant_maps, map_order
from sedn.training.inputs.fetching import Rows, View, fetch_tensors
from sedn.training.inputs.sources import semantic_maps


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


@dataclass(frozen=True)
class EpochPlan:
    """The batches of one epoch, and the generator of its augmentation."""

    rows: tuple[Rows, ...]
    """Images of each batch."""
    generator: torch.Generator
    """Its state is all that the next batch's augmentation depends on."""


def count_steps(view: View, config: TrainingConfig) -> int:
    """Batches of an epoch: of full ones as many as there are, or one of all images."""
    return max(1, len(view.split) // config.batch_size)


def plan_epoch(view: View, config: TrainingConfig, epoch: int) -> EpochPlan:
    """The order of the images in an epoch, from 1, in batches, and the seed of its augmentation.

    Both follow from the run's seed and the epoch alone, so that a run that is resumed sees what an
    uninterrupted one sees. A last batch that is not full is left out.
    """
    seed = np.random.SeedSequence([config.seed, epoch]).generate_state(2)
    order = np.random.default_rng(seed[0]).permutation(len(view.split))
    size = min(config.batch_size, len(order))
    starts = range(0, len(order) - size + 1, size)
    rows = tuple(np.sort(order[start : start + size]) for start in starts)
    return EpochPlan(rows, torch.Generator().manual_seed(int(seed[1])))


def training_batches(
    view: View, config: TrainingConfig, plan: EpochPlan, device: torch.device, first: int = 0
) -> Iterator[tuple[Batch, Tensor]]:
    """Augmented batches from the ``first`` on, with targets ``(batch, labels)``, soft where mixed.

    After each one the plan's generator is where the next batch needs it.
    """
    for tensors in fetch_tensors(view, plan.rows[first:], device):
        batch, targets = _to_batch(tensors, view)
        batch = augment(batch, config.augmentation, plan.generator)
        batch, targets = mix(batch, targets, config.augmentation, plan.generator)
        yield perturb_maps(batch, config.semantic_map, plan.generator), targets


def evaluation_batches(
    view: View, batch_size: int, device: torch.device
) -> Iterator[tuple[Batch, Tensor]]:
    """Yield all images of the split in their order, unchanged."""
    rows = np.arange(len(view.split))
    batches = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
    yield from unchanged_batches(view, batches, device)


def unchanged_batches(
    view: View, batches: Sequence[Rows], device: torch.device
) -> Iterator[tuple[Batch, Tensor]]:
    """Yield batches of these images, not augmented."""
    for tensors in fetch_tensors(view, batches, device):
        batch, targets = _to_batch(tensors, view)
        yield fractions(batch), targets


def part_sizes(images: int, most: int, *, pairs: bool) -> list[int]:
    """How many images each part of a batch has: at most ``most``, and near-equal, as norms over a
    batch (BatchNorm's) see the parts.

    Args:
        images: of the batch.
        most: of a part.
        pairs: no part is of a single image, of which such norms tell nothing: where an odd batch
            is cut by two, one part has three. Has no effect where ``most`` is one.
    """
    count = ceil(images / most)
    if pairs and most > 1:
        count = min(count, max(1, images // 2))
    size, larger = divmod(images, count)
    return [size + 1] * larger + [size] * (count - larger)


def split_batch(
    batch: Batch, targets: Tensor, most: int, *, pairs: bool
) -> Iterator[tuple[Batch, Tensor]]:
    """The batch and its targets in the parts of :func:`part_sizes`."""
    start = 0
    for size in part_sizes(len(targets), most, pairs=pairs):
        part = slice(start, start + size)
        start += size
        maps = batch.maps[part]
        yield (
            Batch(
                images=batch.images[part],
                maps=maps,
                known=batch.known[part],
                masks=maps if batch.masks is batch.maps else batch.masks[part],
                masks_known=batch.masks_known[part],
            ),
            targets[part],
        )


def map_input(batch: Batch, has_indicator: bool) -> Tensor:
    """The maps as the network takes them ``(batch, regions, H, W)``, with the channel that says
    whether an image's map is known where the data set has images without one.
    """
    if not has_indicator:
        return batch.maps
    known = batch.known.to(batch.maps.dtype)[:, None, None, None]
    return torch.cat([batch.maps, known.expand_as(batch.maps[:, :1])], dim=1)


def _to_batch(tensors: Mapping[str, Tensor], view: View) -> tuple[Batch, Tensor]:
    """A batch whose pixels are bytes, which augmentation makes fractions as it goes."""
    masks, masks_known = tensors["masks"], tensors["masks_known"]
    own = "maps" not in tensors
    batch = Batch(
        # Permuted, not copied: convolutions are faster with channels last in memory.
        images=tensors["images"].permute(0, 3, 1, 2),
        maps=masks if own else tensors["maps"],
        known=masks_known if own else tensors["known"],
        masks=masks,
        masks_known=masks_known,
    )
    return (constant_maps(fractions(batch)) if view.constant else batch), tensors["targets"]
