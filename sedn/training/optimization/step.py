"""The steps of an epoch: forward and backward in parts, then the optimiser, nothing read back."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sedn.errors import NonFiniteLoss, TimeExceeded
from sedn.training.checkpoints.state import Position, Training, put_back, seed_epoch
from sedn.training.device import autocast, normalise
from sedn.training.inputs.augmentation import Batch
from sedn.training.inputs.batches import map_input, plan_epoch, split_batch, training_batches
from sedn.training.optimization.losses import segmentation_loss

AfterStep = Callable[[], None]


@dataclass
class Deadline:
    """A moment after which no step begins."""

    at: float
    """By :func:`time.monotonic`."""
    seconds: float
    """The seconds that the training was given in all."""


def train_epoch(
    training: Training,
    epoch: int,
    deadline: Deadline | None = None,
    after_step: AfterStep = lambda: None,
) -> float:
    """Train for one epoch, from 1, or for the rest of it; returns the mean loss over its steps.

    After each step ``training.position`` says where it stands.

    Raises:
        NonFiniteLoss: a loss is infinite or not a number.
        TimeExceeded: the deadline has passed.
    """
    config, network = training.config, training.network
    plan = plan_epoch(training.train, config, epoch)
    position = _begin(training, epoch, plan.generator)
    plan = replace(plan, generator=position.generator)
    losses = LossWatch(epoch, training.device)
    started = time.perf_counter() - position.seconds
    network.train()
    first = position.step
    batches = training_batches(training.train, config, plan, training.device, first)
    for step, (batch, targets) in enumerate(batches, start=first):
        if deadline is not None and time.monotonic() > deadline.at:
            raise TimeExceeded(
                f"stopped in epoch {epoch} at step {step + 1} of {training.steps}: the trial took "
                f"longer than {deadline.seconds:g} s"
            )
        done = (epoch - 1) * training.steps + step
        training.schedule.step_update(done)
        loss = _accumulate(training, batch, targets)
        losses.add(step, loss, training.optimizer.param_groups[0]["lr"])
        _update(training, done + 1)
        position.loss += loss
        position.step = step + 1
        position.seconds = time.perf_counter() - started
        after_step()
    losses.check_all()
    training.position = None
    return float(position.loss) / training.steps


def _begin(training: Training, epoch: int, generator: torch.Generator) -> Position:
    """Restore the position within the epoch, and the random state there; or start the epoch."""
    position = training.position
    if position is not None and position.epoch == epoch:
        if position.random is not None:
            put_back(position.random, training.device)
        return position
    seed_epoch(training.config.seed, epoch)
    loss = torch.zeros((), device=training.device)
    training.position = Position(epoch, step=0, loss=loss, seconds=0.0, generator=generator)
    return training.position


def _accumulate(training: Training, batch: Batch, targets: Tensor) -> Tensor:
    """Gradients of a batch's loss, summed over its parts; returns that loss.

    Each part counts by its share of the entries, and of the maps, that are known, so the sum is
    the loss of the whole batch however it is cut.
    """
    training.optimizer.zero_grad(set_to_none=True)
    total = torch.zeros((), device=training.device)
    entries = _count(~targets.isnan())
    maps = _count(batch.masks_known)
    parts = split_batch(batch, targets, training.micro_batch, pairs=training.pairs)
    for part, part_targets in parts:
        with autocast(training.device):
            outputs = training.forward(
                normalise(part.images, training.network),
                map_input(part, training.dataset.has_indicator),
            )
        share = _count(~part_targets.isnan()) / entries
        loss = training.loss(outputs.logits, part_targets) * share
        if outputs.region_logits is not None:
            regions = segmentation_loss(outputs.region_logits, part.masks, part.masks_known)
            weight = training.config.semantic_map.auxiliary_weight
            loss = loss + weight * regions * (_count(part.masks_known) / maps)
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.detach()
    return total


def _count(known: Tensor) -> Tensor:
    return known.sum().clamp(min=1)


def _update(training: Training, done: int) -> None:
    """One step of the optimiser, and of the average after it."""
    norm = training.config.optimizer.clip_norm
    if norm > 0:
        torch.nn.utils.clip_grad_norm_(training.network.parameters(), norm)
    training.optimizer.step()
    if training.average is not None:
        training.average.update(training.network, step=done)


class LossWatch:
    """Sees that each step's loss is finite without making a GPU wait.

    On a GPU the losses are copied as it works, and each is looked at when its copy is there, a few
    steps later; on a CPU at once.
    """

    def __init__(self, epoch: int, device: torch.device) -> None:
        self._epoch = epoch
        self._on_gpu = device.type == "cuda"
        self._pending: deque[tuple[int, float, Tensor, torch.cuda.Event]] = deque()

    def add(self, step: int, loss: Tensor, rate: float) -> None:
        """Take the loss of a step, from 0, at its learning rate.

        Raises:
            NonFiniteLoss: this one, or one before, is not finite.
        """
        if not self._on_gpu:
            self._check(step, rate, loss)
            return
        copy = torch.empty((), dtype=loss.dtype, pin_memory=True)
        copy.copy_(loss, non_blocking=True)
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record()
        self._pending.append((step, rate, copy, event))
        while self._pending and self._pending[0][3].query():  # type: ignore[no-untyped-call]
            self._check(*self._pending.popleft()[:3])

    def check_all(self) -> None:
        """Wait for all losses, and check them.

        Raises:
            NonFiniteLoss: one of them is not finite.
        """
        while self._pending:
            step, rate, copy, event = self._pending.popleft()
            event.synchronize()
            self._check(step, rate, copy)

    def _check(self, step: int, rate: float, loss: Tensor) -> None:
        if not bool(loss.isfinite()):
            raise NonFiniteLoss(
                f"the loss is {float(loss)} in epoch {self._epoch} at step {step + 1}, learning "
                f"rate {rate:.3g}: lower optimizer.learning_rate, or set optimizer.clip_norm"
            )
