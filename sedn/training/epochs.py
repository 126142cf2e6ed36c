"""The training loop: a plain generator of epochs, which a trial and ``sedn train`` both drive."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sedn.config import TrainingConfig
from sedn.data import Dataset
from sedn.errors import DataChanged, OutOfMemory
from sedn.metrics import AucEstimate, auc
from sedn.network import needs_two_images, why_two_images
from sedn.training.bounds import Bounds
from sedn.training.checkpoints.folder import UnusableCheckpoint, set_checkpoint_aside
from sedn.training.checkpoints.influence import influence_of, save_influence
from sedn.training.checkpoints.predictions import save_predictions
from sedn.training.checkpoints.state import Training, prepare, restore_training, save_training
from sedn.training.cost import Probe, measure_costs
from sedn.training.device import threads
from sedn.training.evaluation import predict
from sedn.training.inputs.batches import view_split
from sedn.training.inputs.fetching import View
from sedn.training.inputs.sources import check_masks
from sedn.training.memory import (
    device_memory,
    is_out_of_memory,
    peak_memory,
    release_memory,
    reset_peak,
)
from sedn.training.optimization.step import Deadline, train_epoch
from sedn.training.result import EpochResult, by_label

_log = logging.getLogger(__name__)

VALIDATION = "validation"

OnStep = Callable[[int, int, int], None]
"""Called after each step with the epoch, the steps of it that are done, and how many it has."""


def train_epochs(
    config: TrainingConfig,
    folder: str,
    after_epoch: int = 0,
    bounds: Bounds | None = None,
    on_step: OnStep = lambda epoch, step, steps: None,
    dataset: Dataset | None = None,
) -> Iterator[EpochResult]:
    """Train one network, and yield a result for each epoch after ``after_epoch``.

    Where ``folder`` holds a checkpoint, training goes on from there, within an epoch too; what it
    says of epochs after ``after_epoch`` is yielded first. After each epoch, and before its result
    is yielded, the folder holds its checkpoint; after the last one also the scores on validation,
    of which the result's AUC is. A checkpoint that is damaged, or of another configuration, seed or
    data, is set aside, and training starts afresh.

    Where the memory does not suffice, training goes on from the last checkpoint with half as many
    images at once, and the gradients of the parts are summed: a step is that of the same batch.

    With ``dataset`` training is on that in place of the configuration's data as they are cut. One
    without a validation split is trained on alone: the results have no AUC, and no scores are kept.

    Raises:
        UserError: the data, the backbone or the optimiser cannot be had.
        DataChanged: the data are others than those that ``bounds`` name.
        NonFiniteLoss: a loss is infinite or not a number.
        OutOfMemory: the memory does not suffice for a single image, or for two where the network
            cannot train on one.
        TimeExceeded: the time of ``bounds`` is over.
    """
    bounds = bounds or Bounds()
    own = config.micro_batch_size or config.batch_size
    micro_batch = min(own, bounds.micro_batch or own)
    while True:
        try:
            with threads(config.threads):
                # Held by the attempt alone, so that all of it is free where the memory lacks.
                attempt = _train(
                    prepare(config, micro_batch, dataset), folder, after_epoch, bounds, on_step
                )
                for result in attempt:
                    after_epoch = result.epoch
                    yield result
            return
        except ValueError as error:
            if micro_batch == own or not needs_two_images(error):
                raise
            images = f"two images of {config.data.image_size} px"
            raise _out_of_memory(images, why_two_images(config)) from error
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            reason = " ".join(str(error).split())
        # Here the error is gone, and with it its hold on the tensors of the attempt.
        release_memory()
        if micro_batch == 1:
            image = f"a single image of {config.data.image_size} px through {config.backbone.name}"
            raise _out_of_memory(image, reason)
        micro_batch = (micro_batch + 1) // 2


def _out_of_memory(images: str, reason: str) -> OutOfMemory:
    return OutOfMemory(
        f"the memory does not suffice for {images}: lower data.image_size, or take a smaller "
        f"backbone ({reason})"
    )


def _train(
    training: Training,
    folder: str,
    after_epoch: int,
    bounds: Bounds,
    on_step: OnStep,
) -> Iterator[EpochResult]:
    """Train once from the last checkpoint, with as many images at a time as the training has."""
    config = training.config
    check_data(training.dataset, config, bounds)
    has_validation = VALIDATION in training.dataset.splits
    validation = view_split(training.dataset, VALIDATION, config) if has_validation else None
    _restore(training, folder)
    history = training.history
    yield from [result for result in history if result.epoch > after_epoch]
    reset_peak(training.device)
    deadline = _deadline(training, bounds.seconds, bounds.spent_seconds)
    after_step = _after_step(training, folder, bounds.checkpoint_seconds, on_step)
    for epoch in range(len(history) + 1, config.epochs + 1):
        spent = training.position.seconds if training.position else 0.0
        started = time.perf_counter() - spent
        train_loss = train_epoch(training, epoch, deadline, after_step)
        trained = time.perf_counter() - started
        scores = _validate(training, validation)
        truth = validation.split.truth if validation else np.empty_like(scores)
        estimate = auc(truth, scores)
        result = _result(training, train_loss, estimate, trained, started)
        if epoch == config.epochs and has_validation:
            result = _keep_scores(training, folder, result, scores, estimate)
        history.append(result)
        save_training(training, folder)
        if epoch > after_epoch:
            yield result


def check_data(dataset: Dataset, config: TrainingConfig, bounds: Bounds) -> None:
    """Check that the data are those that are meant.

    Raises:
        DataChanged: the data are others.
        UserError: the network needs masks, and no training image has one.
    """
    meant = bounds.data_fingerprint
    if meant is not None and dataset.fingerprint != meant:
        raise DataChanged(
            f"the data at '{config.data.path}' has changed since the search was started; put it "
            f"back and start the search again, or start a new one under another name"
        )
    check_masks(dataset, config)


def _restore(training: Training, folder: str) -> None:
    """Go on from the folder's checkpoint; one that is damaged or foreign is set aside."""
    try:
        restore_training(training, folder)
    except UnusableCheckpoint as error:
        aside = set_checkpoint_aside(folder)
        _log.warning("%s; kept as %s, and the training starts afresh", error, aside)


