"""Whether probabilities mean what they say: temperature scaling and the calibration error.

Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, arXiv 1706.04599. Each
label of each image is one binary prediction; those whose truth is unknown take no part.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

BINS = 15
"""Of equal width, as in the paper."""
_COLDEST, _HOTTEST = 0.01, 100.0


@dataclass(frozen=True)
class Reliability:
    """Predictions in bins of equal width by their probability, each array ``(bins,)``."""

    counts: NDArray[np.int64]
    """Predictions in a bin."""
    predicted: Floats
    """Their mean probability; NaN in an empty bin."""
    observed: Floats
    """The share of them that is true; NaN in an empty bin."""

    @property
    def error(self) -> float:
        """The expected calibration error: how far both are apart, in the mean over predictions;
        NaN without any.
        """
        filled = self.counts > 0
        if not filled.any():
            return float("nan")
        distance = np.abs(self.predicted - self.observed)[filled]
        return float(np.average(distance, weights=self.counts[filled]))


def fit_temperature(targets: ArrayLike, logits: ArrayLike) -> float:
    """The temperature, 0.01 to 100, that makes ``logits / temperature`` most likely; 1 where no
    truth is known.

    Args:
        targets: ``(images, labels)``: 1, 0, or NaN where the truth is unknown.
        logits: ``(images, labels)``.
    """
    from scipy.optimize import minimize_scalar

    truth, values = _known(targets, logits)
    if not len(truth):
        return 1.0
    against = np.where(truth == 1, -values, values)

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, against * np.exp(-log_temperature)).mean())

    # Convex in 1 / temperature, so there is one minimum.
    bounds = (np.log(_COLDEST), np.log(_HOTTEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def calibrate(logits: ArrayLike, temperature: float) -> Floats:
    """Probabilities of ``logits`` of any shape: ``sigmoid(logits / temperature)``."""
    from scipy.special import expit

    probabilities: Floats = expit(np.asarray(logits, dtype=np.float64) / temperature)
    return probabilities


def reliability(targets: ArrayLike, probabilities: ArrayLike, bins: int = BINS) -> Reliability:
    """How often what is predicted with a probability is true.

    Args:
        targets: ``(images, labels)``: 1, 0, or NaN where the truth is unknown.
        probabilities: ``(images, labels)``, 0 to 1.
        bins: their number.
    """
    truth, sure = _known(targets, probabilities)
    numbers = np.minimum((sure * bins).astype(int), bins - 1)
    counts = np.bincount(numbers, minlength=bins)
    with np.errstate(invalid="ignore"):
        predicted = np.bincount(numbers, sure, bins) / counts
        observed = np.bincount(numbers, truth, bins) / counts
    return Reliability(counts, predicted, observed)


def _known(targets: ArrayLike, values: ArrayLike) -> tuple[Floats, Floats]:
    truth, given = np.asarray(targets, dtype=np.float64), np.asarray(values, dtype=np.float64)
    known = ~np.isnan(truth)
    return truth[known], given[known]
