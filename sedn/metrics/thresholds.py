"""From probabilities to labels: the threshold of each label, and how right it is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sedn.arrays import Floats

DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True)
class LabelScore:
    """A label, present where its probability reaches the threshold, beside the truth.

    What would be divided by zero is ``None``: precision where nothing is predicted, recall and F1
    where nothing is there.
    """

    threshold: float
    f1: float | None
    precision: float | None
    recall: float | None
    correct: int
    """Images that have the label and are predicted to."""
    predicted: int
    """Images predicted to have it."""
    positives: int
    """Images that have it."""
    known: int
    """Images for which the label is known; no other image is counted."""


def best_thresholds(targets: ArrayLike, probabilities: ArrayLike) -> Floats:
    """``(labels,)``: the threshold of each label with the highest F1; NaN for a label that is not
    known to be there in some image and not there in another.

    A threshold lies half-way between the lowest probability that counts as present and the next
    below.
    Of thresholds with an equal F1 the highest is taken, which claims the least.

    Args:
        targets: ``(images, labels)``: 1, 0, or NaN where the truth is unknown.
        probabilities: ``(images, labels)``, 0 to 1.
    """
    truth, probability = np.asarray(targets), np.asarray(probabilities, dtype=np.float64)
    return np.array([_best(truth[:, i], probability[:, i]) for i in range(truth.shape[1])])


def score_labels(
    targets: ArrayLike, probabilities: ArrayLike, thresholds: Sequence[float]
) -> list[LabelScore]:
    """How right each label is at its threshold.

    Args:
        targets: ``(images, labels)``: 1, 0, or NaN where the truth is unknown.
        probabilities: ``(images, labels)``, 0 to 1.
        thresholds: one for each label.
    """
    truth, probability = np.asarray(targets), np.asarray(probabilities)
    return [
        _score(truth[:, i], probability[:, i], threshold) for i, threshold in enumerate(thresholds)
    ]


def _best(truth: NDArray[np.floating], probability: Floats) -> float:
    known = ~np.isnan(truth)
    if len(np.unique(truth[known])) < 2:
        return float("nan")
    order = np.argsort(-probability[known], kind="stable")
    falling, true = probability[known][order], truth[known][order] == 1
    # Equal probabilities are present or absent together: cut only below the last of them.
    cuts = np.flatnonzero(np.append(falling[1:] < falling[:-1], True))
    correct, predicted = np.cumsum(true)[cuts], cuts + 1
    f1 = 2 * correct / (predicted + true.sum())
    cut = cuts[np.argmax(f1)]
    lowest = falling[cut]
    below = falling[cut + 1] if cut + 1 < len(falling) else 0.0
    between = (lowest + below) / 2
    # Of neighbours among floating numbers, half-way rounds to one of them.
    return float(between if between > below else lowest)


def _score(
    truth: NDArray[np.floating], probability: NDArray[np.floating], threshold: float
) -> LabelScore:
    known = ~np.isnan(truth)
    true, is_predicted = truth[known] == 1, probability[known] >= threshold
    correct, predicted, positives = (
        int((true & is_predicted).sum()),
        int(is_predicted.sum()),
        int(true.sum()),
    )
    return LabelScore(
        threshold=float(threshold),
        f1=2 * correct / (predicted + positives) if positives else None,
        precision=correct / predicted if predicted else None,
        recall=correct / positives if positives else None,
        correct=correct,
        predicted=predicted,
        positives=positives,
        known=int(known.sum()),
    )
