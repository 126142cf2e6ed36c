"""The state of a training: made at the start, saved, and loaded again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from timm.scheduler.scheduler import Scheduler
from timm.utils import ModelEmaV3
from torch import Tensor

from sedn.config import TrainingConfig
from sedn.data import Dataset, count_labels, load_dataset
from sedn.network import Outputs, SemanticNetwork, build_network, normalises_batches
from sedn.training.checkpoints.folder import ForeignCheckpoint, load_state, save_state
from sedn.training.checkpoints.identity import TrainingIdentity
from sedn.training.checkpoints.storage import CHECKPOINT
from sedn.training.device import pick_device
from sedn.training.inputs.batches import count_steps, view_split
from sedn.training.inputs.fetching import View
from sedn.training.optimization.losses import ClassificationLoss, classification_loss
from sedn.training.optimization.optimizer import create_optimizer
from sedn.training.optimization.schedule import create_schedule
from sedn.training.result import EpochResult


@dataclass
class Position:
    """How far an epoch is."""

    epoch: int
    """The epoch that is under way, from 1."""
    step: int
    """Steps of it that are done."""
    loss: Tensor
    """Sum of the losses of these steps."""
    seconds: float
    """The seconds that the steps took."""
    generator: torch.Generator
    """The random generator of the augmentation."""
    random: dict[str, Tensor] | None = None
    """The state of torch's own generators before the next step."""


@dataclass
class Training:
    """A network in training."""

    config: TrainingConfig
    dataset: Dataset
    train: View
    network: SemanticNetwork
    forward: Callable[[Tensor, Tensor], Outputs]
    """The network's :meth:`~SemanticNetwork.outputs`, compiled if that was asked for."""
    average: ModelEmaV3 | None
    """The moving average of the network's weights, if there is one."""
    optimizer: torch.optim.Optimizer
    schedule: Scheduler
    loss: ClassificationLoss
    device: torch.device
    micro_batch: int
    """Images that go through the network at once, at most."""
    pairs: bool
    """Whether ``micro_batch`` must be two at least, as the network has norms over a batch."""
    history: list[EpochResult] = field(default_factory=list)
    """The epochs that are done."""
    position: Position | None = None
    """The step of the next epoch at which training goes on; ``None``: at the epoch's start."""

    @property
    def identity(self) -> TrainingIdentity:
        """The identity that a checkpoint must share with a training that goes on from the
        checkpoint.
        """
        return TrainingIdentity.of(self.config, self.dataset)

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return count_steps(self.train, self.config)

    @property
    def validated(self) -> SemanticNetwork:
        """The network that is validated and kept: the average, if there is one."""
        network: SemanticNetwork = self.network if self.average is None else self.average.module
        return network


def prepare(
    config: TrainingConfig, micro_batch: int | None = None, dataset: Dataset | None = None
) -> Training:
    """A training at its start; the seed decides all that is drawn.

    Args:
        config: what is trained.
        micro_batch: images at once, at most, where that is less than the configuration's.
        dataset: what is trained on, in place of the configuration's data as they are cut.

    Raises:
        UserError: the data, the backbone or the optimiser cannot be had.
    """
    dataset = dataset or load_dataset(config.data)
    device = pick_device()
    torch.manual_seed(config.seed)
    network = create_network(config, dataset, device)
    optimizer = create_optimizer(network, config.optimizer)
    counts = torch.tensor(list(count_labels(dataset, "train").values()), device=device)
    view = view_split(dataset, "train", config)
    own = config.micro_batch_size or config.batch_size
    return Training(
        config=config,
        dataset=dataset,
        train=view,
        network=network,
        forward=torch.compile(network.outputs) if config.compile else network.outputs,
        average=_create_average(network, config.ema_decay),
        optimizer=optimizer,
        schedule=create_schedule(
            config.schedule, optimizer, config.epochs * count_steps(view, config)
        ),
        loss=classification_loss(config.loss, counts[:, 0], counts[:, 1]),
        device=device,
        micro_batch=min(own, micro_batch or own),
        pairs=normalises_batches(network),
    )


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


def save_training(training: Training, folder: str) -> None:
    """Write all that another process needs to go on exactly from here."""
    position = training.position
    state = {
        "identity": training.identity.to_json(),
        "network": training.network.state_dict(),
        "average": training.average.module.state_dict() if training.average else None,
        "optimizer": training.optimizer.state_dict(),
        "history": [result.to_json() for result in training.history],
        "micro_batch": training.micro_batch,
        "position": _position_state(position, training.device) if position else None,
    }
    save_state(folder, state)


def restore_training(training: Training, folder: str) -> None:
    """Bring a training to where the folder's checkpoint was made, if there is one.

    Raises:
        UnusableCheckpoint: the checkpoint is damaged, or of a training of another identity.
    """
    state = load_state(folder, training.device)
    if state is None:
        return
    check_same_training(state, training.identity, folder)
    training.network.load_state_dict(state["network"])
    if training.average is not None:
        training.average.module.load_state_dict(state["average"])
    training.optimizer.load_state_dict(state["optimizer"])
    training.history = [EpochResult.from_json(fields) for fields in state["history"]]
    training.micro_batch = min(training.micro_batch, state["micro_batch"])
    if state["position"]:
        generator = torch.Generator()
        generator.set_state(state["position"].pop("augmentation").cpu())
        training.position = Position(generator=generator, **state["position"])


def check_same_training(state: Mapping[str, Any], now: TrainingIdentity, folder: str) -> None:
    """Check that a loaded checkpoint belongs to the training that is to go on.

    Raises:
        ForeignCheckpoint: the checkpoint belongs to another training; the message says in what
            the two differ.
    """
    difference = TrainingIdentity.from_json(state["identity"]).difference(now)
    if difference is not None:
        raise ForeignCheckpoint(
            f"{folder}/{CHECKPOINT}: the training was started on other data or settings: "
            f"{difference}; undo the change, or name another folder"
        )


def load_trained(folder: str, network: SemanticNetwork, device: torch.device) -> None:
    """Load into ``network`` the weights that the training in ``folder`` ended with.

    Raises:
        FileNotFoundError: nothing was trained there.
    """
    state = load_state(folder, device)
    if state is None:
        raise FileNotFoundError(folder)
    network.load_state_dict(state["average"] or state["network"])


def seed_epoch(seed: int, epoch: int) -> None:
    """Seed what layers draw in an epoch (dropout, drop path), by the run's seed and the epoch."""
    torch.manual_seed(int(np.random.SeedSequence([seed, epoch, 1]).generate_state(1)[0]))


def put_back(random: dict[str, Tensor], device: torch.device) -> None:
    """Put torch's generators where they stood when a checkpoint was made within an epoch."""
    torch.set_rng_state(random["cpu"].cpu())
    if "device" in random:
        torch.cuda.set_rng_state(random["device"].cpu(), device)


def _position_state(position: Position, device: torch.device) -> dict[str, Any]:
    """The position, and where all that is drawn by chance stands."""
    random = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        random["device"] = torch.cuda.get_rng_state(device)
    return {
        "epoch": position.epoch,
        "step": position.step,
        "loss": position.loss,
        "seconds": position.seconds,
        "augmentation": position.generator.get_state(),
        "random": random,
    }


def _create_average(network: SemanticNetwork, decay: float) -> ModelEmaV3 | None:
    return ModelEmaV3(network, decay=decay, use_warmup=True) if decay > 0 else None
