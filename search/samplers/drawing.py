"""Drawing a trial's parameters, and going on with a draw that a crash has cut off."""

import copy
from collections.abc import Sequence
from typing import Any, TypeVar

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler

from search.optuna_private import fixed_names, frozen_of
from spaces import Space

T = TypeVar("T")


def draw(space: Space, trial: optuna.Trial, sampler: BaseSampler) -> dict[str, Any]:
    """Values of the active axes by dotted path, drawn by ``sampler`` and kept in the study.

    Values that ``trial`` has already are kept, and the rest is what it would have been.
    """
    study = trial.study
    placeholder = study.sampler
    study.sampler = sampler
    try:
        sampler.before_trial(study, frozen_of(trial))
        # Axes that are modelled together come first of all; later, more would be known of them.
        drawn = set(trial.relative_params) | fixed_names(trial)
        return space.sample(_Continued(trial, drawn))
    finally:
        study.sampler = placeholder


class _Continued:
    """A trial that draws and discards where a value is there: the random state must go on."""

    def __init__(self, trial: optuna.Trial, drawn: set[str]) -> None:
        self._trial = trial
        self._drawn = drawn
        self._there = dict(trial.params)
        self._before: dict[str, Any] = {}

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        self._go_on(name, CategoricalDistribution(choices))
        return self._keep(name, self._trial.suggest_categorical(name, choices))

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        self._go_on(name, IntDistribution(low, high, log=log, step=step))
        return self._keep(name, self._trial.suggest_int(name, low, high, step=step, log=log))

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        self._go_on(name, FloatDistribution(low, high, log=log, step=step))
        return self._keep(name, self._trial.suggest_float(name, low, high, step=step, log=log))

    def _go_on(self, name: str, distribution: BaseDistribution) -> None:
        """Draw and discard a value where the trial has one, unless Optuna drew it otherwise."""
        if name in self._there and name not in self._drawn and not distribution.single():
            frozen = copy.copy(frozen_of(self._trial))
            frozen.params = dict(self._before)
            study = self._trial.study
            study.sampler.sample_independent(study, frozen, name, distribution)

    def _keep(self, name: str, value: T) -> T:
        self._before[name] = value
        return value
