"""Training one network of a segmenter: on all folds of the training images but its own."""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sedn.data import Dataset, Split
from sedn.errors import NonFiniteLoss, UserError
from sedn.segmentation.config import SegmenterConfig
from sedn.segmentation.network import MapNetwork, build_map_network, fraction, predict
from sedn.training.device import autocast
from sedn.training.inputs.augmentation import Batch, augment
from sedn.training.optimization.losses import segmentation_loss


@dataclass(frozen=True)
class FoldEpoch:
    """The scores of one network after an epoch."""

    fold: int
    """From 1."""
    epoch: int
    """Epochs completed, from 1."""
    train_loss: float
    validation_dice: float
    """The Dice coefficient of the maps of all validation images cut at one half, the mean over
    regions.
    """
    seconds: float


def assign_folds(images: int, config: SegmenterConfig) -> NDArray[np.int64]:
    """``(images,)``: the fold of each training image, from 0, by chance and of equal sizes."""
    return np.random.default_rng(config.seed).permutation(images) % config.folds


def train_fold(
    config: SegmenterConfig,
    dataset: Dataset,
    fold: int,
    device: torch.device,
    show: Callable[[FoldEpoch], None],
) -> tuple[MapNetwork, FoldEpoch]:
    """Train the network that does not see ``fold``, from 0, and keep its best epoch.

    Returns:
        The network as it was after the epoch with the best maps of the validation images, on the
        CPU, and that epoch.

    Raises:
        UserError: there are too few masks, or the encoder cannot be had.
        NonFiniteLoss: the loss is not finite.
    """
    train, validation = dataset.splits["train"], dataset.splits["validation"]
    rows = np.flatnonzero(train.map_known & (assign_folds(len(train), config) != fold))
    if len(rows) < 2 or not validation.map_known.any():
        raise UserError(
            f"data '{dataset.name}': a segmenter needs masks of {2 * config.folds} training images "
            f"and of a validation image; there are {train.map_known.sum()} and "
            f"{validation.map_known.sum()}"
        )
    torch.manual_seed(config.seed + fold)
    network = build_map_network(config, len(dataset.regions)).to(device)
    network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    best, weights = None, network.state_dict()
    for epoch in range(1, config.epochs + 1):
        started = time.perf_counter()
        for group in optimizer.param_groups:
            share = (epoch - 1) / config.epochs
            group["lr"] = config.learning_rate * (1 + math.cos(math.pi * share)) / 2
        loss = _train_epoch(network, optimizer, config, train, rows, (fold, epoch))
        dice = validation_dice(network, validation, config.batch_size)
        result = FoldEpoch(fold + 1, epoch, loss, dice, time.perf_counter() - started)
        show(result)
        if best is None or dice > best.validation_dice:
            best, weights = result, copy.deepcopy(network.state_dict())
        elif epoch - best.epoch >= config.patience:
            break
    assert best is not None, "there is at least one epoch"
    network.load_state_dict(weights)
    return network.cpu().eval(), best


def validation_dice(network: MapNetwork, split: Split, batch_size: int) -> float:
    """Twice the overlap over the sizes of predicted and true regions, both cut at one half.

    Pixels are counted over all images that have a mask; the mean over the regions that occur.
    """
    network.eval()
    regions, side = split.maps.shape[1:3]
    overlap, sizes = np.zeros(regions), np.zeros(regions)
    known = np.flatnonzero(split.map_known)
    for start in range(0, len(known), batch_size):
        rows = known[start : start + batch_size]
        predicted = predict([network], split.images[rows], side) > 127
        true = split.maps[rows] > 127
        overlap += (predicted & true).sum(axis=(0, 2, 3))
        sizes += predicted.sum(axis=(0, 2, 3)) + true.sum(axis=(0, 2, 3))
    occurs = sizes > 0
    return float((2 * overlap[occurs] / sizes[occurs]).mean()) if occurs.any() else 0.0


def _train_epoch(
    network: MapNetwork,
    optimizer: torch.optim.Optimizer,
    config: SegmenterConfig,
    split: Split,
    rows: NDArray[np.int64],
    fold_and_epoch: tuple[int, int],
) -> float:
    """Train on the images ``rows`` of the split; returns the mean loss over the steps."""
    device = network.mean.device
    order, augmentation = np.random.SeedSequence([config.seed, *fold_and_epoch]).generate_state(2)
    generator = torch.Generator().manual_seed(int(augmentation))
    rows = np.random.default_rng(order).permutation(rows)
    size = min(config.batch_size, len(rows))
    starts = range(0, len(rows) - size + 1, size)
    total = torch.zeros((), device=device)
    network.train()
    for start in starts:
        batch = _batch(split, np.sort(rows[start : start + size]), device)
        batch = augment(batch, config.augmentation, generator)
        with autocast(device):
            logits = network(batch.images)
        loss = segmentation_loss(logits, batch.masks, batch.masks_known)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += loss.detach()
    mean = float(total) / len(starts)
    if not np.isfinite(mean):
        raise NonFiniteLoss(
            f"the segmenter's loss is {mean} in fold {fold_and_epoch[0] + 1}, epoch "
            f"{fold_and_epoch[1]}, at learning rate {config.learning_rate:g}: take a lower one "
            f"(`learning_rate`)"
        )
    return mean


def _batch(split: Split, rows: NDArray[np.int64], device: torch.device) -> Batch:
    masks = fraction(split.maps[rows], device)
    known = torch.from_numpy(split.map_known[rows]).to(device)
    images = fraction(split.images[rows], device).permute(0, 3, 1, 2)
    return Batch(images=images, maps=masks, known=known, masks=masks, masks_known=known)
