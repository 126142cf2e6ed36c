"""A Gaussian process over configurations and epochs: what trials will reach at their last epoch."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from sedn.arrays import Floats

STEPS = 20
"""Iterations of the optimiser of the hyperparameters."""
FURTHEST = 12.0
"""Bound of the logarithm of a hyperparameter, beyond which sums lose their digits."""
JITTER = 1e-5
WORST_SHARE = 0.1
"""Values below this quantile are raised to the quantile: how bad a bad trial is teaches nothing
about the good ones."""


@dataclass(frozen=True)
class Observations:
    """What trials reached after some of their epochs."""

    points: Floats
    """Encoded, ``(observations, features)``."""
    epochs: Floats
    """Epochs trained, ``(observations,)``."""
    values: Floats
    """Mean AUC, ``(observations,)``."""


def predict_last(
    seen: Observations, points: Floats, running: Floats, last_epoch: int
) -> tuple[Floats, Floats]:
    """Predict the mean AUC that configurations reach at their last epoch.

    The kernel is a sum: one part for what a configuration is worth at any epoch, one for what it is
    worth at this epoch, and one for the epoch alone, so that what few epochs show of many
    configurations counts for the last epoch as far as the two have gone together. Its
    hyperparameters are the most probable ones. A trial that runs without a report counts as one
    that reached what is predicted of it, so that trials that run side by side spread.

    Args:
        seen: at least two observations.
        points: encoded configurations, ``(points, features)``.
        running: encoded configurations that have reported nothing yet, ``(running, features)``.
        last_epoch: of a whole training.

    Returns:
        Mean and standard deviation, each ``(points,)``.
    """
    low = float(np.quantile(seen.values, WORST_SHARE))
    centre, scale = float(np.median(seen.values)), float(np.std(seen.values)) + 1e-6
    epochs = np.log(seen.epochs) / math.log(max(last_epoch, 2))
    values = (np.maximum(seen.values, low) - centre) / scale
    # The matrices are small, and trainings have the other cores.
    with threadpool_limits(1):
        process = _fit(seen.points, epochs, values)
        if len(running):
            process = process.with_expected(running)
        mean, deviation = process.predict(points)
    return mean * scale + centre, deviation * scale


@dataclass(frozen=True)
class _Hyper:
    """Logarithms of the hyperparameters."""

    lengths: Floats
    """Length scale of each feature, ``(features,)``."""
    epoch: float
    """Length scale of the epochs."""
    weights: Floats
    """Variance of each part of the kernel, ``(3,)``."""
    noise: float

    @classmethod
    def start(cls, features: int) -> Self:
        return cls(np.full(features, math.log(1.5)), 0.0, np.array([0.0, -1.0, 0.0]), -3.0)

    @classmethod
    def of(cls, vector: Floats) -> Self:
        return cls(vector[:-5], float(vector[-5]), vector[-4:-1], float(vector[-1]))

    @property
    def vector(self) -> Floats:
        return np.concatenate([self.lengths, [self.epoch], self.weights, [self.noise]])

    @property
    def variance(self) -> float:
        """Of the noise."""
        return math.exp(self.noise) + JITTER

    def surprise(self) -> tuple[float, Floats]:
        """Negative logarithm of the prior density, independent normal distributions, and the
        gradient.
        """
        features = len(self.lengths)
        middle = np.concatenate([np.full(features, 0.7), [0.0], self.start(1).weights, [-4.0]])
        precision = np.concatenate([np.ones(features + 1), np.full(4, 0.5)])
        away = self.vector - middle
        return 0.5 * float(precision @ away**2), precision * away


class _Process:
    """A Gaussian process with given hyperparameters, conditioned on observations.

    Raises:
        LinAlgError: the covariance has no root.
    """

    def __init__(self, inputs: Floats, epochs: Floats, values: Floats, hyper: _Hyper) -> None:
        self._hyper = hyper
        self._inputs, self._epochs, self._values = inputs, epochs, values
        self._covariance = _Covariance(inputs, epochs, inputs, epochs, hyper)
        noise = hyper.variance * np.eye(len(values))
        self._root = cholesky(self._covariance.matrix + noise, lower=True)
        self._weights = cho_solve((self._root, True), values)

    def surprise(self) -> tuple[float, Floats]:
        """Negative logarithm of the density of the values, but for a constant, and its gradient."""
        volume = np.log(np.diagonal(self._root)).sum()
        inverse = cho_solve((self._root, True), np.eye(len(self._values)))
        slope = 0.5 * (inverse - np.outer(self._weights, self._weights))
        noise = math.exp(self._hyper.noise) * np.trace(slope)
        gradient = np.append(self._covariance.gradient(slope), noise)
        return 0.5 * float(self._values @ self._weights) + float(volume), gradient

    def with_expected(self, points: Floats) -> "_Process":
        """The process that saw of each point, at the last epoch, what is expected of the point."""
        expected, _ = self.predict(points)
        return _Process(
            np.concatenate([self._inputs, points]),
            np.concatenate([self._epochs, np.ones(len(points))]),
            np.concatenate([self._values, expected]),
            self._hyper,
        )

    def predict(self, points: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation at the last epoch."""
        ends = np.ones(len(points))
        across = _Covariance(self._inputs, self._epochs, points, ends, self._hyper).matrix
        known = solve_triangular(self._root, across, lower=True)
        left = np.exp(self._hyper.weights).sum() - (known**2).sum(0)
        return across.T @ self._weights, np.sqrt(np.maximum(left, 1e-8))


