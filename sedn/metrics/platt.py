"""Scores on a scale of their own as logits: Platt's sigmoid, one for each label.

Platt, Probabilistic Outputs for Support Vector Machines, 1999. His targets lie a little within 0
and 1, so that a label whose classes are separated has probabilities that its few images can bear.
"""

import numpy as np
from numpy.typing import ArrayLike

from sedn.arrays import Floats

FLATTEST = 0.01
"""The least slope: a logit always rises with its score, so that the order of images stays."""


def fit_sigmoids(targets: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """Fit slopes and offsets, ``(labels,)`` both, by which ``slope * score + offset`` is a logit.

    Args:
        targets: ``(images, labels)``: 1, 0, or NaN where the truth is unknown.
        scores: ``(images, labels)``, finite; the slope of a label without images of both classes
            is 1.
    """
    truth, values = np.asarray(targets, np.float64), np.asarray(scores, np.float64)
    fitted = [_fit(truth[:, label], values[:, label]) for label in range(truth.shape[1])]
    slopes, offsets = np.array(fitted, dtype=np.float64).reshape(-1, 2).T
    return slopes, offsets


def _fit(truth: Floats, scores: Floats) -> tuple[float, float]:
    from scipy.optimize import minimize

    known = ~np.isnan(truth)
    has, values = truth[known] == 1, scores[known]
    if not len(has):
        return 1.0, 0.0
    positives = int(has.sum())
    negatives = len(has) - positives
    expected = np.where(has, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(parameters: Floats) -> tuple[float, Floats]:
        logits = parameters[0] * values + parameters[1]
        value = float((np.logaddexp(0, logits) - expected * logits).mean())
        error = 1 / (1 + np.exp(-np.clip(logits, -700, 700))) - expected
        return value, np.array([(error * values).mean(), error.mean()])

    bounds = [(FLATTEST, None) if positives and negatives else (1.0, 1.0), (None, None)]
    prior = np.log((positives + 1) / (negatives + 1))
    best = minimize(loss, [1.0, prior], jac=True, bounds=bounds, method="L-BFGS-B")
    return float(best.x[0]), float(best.x[1])
