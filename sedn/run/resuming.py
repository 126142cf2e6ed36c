"""Whether the training in a folder may go on, or be read, with the data as they are now."""

from pathlib import Path

import torch

from sedn.config import TrainingConfig
from sedn.data import load_dataset
from sedn.errors import UserError
from sedn.run.summary import SUMMARY, read_summary
from sedn.training.all_images import check_unchanged
from sedn.training.checkpoints.folder import DamagedCheckpoint, load_state
from sedn.training.checkpoints.identity import TrainingIdentity
from sedn.training.checkpoints.state import check_same_training


def check_unchanged_data(config: TrainingConfig, folder: Path) -> None:
    """Check that the data are those that the training in ``folder`` began with, if one did.

    Splits that are drawn anew would test a network on images that it was trained on.

    Raises:
        UserError: the images, the labels or the splits are others than at the start; says which.
    """
    if (folder / SUMMARY).exists():
        _check_finished(config, folder)
        return
    if config.folds is not None:
        check_unchanged(config, str(folder))
        return
    try:
        state = load_state(str(folder), torch.device("cpu"))
    except DamagedCheckpoint:
        return  # Training sets a damaged checkpoint aside and starts afresh.
    if state is not None:
        now = TrainingIdentity.of(config, load_dataset(config.data))
        check_same_training(state, now, str(folder))


def _check_finished(config: TrainingConfig, folder: Path) -> None:
    try:
        now = load_dataset(config.data).fingerprint
    except UserError:
        return  # The data may be gone: what was reached can be read all the same.
    if read_summary(folder).data_fingerprint != now:
        raise UserError(
            f"{folder}: holds a finished run, and '{config.data.path}' has changed since; train on "
            f"the changed data in another folder"
        )
