"""A Gaussian process over configurations and epochs: what trials will reach at their last epoch."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sedn.arrays import Floats
from sedn.training.device import threads

STEPS = 20
"""Iterations of the optimiser of the hyperparameters."""
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
    # The matrices are small, and trainings have the other cores.
    with threads(1):
        inputs = torch.tensor(seen.points)
        span = math.log(max(last_epoch, 2))
        epochs = torch.tensor(np.log(seen.epochs) / span)
        values = torch.tensor((np.maximum(seen.values, low) - centre) / scale)
        process = _fit(inputs, epochs, values)
        if len(running):
            ends = torch.ones(len(running), dtype=torch.double)
            expected, _ = process.predict(torch.tensor(running))
            process = _Process(
                torch.cat([inputs, torch.tensor(running)]),
                torch.cat([epochs, ends]),
                torch.cat([values, expected]),
                process.hyper,
            )
        mean, deviation = process.predict(torch.tensor(points))
    return mean.numpy() * scale + centre, deviation.numpy() * scale


@dataclass(frozen=True)
class _Hyper:
    """Logarithms of the hyperparameters."""

    lengths: Tensor
    """Length scale of each feature, ``(features,)``."""
    epoch: Tensor
    """Length scale of the epochs."""
    weights: Tensor
    """Variance of each part of the kernel, ``(3,)``."""
    noise: Tensor

    @classmethod
    def start(cls, features: int) -> "_Hyper":
        return cls(
            torch.full((features,), math.log(1.5), dtype=torch.double),
            torch.tensor(0.0, dtype=torch.double),
            torch.tensor([0.0, -1.0, 0.0], dtype=torch.double),
            torch.tensor(-3.0, dtype=torch.double),
        )

    @property
    def tensors(self) -> list[Tensor]:
        return [self.lengths, self.epoch, self.weights, self.noise]

    @property
    def surprise(self) -> Tensor:
        """Negative logarithm of the prior density: independent normal distributions."""
        start = _Hyper.start(len(self.lengths))
        density: Tensor = (
            0.5 * ((self.lengths - 0.7) ** 2).sum()
            + 0.5 * self.epoch**2
            + 0.25 * ((self.weights - start.weights) ** 2).sum()
            + 0.25 * (self.noise + 4.0) ** 2
        )
        return density


class _Process:
    """A Gaussian process with given hyperparameters, conditioned on observations."""

    def __init__(self, inputs: Tensor, epochs: Tensor, values: Tensor, hyper: _Hyper) -> None:
        self.hyper = hyper
        self._inputs, self._epochs, self._values = inputs, epochs, values
        noise = (torch.exp(hyper.noise) + JITTER) * torch.eye(len(values), dtype=torch.double)
        covariance = _kernel(inputs, epochs, inputs, epochs, hyper) + noise
        self._root = torch.linalg.cholesky(covariance)
        self._weights = torch.cholesky_solve(values[:, None], self._root)[:, 0]

    @property
    def surprise(self) -> Tensor:
        """Negative logarithm of the density of the values, but for a constant."""
        misfit: Tensor = 0.5 * self._values @ self._weights
        volume: Tensor = self._root.diagonal().log().sum()
        return misfit + volume

    def predict(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation at the last epoch."""
        with torch.no_grad():
            ends = torch.ones(len(points), dtype=torch.double)
            across = _kernel(self._inputs, self._epochs, points, ends, self.hyper)
            known = torch.linalg.solve_triangular(self._root, across, upper=False)
            left = torch.exp(self.hyper.weights).sum() - (known**2).sum(0)
            mean: Tensor = across.T @ self._weights
            return mean, left.clamp_min(1e-8).sqrt()


def _fit(inputs: Tensor, epochs: Tensor, values: Tensor) -> _Process:
    """The process with the most probable hyperparameters, as far as the optimiser gets."""
    hyper = _Hyper.start(inputs.shape[1])
    for one in hyper.tensors:
        one.requires_grad_(True)
    optimizer = torch.optim.LBFGS(hyper.tensors, max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        surprise = _Process(inputs, epochs, values, hyper).surprise + hyper.surprise
        surprise.backward()  # type: ignore[no-untyped-call]
        return surprise

    try:
        optimizer.step(loss)  # type: ignore[no-untyped-call]
        fitted = _Hyper(*(one.detach() for one in hyper.tensors))
        return _Process(inputs, epochs, values, fitted)
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
        # A step led to a covariance without a root; the hyperparameters at the start have one.
        return _Process(inputs, epochs, values, _Hyper.start(inputs.shape[1]))


def _kernel(left: Tensor, left_at: Tensor, right: Tensor, right_at: Tensor, by: _Hyper) -> Tensor:
    """Covariances, ``(left, right)``: Matérn 5/2 over features, exponential over epochs."""
    lengths = torch.exp(by.lengths)
    squares = (((left[:, None] - right[None]) / lengths) ** 2).sum(-1)
    distance = math.sqrt(5) * torch.sqrt(squares + 1e-10)
    over_points = (1 + distance + distance**2 / 3) * torch.exp(-distance)
    over_epochs = torch.exp(-(left_at[:, None] - right_at[None]).abs() / torch.exp(by.epoch))
    worth, worth_then, epoch = torch.exp(by.weights)
    covariance: Tensor = (
        worth * over_points + worth_then * over_points * over_epochs + epoch * over_epochs
    )
    return covariance
