"""Variance over validation images: the part of an effect's error that all trials share.

Trainings alike in an axis make alike mistakes. On a few images chance labels may suit the mistakes
of one backbone, and all trials with that backbone seem better: no number of trainings tells such
luck from an effect, other images do. How much of it there can be is seen from the scores that
complete trials keep. Each image has an influence on each AUC (:mod:`sedn.metrics.roc`), and the
products of two trials' influences are the covariance of their errors over images. That is a
constant, and one part for each axis in which both trials are alike, and for each two; the parts are
found by least squares over all pairs of trials, none below 0. What is a single trial's own is among
what its residual shows already.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.optimize import nnls

from results.axes.model import Design
from results.database.models import Trial
from results.predictions import Predictions, read_predictions
from sedn.arrays import Floats
from sedn.errors import UserError
from sedn.metrics import label_influences_within
from sedn.training.checkpoints.storage import StorageFault

LEAST_TRIALS, MOST_TRIALS = 8, 60
"""Complete trials whose scores are read: with fewer nothing is estimated, and more add little."""
MOST_NUMBERS = 4e7
"""Influences in memory, about: fewer trials where there are very many images and labels."""
MOST_MISSING = 3
"""Scores that are not where they should be, before the others are not looked for."""


@dataclass(frozen=True)
class Influences:
    """The influence of each image, or group of images that go together, on the AUC of each
    label.
    """

    trials: tuple[int, ...]
    """Numbers of the trials."""
    labels: tuple[str, ...]
    of_labels: Floats
    """``(trials, images, labels)``: over the number of images, so that products sum to
    covariances."""


def read_influences(trials: Sequence[Trial], labels: Sequence[str]) -> Influences | None:
    """From the scores of some complete trials; ``None`` where too few can be read.

    Args:
        trials: of the experiment.
        labels: that have an AUC.
    """
    kept = [t for t in trials if t.predictions is not None and t.duplicate_of is None]
    if len(kept) < LEAST_TRIALS or not labels:
        return None
    # Spread over the search: its sampler changes what it tries.
    picks = np.linspace(0, len(kept) - 1, min(MOST_TRIALS, len(kept))).round().astype(int)
    by_trial: list[tuple[int, Floats]] = []
    fingerprint, missing, most = None, 0, MOST_TRIALS
    for trial in (kept[pick] for pick in np.random.default_rng(0).permutation(picks)):
        if len(by_trial) >= most:
            break
        try:
            predictions = read_predictions(trial)
        except (UserError, StorageFault, OSError):
            missing += 1
            if missing >= MOST_MISSING and not by_trial:
                return None
            continue
        fingerprint = fingerprint or predictions.fingerprint
        if predictions.fingerprint == fingerprint and set(labels) <= set(predictions.labels):
            by_trial.append((trial.number, _influences(predictions, labels)))
            most = max(LEAST_TRIALS, min(most, int(MOST_NUMBERS / by_trial[0][1].size)))
    if len(by_trial) < LEAST_TRIALS:
        return None
    numbers, influences = zip(*by_trial, strict=True)
    return Influences(numbers, tuple(labels), np.stack(influences))


def image_variances(design: Design, rows: Sequence[int], influences: Floats) -> Floats:
    """``(C, L)``: the variance of each effect over images.

    Args:
        design: of the configurations.
        rows: the configuration of each trial whose influences are known.
        influences: ``(trials, images, L)``, as :class:`Influences` has them.
    """
    first, other = np.triu_indices(len(rows), k=1)
    covariances = np.stack(
        [(one @ one.T)[first, other] for one in np.moveaxis(influences, 2, 0).astype(float)]
    )
    alike, sums = [np.ones(len(first))], []
    for weights in _cells(design):
        own = weights[list(rows)]
        alike.append((own @ own.T)[first, other])
        sums.append(((weights.T @ design.weights) ** 2).sum(axis=0))
    reduced, triangle = np.linalg.qr(np.column_stack(alike))
    parts = np.array([nnls(triangle, reduced.T @ one)[0][1:] for one in covariances])
    return np.asarray(np.array(sums).T @ parts.T)


def _cells(design: Design) -> Iterator[Floats]:
    """``(configurations, cells)``: the values of each axis, and of each two."""
    for axis in design.axes:
        yield axis.weights
    for one, other in combinations(design.axes, 2):
        both = one.weights[:, :, None] * other.weights[:, None, :]
        yield both.reshape(len(both), -1)


def _influences(predictions: Predictions, labels: Sequence[str]) -> Floats:
    """``(images, labels)``, or of groups of images."""
    columns = [predictions.labels.index(label) for label in labels]
    truth, scores = predictions.targets[:, columns], predictions.scores[:, columns]
    _, influences = label_influences_within(truth, scores, predictions.numbered_folds)
    influences = influences / len(influences)
    groups = predictions.numbered_groups
    if groups is not None:
        summed = np.zeros((int(groups.max()) + 1, len(labels)))
        np.add.at(summed, groups, influences)
        influences = summed
    return influences.astype(np.float32)