def _deadline(training: Training, seconds: float | None, spent: float) -> Deadline | None:
    if seconds is None:
        return None
    spent += sum(result.seconds for result in training.history)
    if training.position is not None:
        spent += training.position.seconds
    return Deadline(time.monotonic() + seconds - spent, seconds)


def _after_step(
    training: Training, folder: str, save_seconds: float, on_step: OnStep
) -> Callable[[], None]:
    """A callback that reports a step, and saves the training when the last save is long enough
    ago.
    """
    last = time.monotonic()

    def after_step() -> None:
        nonlocal last
        if time.monotonic() - last >= save_seconds:
            save_training(training, folder)
            last = time.monotonic()
        assert training.position is not None
        on_step(training.position.epoch, training.position.step, training.steps)

    return after_step


def _validate(training: Training, validation: View | None) -> NDArray[np.float32]:
    """``(images, labels)``: logits of validation, of no image where there is none."""
    if validation is None:
        return np.empty((0, len(training.dataset.labels)), dtype=np.float32)
    # Nothing is kept for a backward pass, so twice as many images fit.
    return predict(
        training.validated,
        validation,
        2 * training.micro_batch,
        has_indicator=training.dataset.has_indicator,
    )


def _result(
    training: Training,
    train_loss: float,
    estimate: AucEstimate,
    trained: float,
    started: float,
) -> EpochResult:
    images = training.steps * min(training.config.batch_size, len(training.train.split))
    # Before the cost is measured, which is no part of training.
    peak = _peak(training)
    seconds = time.perf_counter() - started
    costs = _costs(training) | {
        "images_per_second": images / trained,
        "peak_memory": peak,
        "device_memory": device_memory(training.device),
        "micro_batch": training.micro_batch,
    }
    return EpochResult(
        epoch=len(training.history) + 1,
        mean_auc=estimate.mean,
        mean_auc_stderr=estimate.mean_stderr,
        label_auc=by_label(training.dataset.labels, estimate.labels),
        label_auc_stderr=by_label(training.dataset.labels, estimate.labels_stderr),
        train_loss=train_loss,
        seconds=seconds,
        costs=costs,
    )


def _keep_scores(
    training: Training,
    folder: str,
    result: EpochResult,
    scores: NDArray[np.float32],
    estimate: AucEstimate,
) -> EpochResult:
    """Write the scores of the last epoch, before the checkpoint which says that they are there."""
    dataset, name = training.dataset, VALIDATION
    kept = save_predictions(
        folder, name, dataset.splits[name], dataset.labels, scores, training.identity
    )
    save_influence(folder, influence_of(kept, estimate))
    return replace(result, predictions=kept.fingerprint)


def _peak(training: Training) -> float | None:
    """The peak so far; an earlier process of the same training may have had a greater one."""
    before = [result.cost("peak_memory") for result in training.history[-1:]]
    known = [peak for peak in (*before, peak_memory(training.device)) if peak is not None]
    return max(known, default=None)


def _costs(training: Training) -> dict[str, float | None]:
    """The costs of the network, measured after the first epoch, and kept from then on."""
    if training.history:
        return dict(training.history[-1].costs)
    config, dataset = training.config, training.dataset
    channels = len(dataset.regions) + dataset.has_indicator
    return measure_costs(Probe(training.validated, config.data.image_size, channels))
