"""Optuna's distributions of a space's axes, known before the first trial."""

from collections.abc import Iterable, Sequence
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from spaces import Space
from spaces.axes import Axis

Axes = dict[str, BaseDistribution]
"""Distributions of axes, by path."""


def distribution_of(axis: Axis) -> BaseDistribution:
    """The Optuna distribution from which a value of ``axis`` is suggested."""
    distribution: BaseDistribution = axis.ask(_AsDistributions())
    return distribution


class _AsDistributions:
    """A trial that answers with the distribution that a value would be drawn from."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return CategoricalDistribution(choices)

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> Any:
        return IntDistribution(low, high, log=log, step=step)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> Any:
        return FloatDistribution(low, high, log=log, step=step)


def always_active(space: Space) -> Axes:
    """The axes without a condition that can take more than one value, by path."""
    return _several(axis for axis in space.axes if not axis.when)


def all_axes(space: Space) -> Axes:
    """The axes that can take more than one value, by path."""
    return _several(space.axes)


def _several(axes: Iterable[Axis]) -> Axes:
    distributions = {axis.path: distribution_of(axis) for axis in axes}
    return {path: one for path, one in distributions.items() if not one.single()}
