"""The temperature and thresholds that turn logits into labels, fitted on the validation split."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sedn.metrics import DEFAULT_THRESHOLD, best_thresholds, calibrate, fit_temperature


@dataclass(frozen=True)
class Calibration:
    """The temperature of all labels, and the threshold of each label."""

    temperature: float
    """A probability is ``sigmoid(logit / temperature)``."""
    thresholds: tuple[float, ...]
    """By label: it is present where its probability reaches this."""
    undecided: tuple[str, ...]
    """Labels of which validation lacked images with or without it; their threshold is 0.5."""

    def probabilities(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        """Calibrated probabilities ``(images, labels)`` of ``logits`` of that shape."""
        return calibrate(logits, self.temperature)


def fit_calibration(
    labels: Sequence[str], targets: NDArray[np.floating], logits: NDArray[np.floating]
) -> Calibration:
    """The temperature most likely on ``targets`` (images, labels) with their ``logits``, and the
    thresholds of the highest F1 there.
    """
    temperature = fit_temperature(targets, logits)
    best = best_thresholds(targets, calibrate(logits, temperature))
    return Calibration(
        temperature=temperature,
        thresholds=tuple(np.where(np.isnan(best), DEFAULT_THRESHOLD, best).tolist()),
        undecided=tuple(
            label for label, value in zip(labels, best, strict=True) if np.isnan(value)
        ),
    )
