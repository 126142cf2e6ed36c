"""Trials with scores that are drawn, not trained: what is true of their AUC is known."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from results.database.models import BASELINE, TrialState
from results.database.store import Store
from sedn.config import DataConfig, build_config, config_hash
from sedn.data import Split
from sedn.data.check.subject import open_images
from sedn.metrics import auc_within
from sedn.training.checkpoints.identity import TrainingIdentity
from sedn.training.checkpoints.influence import influence_of, save_influence
from sedn.training.checkpoints.predictions import PREDICTIONS, save_predictions
from sedn.training.result import EpochResult, by_label
from tests.results.rows import new_experiment, new_trial
from tests.sedn.data.fixtures import write_csv

Array = NDArray[np.floating]


def split_of(targets: Array, groups: tuple[str, ...] = (), names: str = "{}.png") -> Split:
    """A validation split of which nobody reads the pixels."""
    nothing = np.zeros((len(targets), 1, 1, 3), dtype=np.uint8)
    images = tuple(names.format(row) for row in range(len(targets)))
    known = np.zeros(len(targets), dtype=bool)
    return Split(nothing, nothing, known, targets.astype(np.float32), images, groups)


def add_scored(
    store: Store,
    experiment_id: int,
    number: int,
    split: Split,
    scores: Array,
    storage: Path,
    *,
    labels: Sequence[str] = (),
    role: str = "sampled",
    folds: Sequence[int] = (),
    **fields: object,
) -> None:
    """Add a complete trial of one epoch whose network scored the split so.

    Args:
        store: has the experiment.
        experiment_id: of it.
        number: of the trial.
        split: that was validated on.
        scores: ``(images, labels)``.
        storage: where the scores are kept.
        labels: names; ``label 0`` and so on if none.
        role: the first trial of an experiment is mostly its baseline.
        folds: the fold of each image, from 0, by the network of which it was scored, if several.
        fields: of the configuration, with its seed.
    """
    names = tuple(labels) or label_names(scores.shape[1])
    cut = {"folds": max(folds) + 1} if folds else {}
    config = build_config({"epochs": 1, **cut, **fields}, "test")
    folder = storage / "scored" / f"{experiment_id}-{number:05d}"
    identity = TrainingIdentity(config_hash(config), config.seed, "f" * 16, names, {})
    kept = save_predictions(
        str(folder), "validation", split, names, scores.astype(np.float32), identity,
        folds,
    )  # fmt: skip
    save_influence(str(folder), influence_of(kept))
    estimate = auc_within(kept.targets, kept.scores, kept.numbered_folds)
    aucs, errors = (by_label(names, v) for v in (estimate.labels, estimate.labels_stderr))
    row = new_trial(experiment_id, number, config, role)
    store.add_trial(replace(row, folder=str(folder)))
    result = EpochResult(1, estimate.mean, estimate.mean_stderr, aucs, errors, 0.5, 1.0)
    store.record_epoch(experiment_id, number, result, node="here")
    of_labels = {name: (aucs[name], errors[name]) for name in names}
    file = f"{folder}/{PREDICTIONS}"
    store.finish_trial(
        experiment_id, number, TrialState.COMPLETE, None, of_labels,
        predictions=(file, kept.fingerprint),
    )  # fmt: skip


def add_baseline(
    store: Store,
    experiment_id: int,
    split: Split,
    scores: Array,
    storage: Path,
    folds: Sequence[int] = (),
) -> None:
    """Add the baseline as trial 0."""
    add_scored(store, experiment_id, 0, split, scores, storage, role=BASELINE, folds=folds)


def with_files(store: Store, folder: Path, labels: tuple[str, str]) -> Store:
    """The store, with a trial of image files; for one label it errs most on the first and the last
    of them.
    """
    (folder / "data").mkdir()
    data = {"path": str(write_csv(folder / "data")), "image_size": 32}
    names = open_images(DataConfig.model_validate(data)).names
    targets = np.tile([[1.0, 0.0], [0.0, 1.0]], (len(names), 1))[: len(names)]
    scores = 4 * targets - 2 + np.linspace(0, 0.1, len(names))[:, None]
    scores[[0, -1], 0] *= -3
    experiment = new_experiment(store, "rows", labels)
    add_scored(
        store, experiment, 0, replace(split_of(targets), names=names), scores, folder,
        role=BASELINE, labels=labels, data=data,
    )  # fmt: skip
    return store


def label_names(count: int) -> tuple[str, ...]:
    """``label 0``, ``label 1`` …"""
    return tuple(f"label {number}" for number in range(count))
