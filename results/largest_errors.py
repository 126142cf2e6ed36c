"""The validation images on which a trial errs most, label by label."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from results.predictions import Predictions
from sedn.metrics import auc_within, calibrate
from sedn.style import share_text

MOST_LABELS, MOST_IMAGES = 8, 6
"""Labels, and images of each, that a page and a contact sheet show."""

EXPLAINED = (
    "Labels with the lowest AUC first, each with the images furthest from true: half "
    "have the label, half lack it. Below each image the truth, and the probability that the "
    "network gives."
)


@dataclass(frozen=True)
class ImageError:
    """One image on which the network errs for a label."""

    image: str
    """What the image is called: its path, from the folder of the data set."""
    is_positive: bool
    """Whether the image has the label."""
    probability: float
    """What the network says, from 0 to 1."""

    @property
    def line(self) -> str:
        """The truth, and what the network says."""
        truth = "has the label" if self.is_positive else "lacks the label"
        return f"{truth}: {share_text(self.probability)}"

    @property
    def error(self) -> float:
        """How far that is from the truth."""
        return 1 - self.probability if self.is_positive else self.probability


@dataclass(frozen=True)
class LabelErrors:
    """A label and the images on which the network errs most, the largest error first."""

    label: str
    auc: float
    images: tuple[ImageError, ...]


def find_largest_errors(
    predictions: Predictions, most_labels: int = MOST_LABELS, most_images: int = MOST_IMAGES
) -> list[LabelErrors]:
    """The labels with the lowest AUC, in rising order, each with its largest errors.

    Half of the images have the label and half have not, as far as there are so many: where a label
    is rare, the largest errors would all be images that have it.

    Args:
        predictions: of a training on validation; over folds the AUC is the mean within folds.
        most_labels: so many labels at most; one without an AUC is left out.
        most_images: so many images of a label at most.
    """
    aucs = auc_within(predictions.targets, predictions.scores, predictions.numbered_folds).labels
    known = [place for place in np.argsort(aucs) if not np.isnan(aucs[place])][:most_labels]
    return [
        LabelErrors(
            predictions.labels[place],
            float(aucs[place]),
            tuple(_of_label(predictions, int(place), most_images)),
        )
        for place in known
    ]


def _of_label(predictions: Predictions, place: int, most: int) -> list[ImageError]:
    truth, scores = predictions.targets[:, place], predictions.scores[:, place].astype(float)
    positives, negatives = np.flatnonzero(truth == 1), np.flatnonzero(truth == 0)
    missed = positives[np.argsort(scores[positives], kind="stable")]
    raised = negatives[np.argsort(-scores[negatives], kind="stable")]
    of_missed = max(most // 2, most - len(raised))
    chosen = [*missed[:of_missed], *raised[: most - min(of_missed, len(missed))]]
    probabilities = calibrate(scores, 1.0)
    errors = [
        ImageError(predictions.images[row], bool(truth[row] == 1), float(probabilities[row]))
        for row in _as_numbers(chosen)
    ]
    return sorted(errors, key=lambda one: -one.error)


def _as_numbers(rows: Sequence[np.int64]) -> list[int]:
    return [int(row) for row in rows]
