"""The scores of trained trials on the test split: each computed once, and kept in its folder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from results.database.models import Trial
from sedn.config import TrainingConfig, build_config
from sedn.errors import UserError
from sedn.training.checkpoints.predictions import (
    Predictions,
    load_predictions,
    save_predictions,
)
from sedn.training.checkpoints.storage import fold_folder

if TYPE_CHECKING:
    from sedn.data import Dataset
    from sedn.network import SemanticNetwork

TEST = "test"

OnTrial = Callable[[int, int], None]
"""Called with the number of scored trials, and of all trials."""


def score_on_test(
    trials: Sequence[Trial], folders: Sequence[str], on_trial: OnTrial = lambda done, count: None
) -> list[list[Predictions]]:
    """Score the test split by the networks of each trial: one, or one for each fold.

    Args:
        trials: complete ones.
        folders: where the checkpoint of each lies.
        on_trial: called after each trial.

    Raises:
        UserError: a checkpoint is gone, or the data are not those that the trial was trained on.
    """
    scored = []
    for done, (trial, folder) in enumerate(zip(trials, folders, strict=True), start=1):
        config = build_config(trial.config, f"trial {trial.number}")
        places = [folder]
        if config.folds is not None:
            places = [fold_folder(folder, fold) for fold in range(config.folds)]
        scored.append([_kept(trial, place) or _score(trial, place) for place in places])
        on_trial(done, len(trials))
    return scored


def _kept(trial: Trial, folder: str) -> Predictions | None:
    """Read the scores that an earlier start of this reading kept."""
    kept = load_predictions(folder, TEST)
    if kept is None or (kept.configuration, kept.seed) != (trial.config_hash, trial.seed):
        return None
    return kept


def is_testable(trial: Trial) -> bool:
    """Whether the test split of the trial's data has a label with images of both classes."""
    from sedn.data import count_labels, load_dataset

    dataset = load_dataset(build_config(trial.config, f"trial {trial.number}").data)
    if TEST not in dataset.splits:
        return False
    counts = count_labels(dataset, TEST).values()
    return any(0 < positives < known for positives, known in counts)


@dataclass(frozen=True)
class Restored:
    """A trained network again, with what it is scored by."""

    config: TrainingConfig
    dataset: "Dataset"
    network: "SemanticNetwork"
    at_once: int
    """Images that it scores at once."""

    def score(self, split: str) -> NDArray[np.float32]:
        """``(images, labels)``: logits on a split."""
        from sedn.run.scoring import score_split

        return score_split(self.network, self.dataset, split, self.config, self.at_once)

    def renew_statistics(self) -> None:
        """Compute the statistics of BatchNorm from the training images, for other weights."""
        from sedn.run.batch_norms import renew_statistics

        renew_statistics(self.network, self.dataset, self.config, self.at_once // 2)


def restore_trial(trial: Trial, folder: str) -> Restored:
    """Restore the network of a complete trial.

    Raises:
        UserError: its checkpoint is gone, or the data cannot be had.
    """
    from sedn.data import load_dataset
    from sedn.run.scoring import restore_network

    config = build_config(trial.config, f"trial {trial.number}")
    dataset = load_dataset(config.data)
    try:
        network = restore_network(config, dataset, folder)
    except FileNotFoundError:
        raise UserError(
            f"trial {trial.number}: its checkpoint is not in '{folder}'; where the search removed "
            f"it, as the trial is not among the best (`keep_best`), ask for fewer by `top` or "
            f"train the configuration again, else see that this machine reaches the storage path"
        ) from None
    at_once = 2 * int(trial.cost("micro_batch") or config.batch_size)
    return Restored(config, dataset, network, at_once)


def _score(trial: Trial, folder: str) -> Predictions:
    from sedn.training.checkpoints.identity import TrainingIdentity

    restored = restore_trial(trial, folder)
    logits, dataset = restored.score(TEST), restored.dataset
    identity = TrainingIdentity.of(restored.config, dataset)
    return save_predictions(folder, TEST, dataset.splits[TEST], dataset.labels, logits, identity)
