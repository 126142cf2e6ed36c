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
from sedn.errors import UserError
from sedn.files import check_folder, make_folder
from sedn.registry import describe_source
from sedn.run.finishing import describe_model, save_model_folder
from sedn.run.model_file import MEMBERS, MODEL, ModelHeader, save_model
from sedn.run.rank_average import RankAverage
from sedn.training.checkpoints.identity import TrainingIdentity
from sedn.training.checkpoints.predictions import Predictions, save_predictions


def check_new(folder: Path) -> None:
    """Check that the folder is not there yet, or empty, and can be made; nothing is written.

    Raises:
        UserError: it cannot be made, or something is in it.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder}: holds files already; name a new folder")
    check_folder(folder)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder of the same name to write to, which takes the place of ``folder`` when it is whole.

    Raises:
        UserError: it cannot be made.
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


def write_one(network: Restored, validation: NDArray[np.float32], folder: Path) -> ModelHeader:
    """Write a single network, with these logits (images, labels) of validation."""
    truth = network.dataset.splits["validation"].truth
    header = describe_model(network.config, network.dataset, truth, validation)
    save_model_folder(network.network, header, folder)
    return header


def write_ensemble(
    members: Sequence[Candidate], average: RankAverage, folder: Path
) -> tuple[ModelHeader, int]:
    """Write the networks of an ensemble and what averages their ranks.

    Returns:
        The header of the ensemble, and the number of parameters of its networks.

    Raises:
        UserError: a checkpoint is gone, or the data cannot be had.
    """
    headers: list[ModelHeader] = []
    names = tuple(f"trial-{one.trial.number:05d}" for one in members)
    parameters = 0
    for one, name in zip(members, names, strict=True):
        network = restore_trial(one.trial, one.folder)
        place = folder / MEMBERS / name
        make_folder(place)
        headers.append(write_one(network, one.predictions.scores, place))
        parameters += network.network.parameter_count
    dataset = network.dataset
    logits = average.combine([one.predictions.scores for one in members])
    truth = members[0].predictions.targets
    header = replace(
        describe_model(_leading(headers).config, dataset, truth, logits), members=names
    )
    save_model(average, header, folder / MODEL)
    return header, parameters


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
    split = dataset.splits["validation"]
    return save_predictions(str(folder), "validation", split, dataset.labels, logits, identity)


def _leading(headers: Sequence[ModelHeader]) -> ModelHeader:
    """The header of the first member that takes given maps: these must be given to the ensemble."""
    for header in headers:
        if describe_source(header.config.map_source).why_no_masks is None:
            return header
    return headers[0]
