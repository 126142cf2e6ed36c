"""Optuna's distributions of a space's axes, known before the first trial."""

from collections.abc import Iterable

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from spaces import Space
from spaces.axes import Axis, Choice, IntRange


def distribution_of(axis: Axis) -> BaseDistribution:
    """The distribution that a suggestion for ``axis`` has."""
    if isinstance(axis, Choice):
        return CategoricalDistribution(list(axis.options))
    if isinstance(axis, IntRange):
        return IntDistribution(axis.low, axis.high, log=axis.log, step=axis.step)
    return FloatDistribution(axis.low, axis.high, log=axis.log, step=axis.step)


def always_active(space: Space) -> dict[str, BaseDistribution]:
    """The axes without a condition that can take more than one value, by path."""
    return _several(axis for axis in space.axes if not axis.when)


def all_axes(space: Space) -> dict[str, BaseDistribution]:
    """The axes that can take more than one value, by path."""
    return _several(space.axes)


def _several(axes: Iterable[Axis]) -> dict[str, BaseDistribution]:
    found = {axis.path: distribution_of(axis) for axis in axes}
    return {path: one for path, one in found.items() if not one.single()}