def _fit(inputs: Floats, epochs: Floats, values: Floats) -> _Process:
    """The process with the most probable hyperparameters, as far as the optimiser gets."""
    start = _Hyper.start(inputs.shape[1])

    def loss(vector: Floats) -> tuple[float, Floats]:
        hyper = _Hyper.of(vector)
        misfit, misfit_slope = _Process(inputs, epochs, values, hyper).surprise()
        prior, prior_slope = hyper.surprise()
        return misfit + prior, misfit_slope + prior_slope

    bounds = [(-FURTHEST, FURTHEST)] * len(start.vector)
    options = {"maxiter": STEPS}
    try:
        found = minimize(loss, start.vector, jac=True, bounds=bounds, options=options)
        return _Process(inputs, epochs, values, _Hyper.of(found.x))
    except LinAlgError:
        # A step led to a covariance without a root; the hyperparameters at the start have one.
        return _Process(inputs, epochs, values, start)


class _Covariance:
    """Covariances of ``left`` and ``right`` observations: Matérn 5/2 over features, exponential
    over epochs.
    """

    def __init__(
        self, left: Floats, left_at: Floats, right: Floats, right_at: Floats, by: _Hyper
    ) -> None:
        self._scaled = left / np.exp(by.lengths)
        scaled = right / np.exp(by.lengths)
        # By products, so that no difference of each feature is kept for each pair.
        squares = (
            (self._scaled**2).sum(1)[:, None] + (scaled**2).sum(1) - 2 * self._scaled @ scaled.T
        )
        self._distance = np.sqrt(5 * np.maximum(squares, 0.0))
        self._decay = np.exp(-self._distance)
        self._apart = np.abs(left_at[:, None] - right_at) / math.exp(by.epoch)
        self._weights = np.exp(by.weights)
        self._over_points = (1 + self._distance + self._distance**2 / 3) * self._decay
        self._over_epochs = np.exp(-self._apart)
        worth, worth_then, epoch = self._weights
        self._both = self._over_points * self._over_epochs
        self.matrix: Floats = worth * self._over_points + worth_then * self._both
        """``(left, right)``."""
        self.matrix += epoch * self._over_epochs

    def gradient(self, slope: Floats) -> Floats:
        """The gradient in the hyperparameters but the noise, ``(features + 4,)``, of a function
        whose slope in a matrix of observations by themselves is ``slope``.
        """
        worth, worth_then, epoch = self._weights
        # By the squared distance of the scaled points.
        by_square = slope * (worth + worth_then * self._over_epochs)
        by_square *= -5 / 6 * (1 + self._distance) * self._decay
        x = self._scaled
        lengths = -4 * (by_square.sum(1) @ x**2 - (x * (by_square @ x)).sum(0))
        by_epoch = (worth_then * self._over_points + epoch) * self._over_epochs * self._apart
        parts = (self._over_points, self._both, self._over_epochs)
        weights = self._weights * [np.vdot(slope, part) for part in parts]
        return np.concatenate([lengths, [np.vdot(slope, by_epoch)], weights])
