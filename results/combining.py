"""The candidates of a combination, and the choice of its members.

The members of an ensemble are chosen as by Caruana, Niculescu-Mizil, Crew and Ksikes, Ensemble
Selection from Libraries of Models, ICML 2004: the best training first, then always the one that
raises the mean AUC on validation most, each once, until none raises it. Ranks are averaged, as the
scales of two networks' scores have nothing to do with each other, and the AUC knows ranks alone.
Of trainings over folds the ranks are those within a fold, whose images one network of each scored.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from results.database.models import Experiment, Trial
from results.database.store import Store
from results.predictions import Predictions, read_predictions, trained_in
from results.ranking.leaders import order_experiment
from sedn.arrays import Floats
from sedn.config import TrainingConfig, build_config
from sedn.errors import UserError
from sedn.metrics import auc_within, images_of_folds, mid_ranks

TOP = 5


@dataclass(frozen=True)
class Candidate:
    """A training that may be combined with others."""

    title: str
    """``rank 2, trial 7``."""
    trial: Trial
    config: TrainingConfig
    predictions: Predictions
    """Its scores on validation."""
    folder: str
    """The folder of its checkpoint."""
    mean_auc: float
    """On validation."""


@dataclass(frozen=True)
class Choice:
    """Members in the order in which they joined."""

    members: tuple[int, ...]
    """Places in the sequence that was chosen from."""
    mean_aucs: tuple[float, ...]
    """The mean AUC on validation after each had joined."""


def find_candidates(
    store: Store, experiment: Experiment, top: int | None, storage: str | None = None
) -> list[Candidate]:
    """Find the trainings, one for each seed, of the first configurations of the ranking; the
    highest mean AUC on validation comes first.

    Args:
        store: has the experiment.
        experiment: whose trials they are.
        top: how many configurations; ``None``: :data:`TOP`, or as many as there are.
        storage: as for :func:`results.predictions.read_predictions`.

    Raises:
        UserError: there are fewer than ``top``, or than two trainings, one kept no scores, two
            were validated on different images or labels.
    """
    if top is not None and top < 2:
        raise UserError(f"`top={top}`: a combination takes two configurations or more")
    ordered = order_experiment(store, experiment)
    feasible = ordered.rows(ordered["feasible"])
    if top is not None and len(feasible) < top:
        raise UserError(
            f"`top={top}`: experiment '{experiment.name}' has {len(feasible)} configurations that "
            f"were trained to the last epoch within the constraints"
        )
    ranks = dict(zip(feasible["config_hash"].tolist(), feasible["rank"].tolist(), strict=True))
    leading = dict(list(ranks.items())[: top or TOP])
    found: dict[tuple[str, int], Candidate] = {}
    for number, _, config_hash, seed, *_ in store.complete(experiment.id):
        if config_hash in leading and (config_hash, seed) not in found:
            title = f"rank {leading[config_hash]}, trial {number}"
            found[config_hash, seed] = _read(store, experiment, title, number, storage)
    if len(found) < 2:
        raise UserError(
            f"experiment '{experiment.name}': {len(found)} of its trials reached the last epoch "
            f"within the constraints; a combination takes two or more"
        )
    _check_alike(experiment, list(found.values()))
    return sorted(found.values(), key=lambda one: (-one.mean_auc, one.trial.number))


def choose_members(
    targets: ArrayLike, scores: Sequence[ArrayLike], folds: NDArray[np.int64] | None = None
) -> Choice:
    """Choose the members of an ensemble by the mean AUC of their average ranks.

    Args:
        targets: ``(images, labels)``: 1, 0, or NaN where the truth is unknown.
        scores: ``(images, labels)`` of each candidate; only their order counts, within a label and
            a fold.
        folds: ``(images,)``: the fold of each image, where each candidate has a network for each.
    """
    truth = np.asarray(targets)
    ranks = [_ranks_within(np.asarray(one), folds) for one in scores]
    total = np.zeros(truth.shape)
    members: list[int] = []
    mean_aucs: list[float] = []
    while len(members) < len(ranks):
        others = [one for one in range(len(ranks)) if one not in members]
        reached = [auc_within(truth, total + ranks[one], folds).mean for one in others]
        best = int(np.argmax(reached))
        if mean_aucs and not reached[best] > mean_aucs[-1]:
            break
        members.append(others[best])
        mean_aucs.append(reached[best])
        total += ranks[others[best]]
    return Choice(tuple(members), tuple(mean_aucs))


def _ranks_within(scores: NDArray[np.floating], folds: NDArray[np.int64] | None) -> Floats:
    """``(images, labels)``: ranks among the images of a fold, or among all."""
    ranks = np.empty(scores.shape)
    for rows in images_of_folds(folds, len(scores)):
        ranks[rows] = mid_ranks(scores[rows])
    return ranks


def _read(
    store: Store, experiment: Experiment, title: str, number: int, storage: str | None
) -> Candidate:
    trial = store.known_trial(experiment.id, number)
    try:
        predictions = read_predictions(trial, storage)
    except UserError as error:
        raise UserError(f"experiment '{experiment.name}', {error}") from None
    mean_auc = auc_within(predictions.targets, predictions.scores, predictions.numbered_folds).mean
    config = build_config(trial.config, f"trial {number}")
    return Candidate(title, trial, config, predictions, trained_in(trial, storage), mean_auc)


def _check_alike(experiment: Experiment, candidates: Sequence[Candidate]) -> None:
    first = candidates[0]
    for other in candidates[1:]:
        if other.predictions.fingerprint != first.predictions.fingerprint:
            raise UserError(
                f"experiment '{experiment.name}': trials {first.trial.number} and "
                f"{other.trial.number} were validated on different images or labels, so they "
                f"cannot be combined"
            )
    if not first.mean_auc == first.mean_auc:
        raise UserError(
            f"experiment '{experiment.name}': validation has no label with images of both classes, "
            f"so no members can be chosen by their AUC"
        )
