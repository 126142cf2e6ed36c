"""Whether probabilities mean what they say: temperature scaling and the calibration error.

Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, arXiv 1706.04599. Each
label of each image is one binary prediction; those whose truth is unknown take no part.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sedn.arrays import Floats

BINS = 15
"""Number of bins of equal width, as in the paper."""
COLDEST, HOTTEST = 0.1, 10.0
PRIOR = 1.0
"""Deviation of a temperature's logarithm before anything is seen: e times more or less."""
FOLDS = 5
"""Parts of the images that a temperature is tried on."""


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
    """The temperature, :data:`COLDEST` to :data:`HOTTEST`, to divide logits by.

    The temperature maximises the likelihood of ``logits / temperature`` under a prior: its
    logarithm is normal around 0 with deviation :data:`PRIOR`. Without a prior, images whose labels
    are all separated would have probabilities of 0 and 1. The temperature is 1 unless temperatures
    fitted so on parts of the images lower the log loss of the others, and where no truth is known.

    Args:
        targets: ``(images, labels)``: 1, 0, or NaN where the truth is unknown.
        logits: ``(images, labels)``.
    """
    truth, values = np.asarray(targets, np.float64), np.asarray(logits, np.float64)
    seen = ~np.isnan(truth).all(axis=1)
    truth, values = truth[seen], values[seen]
    if len(truth) < 2 or not _helps_on_others(truth, values):
        return 1.0
    return most_likely_temperature(*_known(truth, values))


def temperature_warning(temperature: float) -> str | None:
    """A warning about a fitted temperature, in one line; ``None`` if there is nothing to warn
    of.
    """
    if not COLDEST * 1.01 < temperature < HOTTEST / 1.01:
        end = "lowest" if temperature < 1 else "highest"
        return (
            f"The temperature {temperature:.3g} is the {end} that is tried: logits and truth of "
            "validation do not fit together, so look at the calibration before you trust it."
        )
    if temperature == 1:
        return "The temperature is 1: none made held-out parts of validation more likely."
    return None


def log_loss(targets: ArrayLike, logits: ArrayLike, temperature: float = 1.0) -> float:
    """Mean log loss of ``sigmoid(logits / temperature)`` where the truth is known; NaN nowhere
    known.
    """
    truth, values = _known(targets, logits)
    return _loss(truth, values, temperature) / len(truth) if len(truth) else float("nan")


def _helps_on_others(truth: Floats, logits: Floats) -> bool:
    """Whether temperatures lower the log loss of images that they were not fitted on."""
    order = np.random.default_rng(0).permutation(len(truth))
    scaled = unscaled = 0.0
    for fold in np.array_split(order, min(FOLDS, len(order))):
        others = np.setdiff1d(order, fold)
        temperature = most_likely_temperature(*_known(truth[others], logits[others]))
        known = _known(truth[fold], logits[fold])
        scaled, unscaled = scaled + _loss(*known, temperature), unscaled + _loss(*known, 1.0)
    return scaled < unscaled


def most_likely_temperature(truth: Floats, logits: Floats) -> float:
    """The temperature under the prior, from truths 1 or 0 and their logits, both ``(known,)``."""
    from scipy.optimize import minimize_scalar

    def cost(log_temperature: float) -> float:
        prior = 0.5 * (log_temperature / PRIOR) ** 2
        return _loss(truth, logits, float(np.exp(log_temperature))) + prior

    bounds = (np.log(COLDEST), np.log(HOTTEST))
    minimum = minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(minimum.x))


def _loss(truth: Floats, logits: Floats, temperature: float) -> float:
    """Log loss, the sum over predictions."""
    against = np.where(truth == 1, -logits, logits)
    return float(np.logaddexp(0, against / temperature).sum())


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
    truth, probability = _known(targets, probabilities)
    numbers = np.minimum((probability * bins).astype(int), bins - 1)
    counts = np.bincount(numbers, minlength=bins)
    with np.errstate(invalid="ignore"):
        predicted = np.bincount(numbers, probability, bins) / counts
        observed = np.bincount(numbers, truth, bins) / counts
    return Reliability(counts, predicted, observed)


def _known(targets: ArrayLike, values: ArrayLike) -> tuple[Floats, Floats]:
    truth, given = np.asarray(targets, dtype=np.float64), np.asarray(values, dtype=np.float64)
    known = ~np.isnan(truth)
    return truth[known], given[known]
