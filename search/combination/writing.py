"""The folder of a combination: one that predictions, comparisons and exports read as a run's."""

import hashlib
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from results.combining import Candidate
from search.confirmation.testing import Restored, restore_trial
from sedn.data import Dataset
from sedn.data.folds import Folds
from sedn.errors import UserError
from sedn.files import check_folder, make_folder
from sedn.metrics import images_of_folds
from sedn.registry import describe_source
from sedn.run.finishing import describe_model, save_model_folder
from sedn.run.model_file import MEMBERS, MODEL, ModelHeader, save_model
from sedn.run.rank_average import RankAverage
from sedn.training.checkpoints.identity import TrainingIdentity
from sedn.training.checkpoints.predictions import Predictions, save_predictions
from sedn.training.checkpoints.storage import fold_folder


def check_new(folder: Path) -> None:
    """Check that the folder is not there yet, or empty, and can be made; nothing is written.

    Raises:
        UserError: the folder cannot be made, or is not empty.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder}: holds files already; name a new folder")
    check_folder(folder)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder of the same name to write to, which takes the place of ``folder`` when it is whole.

    Raises:
        UserError: the folder cannot be made.
    """
    make_folder(folder.parent)
    part = folder.parent / f".sedn-{secrets.token_hex(8)}.part"
    written = part / folder.name
    make_folder(written)
    try:
        yield written
        try:
            written.replace(folder)
        except OSError as error:
            raise UserError(f"{folder}: cannot be made: {error.strerror}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_one(
    network: Restored,
    truth: NDArray[np.floating],
    logits: NDArray[np.float32],
    folder: Path,
) -> ModelHeader:
    """Write a single network, with its ``logits`` of images that it did not see, and their truth,
    both (images, labels).
    """
    header = describe_model(network.config, network.dataset, truth, logits)
    save_model_folder(network.network, header, folder)
    return header


def write_ensemble(
    members: Sequence[Candidate],
    average: RankAverage,
    logits: NDArray[np.float32],
    folder: Path,
) -> tuple[ModelHeader, int]:
    """Write the networks of an ensemble and what averages their ranks.

    Args:
        members: trainings, each of one network, or of one for each fold.
        average: of the ranks of their networks.
        logits: of the ensemble on validation.
        folder: of the ensemble.

    Returns:
        The header of the ensemble, and the number of parameters of its networks.

    Raises:
        UserError: a checkpoint is gone, or the data cannot be had.
    """
    headers: list[ModelHeader] = []
    names: list[str] = []
    parameters = 0
    for one in members:
        for name, place, rows in _networks(one):
            network = restore_trial(one.trial, place)
            to = folder / MEMBERS / name
            make_folder(to)
            scored = one.predictions
            headers.append(write_one(network, scored.targets[rows], scored.scores[rows], to))
            names.append(name)
            parameters += network.network.parameter_count
    truth = members[0].predictions.targets
    described = describe_model(_leading(headers).config, network.dataset, truth, logits)
    header = replace(described, members=tuple(names))
    save_model(average, header, folder / MODEL)
    return header, parameters


def _networks(one: Candidate) -> Iterator[tuple[str, str, NDArray[np.int64]]]:
    """A name for each network of a training, the folder of its checkpoint, and the images that the
    network did not see, in the order in which :class:`RankAverage` has the networks.
    """
    name, folds = f"trial-{one.trial.number:05d}", one.predictions.numbered_folds
    if folds is None:
        yield name, one.folder, np.arange(len(one.predictions.images))
        return
    for fold, rows in enumerate(images_of_folds(folds, len(folds))):
        yield f"{name}-fold-{fold + 1}", fold_folder(one.folder, fold), rows


def keep_validation(
    members: Sequence[Candidate], dataset: Dataset, logits: NDArray[np.float32], folder: Path
) -> Predictions:
    """Write the logits (images, labels) of a combination on validation, for `sedn compare`."""
    made_of = members[0].trial.config_hash
    if len(members) > 1:
        hashes = [f"{one.trial.config_hash} {one.trial.seed}" for one in members]
        made_of = hashlib.sha256("\n".join(["combination", *hashes]).encode()).hexdigest()[:16]
    images = {name: len(split) for name, split in dataset.splits.items()}
    identity = TrainingIdentity(
        made_of, members[0].trial.seed, dataset.fingerprint, dataset.labels, images
    )
    config, split = members[0].config, dataset.splits["validation"]
    if config.folds is not None:
        split = Folds.draw(dataset, config.folds, config.data.split_seed).whole
    return save_predictions(
        str(folder), "validation", split, dataset.labels, logits, identity,
        members[0].predictions.folds,
    )  # fmt: skip


def _leading(headers: Sequence[ModelHeader]) -> ModelHeader:
    """The header of the first member that takes given maps: these must be given to the ensemble."""
    for header in headers:
        if describe_source(header.config.map_source).why_no_masks is None:
            return header
    return headers[0]
