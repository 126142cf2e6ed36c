"""Training over folds that ends in one network: that of all images which the folds were cut from.

The networks of the folds tell what the configuration is worth, as in a search: each image is scored
by a network that did not see the image. The last network sees all images, so none is left to
validate on: this network is trained as the others were, for as many epochs, and the value of the
folds stands for its own.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch

from sedn.config import TrainingConfig
from sedn.data import Dataset, load_dataset
from sedn.data.folds import Folds
from sedn.errors import UserError
from sedn.training.bounds import Bounds
from sedn.training.checkpoints.files import read, write
from sedn.training.checkpoints.folder import DamagedCheckpoint, load_state
from sedn.training.checkpoints.identity import TrainingIdentity
from sedn.training.checkpoints.influence import INFLUENCE
from sedn.training.checkpoints.predictions import PREDICTIONS
from sedn.training.checkpoints.state import check_same_training
from sedn.training.checkpoints.storage import CHECKPOINT, fold_folder
from sedn.training.epochs import OnStep, train_epochs
from sedn.training.folds import after_epoch_bounds, ended_fold, train_folds
from sedn.training.result import EpochResult


def train_on_all(
    config: TrainingConfig,
    folder: str,
    on_step: OnStep = lambda epoch, step, steps: None,
) -> Iterator[EpochResult]:
    """Train a network for each fold, then one on all images, and yield a result for each epoch.

    Epochs are counted over all of these networks. The folder of the training holds the last one's
    checkpoint, and the scores of all images by the networks of the folds. The results of its epochs
    have the AUC of the folds, and the loss and costs of their own.

    Raises:
        UserError: as :func:`~sedn.training.folds.train_folds`.
    """
    last: EpochResult | None = None
    bounds = Bounds()
    for last in train_folds(config, folder, on_step=on_step):
        bounds = after_epoch_bounds(last, bounds)
        yield last
    assert last is not None
    before = config.total_epochs
    plain, dataset = config.without_folds(), _folds(config).keep_all()
    for own in train_epochs(
        plain, folder, bounds=bounds, dataset=dataset,
        on_step=lambda epoch, step, steps: on_step(before + epoch, step, steps),
    ):  # fmt: skip
        yield replace(
            last,
            epoch=before + own.epoch, train_loss=own.train_loss, seconds=own.seconds,
            costs=own.costs,
        )  # fmt: skip


def check_unchanged(config: TrainingConfig, folder: str) -> None:
    """Check that the data are those that the networks in ``folder`` began with.

    Raises:
        UserError: the data are others; the message says in what.
    """
    plain = config.without_folds()
    for place, dataset in _networks(config, folder):
        try:
            state = load_state(place, torch.device("cpu"))
        except DamagedCheckpoint:
            continue  # Training sets a damaged checkpoint aside and starts afresh.
        if state is not None:
            check_same_training(state, TrainingIdentity.of(plain, dataset), place)


def take_folds(config: TrainingConfig, source: str, folder: str) -> None:
    """Copy the trained networks of the folds from the folder of a trial to that of a training.

    Raises:
        UserError: ``source`` does not hold them all, trained to the last epoch of this
            configuration with its seed, on these data.
    """
    plain, folds = config.without_folds(), _folds(config)
    for fold in range(folds.count):
        place = fold_folder(source, fold)
        identity = TrainingIdentity.of(plain, folds.hold_out(fold))
        if ended_fold(place, identity, config.epochs) is None:
            raise UserError(
                f"{place}: holds no network that was trained without fold {fold + 1} by this "
                f"configuration to its last epoch, on these data; name the folder of the trial "
                f"that was exported, which `sedn show` prints, or leave `trained_folds` out where "
                f"the search has removed its checkpoints"
            )
    for fold in range(folds.count):
        for file in (PREDICTIONS, INFLUENCE, CHECKPOINT):
            content = read(fold_folder(source, fold), file)
            if content is not None:
                write(fold_folder(folder, fold), file, content)


def _networks(config: TrainingConfig, folder: str) -> Iterator[tuple[str, Dataset]]:
    """The folder of each network, and the data that it is trained on."""
    folds = _folds(config)
    for fold in range(folds.count):
        yield fold_folder(folder, fold), folds.hold_out(fold)
    yield folder, folds.keep_all()


def _folds(config: TrainingConfig) -> Folds:
    assert config.folds is not None
    return Folds.draw(load_dataset(config.data), config.folds, config.data.split_seed)
