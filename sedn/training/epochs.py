"""The training loop: a plain generator of epochs, which a trial and ``sedn train`` both drive."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from timm.optim._param_groups import param_groups_weight_decay

from sedn.config import TrainingConfig
from sedn.data import Dataset, count_labels, load_dataset
from sedn.metrics import auc
from sedn.network import SemanticNetwork, build_network
from sedn.training.batches import map_input, training_batches, view_split
from sedn.training.checkpoint import (
    VALIDATION_SCORES,
    load_checkpoint,
    save_checkpoint,
    save_scores,
)
from sedn.training.device import autocast, normalise, pick_device
from sedn.training.evaluation import predict
from sedn.training.fetching import View
from sedn.training.losses import ClassificationLoss, classification_loss, segmentation_loss
from sedn.training.result import EpochResult, by_label
from sedn.training.schedule import rate_factor


@dataclass
class Training:
    """A network in training: what an epoch reads and changes."""

    config: TrainingConfig
    dataset: Dataset
    train: View
    network: SemanticNetwork
    optimizer: torch.optim.Optimizer
    loss: ClassificationLoss
    device: torch.device


def train_epochs(
    config: TrainingConfig, folder: str, after_epoch: int = 0
) -> Iterator[EpochResult]:
    """Train, and yield a result for each epoch after ``after_epoch``.

    Where ``folder`` holds a checkpoint, training goes on from there; what it says of epochs after
    ``after_epoch`` is yielded first. After each epoch, and before its result is yielded, the
    folder holds its checkpoint and its scores on validation.

    Raises:
        UserError: the data or the backbone cannot be had.
        FloatingPointError: the loss is not finite any more.
    """
    training = prepare(config)
    validation = view_split(training.dataset, "validation", config)
    history = _restore(training, folder)
    yield from (result for result in history if result.epoch > after_epoch)
    for epoch in range(len(history) + 1, config.epochs + 1):
        started = time.perf_counter()
        train_loss = train_epoch(training, epoch)
        scores = predict(
            training.network,
            validation,
            2 * config.batch_size,
            has_indicator=training.dataset.has_indicator,
        )
        result = _result(training, epoch, train_loss, scores, started)
        history.append(result)
        save_scores(folder, VALIDATION_SCORES, scores)
        save_checkpoint(folder, training.network, training.optimizer, history)
        if epoch > after_epoch:
            yield result


def prepare(config: TrainingConfig) -> Training:
    """Data, network, optimiser and loss at the start of a run; the seed decides all that is drawn.

    Raises:
        UserError: the data or the backbone cannot be had.
    """
    dataset = load_dataset(config.data)
    device = pick_device()
    torch.manual_seed(config.seed)
    network = create_network(config, dataset, device)
    groups = param_groups_weight_decay(network, config.optimizer.weight_decay)
    optimizer = torch.optim.AdamW(
        groups, lr=config.optimizer.learning_rate, fused=device.type == "cuda"
    )
    counts = torch.tensor(list(count_labels(dataset, "train").values()), device=device)
    loss = classification_loss(config.loss, counts[:, 0], counts[:, 1])
    view = view_split(dataset, "train", config)
    return Training(config, dataset, view, network, optimizer, loss, device)


def create_network(
    config: TrainingConfig, dataset: Dataset, device: torch.device
) -> SemanticNetwork:
    """The network for the labels and regions of the data, on the device.

    Raises:
        UserError: the backbone cannot be had.
    """
    network = build_network(
        config, len(dataset.labels), len(dataset.regions), dataset.has_indicator
    ).to(device)
    network.to(memory_format=torch.channels_last)
    return network


def train_epoch(training: Training, epoch: int) -> float:
    """Train for one epoch, from 1; returns the mean loss over its steps.

    Raises:
        FloatingPointError: the loss is not finite.
    """
    config, network = training.config, training.network
    # Whatever a layer draws (dropout, drop path) follows from the seed and the epoch too.
    torch.manual_seed(int(np.random.SeedSequence([config.seed, epoch, 1]).generate_state(1)[0]))
    network.train()
    size = len(training.train.split)
    steps = max(1, size // config.batch_size)
    total = torch.zeros((), device=training.device)
    for step, (batch, targets) in enumerate(
        training_batches(training.train, config, epoch, training.device)
    ):
        factor = rate_factor(config.schedule, (epoch - 1) * steps + step, config.epochs * steps)
        for group in training.optimizer.param_groups:
            group["lr"] = config.optimizer.learning_rate * factor
        with autocast(training.device):
            outputs = network.outputs(
                normalise(batch.images, network),
                map_input(batch, training.dataset.has_indicator),
            )
        loss = training.loss(outputs.logits, targets)
        if outputs.region_logits is not None:
            regions = segmentation_loss(outputs.region_logits, batch.masks, batch.masks_known)
            loss = loss + config.semantic_map.auxiliary_weight * regions
        training.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        training.optimizer.step()
        total += loss.detach()
    mean = float(total) / steps
    if not np.isfinite(mean):
        raise FloatingPointError(
            f"the loss is {mean} in epoch {epoch} at learning rate "
            f"{config.optimizer.learning_rate:g}; lower it"
        )
    return mean


def _restore(training: Training, folder: str) -> list[EpochResult]:
    """Load the folder's checkpoint, if there is one; its results so far."""
    state = load_checkpoint(folder, training.device)
    if state is None:
        return []
    training.network.load_state_dict(state["network"])
    training.optimizer.load_state_dict(state["optimizer"])
    history: list[EpochResult] = state["history"]
    return history


def _result(
    training: Training, epoch: int, train_loss: float, scores: NDArray[np.float32], started: float
) -> EpochResult:
    estimate = auc(training.dataset.splits["validation"].targets, scores)
    return EpochResult(
        epoch=epoch,
        mean_auc=estimate.mean,
        mean_auc_stderr=estimate.mean_stderr,
        label_auc=by_label(training.dataset.labels, estimate.labels),
        label_auc_stderr=by_label(training.dataset.labels, estimate.labels_stderr),
        train_loss=train_loss,
        seconds=time.perf_counter() - started,
        parameters=training.network.parameter_count,
    )
