"""Training over folds: one network for each fold of the images, which does not see the fold.

A training over K folds of E epochs each has K times E epochs: those of the first network, then
those of the second, and so on. What an epoch reports can be compared with the same epoch of any
other training on these folds: in the first fold the network's own validation, and from then on the
mean over the folds whose network has ended. So no value is of a network that has just begun.

The AUC of a label is the mean of those within the folds, and its error is taken over all images
together (:mod:`sedn.metrics.folds`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sedn.config import TrainingConfig
from sedn.data import Dataset, load_dataset
from sedn.data.folds import Folds
from sedn.errors import UserError
from sedn.metrics import auc_within
from sedn.training.bounds import Bounds
from sedn.training.checkpoints.folder import (
    UnusableCheckpoint,
    load_state,
    set_checkpoint_aside,
)
from sedn.training.checkpoints.identity import TrainingIdentity
from sedn.training.checkpoints.influence import influence_of, save_influence
from sedn.training.checkpoints.predictions import Predictions, load_predictions, save_predictions
from sedn.training.checkpoints.storage import StorageFault, fold_folder
from sedn.training.epochs import OnStep, check_data, train_epochs
from sedn.training.result import EpochResult, by_label


def train_trial(
    config: TrainingConfig, folder: str, after_epoch: int = 0, bounds: Bounds | None = None
) -> Iterator[EpochResult]:
    """Train as the configuration says: one network, or one for each fold.

    As :func:`~sedn.training.epochs.train_epochs`, of which this is the first case.
    """
    train = train_epochs if config.folds is None else train_folds
    yield from train(config, folder, after_epoch, bounds)


def train_folds(
    config: TrainingConfig,
    folder: str,
    after_epoch: int = 0,
    bounds: Bounds | None = None,
    on_step: OnStep = lambda epoch, step, steps: None,
) -> Iterator[EpochResult]:
    """Train a network for each fold, and yield a result for each epoch after ``after_epoch``.

    Epochs are counted over all folds. Each network has a folder of its own in ``folder``, where its
    training goes on from the checkpoint. After the last epoch, and before the result is yielded,
    ``folder`` holds the scores of all images, each by the network that did not see the image.

    Raises:
        UserError: as :func:`~sedn.training.epochs.train_epochs`, or the data cannot be cut so.
    """
    assert config.folds is not None
    bounds = bounds or Bounds()
    dataset = load_dataset(config.data)
    check_data(dataset, config, bounds)
    scores = _Scores.none(Folds.draw(dataset, config.folds, config.data.split_seed))
    bounds = replace(bounds, data_fingerprint=None)
    reached: dict[str, Any] = {}
    for fold in range(config.folds):
        cut = scores.folds.hold_out(fold)
        for own in _train_fold(config, cut, folder, fold, bounds, on_step):
            if own.epoch == config.epochs:
                scores.add(fold, fold_folder(folder, fold))
                reached = scores.value(fold)
            epoch = fold * config.epochs + own.epoch
            result = replace(own, **reached, epoch=epoch, predictions=None)
            if epoch == config.total_epochs:
                result = replace(result, predictions=scores.keep(config, folder))
            bounds = after_epoch_bounds(own, bounds)
            if epoch > after_epoch:
                yield result


def after_epoch_bounds(own: EpochResult, bounds: Bounds) -> Bounds:
    """Bound the epochs after one: less time is left, and no more images fit at once."""
    known = [size for size in (bounds.micro_batch, own.cost("micro_batch")) if size is not None]
    return replace(
        bounds,
        spent_seconds=bounds.spent_seconds + own.seconds,
        micro_batch=int(min(known)) if known else None,
    )


def _train_fold(
    config: TrainingConfig,
    dataset: Dataset,
    folder: str,
    fold: int,
    bounds: Bounds,
    on_step: OnStep,
) -> Iterator[EpochResult]:
    """Yield the epochs of the network of a fold: those that are known, or as it trains."""
    before = fold * config.epochs
    config, folder = config.without_folds(), fold_folder(folder, fold)
    known = ended_fold(folder, TrainingIdentity.of(config, dataset), config.epochs)
    yield from known or train_epochs(
        config, folder, bounds=bounds, dataset=dataset,
        on_step=lambda epoch, step, steps: on_step(before + epoch, step, steps),
    )  # fmt: skip


def ended_fold(folder: str, identity: TrainingIdentity, epochs: int) -> list[EpochResult] | None:
    """Read the epochs of a network that was trained to its last.

    ``None`` where it was not, or its scores are gone, so that it is trained again.
    """
    try:
        state = load_state(folder, torch.device("cpu"))
    except UnusableCheckpoint:
        return None
    if state is None or TrainingIdentity.from_json(state["identity"]) != identity:
        return None
    history = [EpochResult.from_json(fields) for fields in state["history"]]
    if len(history) < epochs:
        return None
    if _find_scores(folder, history[-1]) is None:
        set_checkpoint_aside(folder)
        return None
    return history


def _find_scores(folder: str, last: EpochResult) -> Predictions | None:
    """Read the scores of a network that its last epoch names; ``None`` where they are gone."""
    try:
        kept = load_predictions(folder)
    except StorageFault:
        raise
    except UserError:
        return None
    return kept if kept is not None and kept.fingerprint == last.predictions else None


@dataclass(frozen=True)
class _Scores:
    """The scores of the networks that have ended, each on the images of its fold."""

    folds: Folds
    truth: NDArray[np.float32]
    """``(images, labels)``, of all folds."""
    scores: NDArray[np.float32]
    """``(images, labels)``: logits; 0 where no network has ended."""

    @classmethod
    def none(cls, folds: Folds) -> "_Scores":
        truth = folds.whole.truth
        return cls(folds, truth, np.zeros(truth.shape, dtype=np.float32))

    def add(self, fold: int, folder: str) -> None:
        """Read the scores of the network of a fold, which has just ended."""
        kept = load_predictions(folder)
        assert kept is not None, "the scores are written before the result of the last epoch"
        self.scores[self.folds.rows(fold)] = kept.scores

    def value(self, last: int) -> dict[str, Any]:
        """Value the folds up to ``last``, as fields of an epoch's result."""
        rows = np.flatnonzero(self.folds.of_image <= last)
        estimate = auc_within(self.truth[rows], self.scores[rows], self.folds.of_image[rows])
        labels = self.folds.dataset.labels
        return {
            "mean_auc": estimate.mean,
            "mean_auc_stderr": estimate.mean_stderr,
            "label_auc": by_label(labels, estimate.labels),
            "label_auc_stderr": by_label(labels, estimate.labels_stderr),
        }

    def keep(self, config: TrainingConfig, folder: str) -> str:
        """Write the scores of all images to the folder of the training; their fingerprint."""
        dataset = self.folds.dataset
        kept = save_predictions(
            folder, "validation", self.folds.whole, dataset.labels, self.scores,
            TrainingIdentity.of(config, dataset), self.folds.of_image.tolist(),
        )  # fmt: skip
        save_influence(folder, influence_of(kept))
        return kept.fingerprint
