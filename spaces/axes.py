"""The axes of a space: what one field of a configuration may be, and when it matters."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Protocol


class SuggestsValues(Protocol):
    """A source of values for axes: an Optuna ``Trial``, ``FixedTrial`` or their like."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Suggest one of the ``choices``."""
        ...

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """An integer from ``low`` to ``high``, both included."""
        ...

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number from ``low`` to ``high``, both included."""
        ...


@dataclass(frozen=True)
class Condition:
    """A line of a ``when``: the axis at ``path`` has, or has not, one of ``values``."""

    path: str
    values: tuple[Any, ...]
    negated: bool = False

    def holds(self, params: Mapping[str, Any]) -> bool:
        """Whether the parameters so far meet it; an axis that is absent never does."""
        return self.path in params and (params[self.path] in self.values) != self.negated


class Axis(Protocol):
    """The values that a field of a configuration may have; the base of all types of axes."""

    is_exact: ClassVar[bool]
    """Whether a value can be written down and met again, as a condition needs."""

    @property
    def path(self) -> str:
        """The field, by its dotted path."""
        ...

    @property
    def default(self) -> Any:
        """The value of the baseline, if the space has that value."""
        ...

    @property
    def when(self) -> tuple[Condition, ...]:
        """The conditions under which the axis has a value."""
        ...

    def ask(self, trial: SuggestsValues) -> Any:
        """What ``trial`` suggests for the axis."""
        ...

    def suggest(self, trial: SuggestsValues) -> Any:
        """The value of the axis that ``trial`` suggests."""
        ...

    def contains(self, value: object) -> bool:
        """Whether the axis can take ``value``."""
        ...

    def values(self) -> Sequence[Any] | None:
        """All values, in order; ``None`` when continuous."""
        ...

    def largest(self) -> Any:
        """The largest value; values must have an order."""
        ...

    def extent(self) -> str:
        """The values in words, as errors quote them."""
        ...


@dataclass(frozen=True)
class Choice:
    """An axis of a few values, without an order."""

    path: str
    options: tuple[Any, ...]
    default: Any
    when: tuple[Condition, ...] = ()
    is_exact: ClassVar[bool] = True

    def ask(self, trial: SuggestsValues) -> Any:
        """What ``trial`` suggests for the axis."""
        return trial.suggest_categorical(self.path, list(self.options))

    suggest = ask

    def contains(self, value: object) -> bool:
        """Whether the axis can take ``value``."""
        return value in self.options

    def values(self) -> Sequence[Any]:
        """All values, in order."""
        return self.options

    def largest(self) -> Any:
        """The largest value; values must have an order."""
        return max(self.options)

    def extent(self) -> str:
        """The values in words, as errors quote them."""
        return f"its choice: {', '.join(map(str, self.options))}"


@dataclass(frozen=True)
class IntRange:
    """An integer between two bounds, both included; ``log`` makes small ones as likely as large."""

    path: str
    low: int
    high: int
    default: int
    step: int = 1
    log: bool = False
    when: tuple[Condition, ...] = ()
    is_exact: ClassVar[bool] = True

    def ask(self, trial: SuggestsValues) -> int:
        """What ``trial`` suggests for the axis."""
        return trial.suggest_int(self.path, self.low, self.high, step=self.step, log=self.log)

    suggest = ask

    def contains(self, value: object) -> bool:
        """Whether the axis can take ``value``."""
        return isinstance(value, int) and value in self.values()

    def values(self) -> Sequence[int]:
        """All values, in order."""
        return range(self.low, self.high + 1, self.step)

    def largest(self) -> int:
        """The largest value."""
        return self.high

    def extent(self) -> str:
        """The values in words, as errors quote them."""
        return _range_extent(self.low, self.high, None if self.step == 1 else self.step)


@dataclass(frozen=True)
class FloatRange:
    """A number between two bounds, both included; continuous unless it has a ``step``."""

    path: str
    low: float
    high: float
    default: float
    step: float | None = None
    log: bool = False
    when: tuple[Condition, ...] = ()
    is_exact: ClassVar[bool] = False

    def ask(self, trial: SuggestsValues) -> float:
        """What ``trial`` suggests for the axis."""
        return trial.suggest_float(self.path, self.low, self.high, step=self.step, log=self.log)

    def suggest(self, trial: SuggestsValues) -> float:
        """The value of the axis that ``trial`` suggests."""
        value = self.ask(trial)
        if self.step is None:
            return value
        # A sampler may give 0.30000000000000004, which would be another configuration than 0.3.
        return self._value(round((value - self.low) / self.step))

    def contains(self, value: object) -> bool:
        """Whether the axis can take ``value``."""
        if not isinstance(value, float) or not self.low <= value <= self.high:
            return False
        values = self.values()
        return values is None or value in values

    def values(self) -> Sequence[float] | None:
        """All values, in order; ``None`` when continuous."""
        if self.step is None:
            return None
        return [self._value(i) for i in range(int(steps(self.low, self.high, self.step)) + 1)]

    def largest(self) -> float:
        """The largest value."""
        return self.high

    def extent(self) -> str:
        """The values in words, as errors quote them."""
        return _range_extent(self.low, self.high, None if self.step == 1 else self.step)

    def _value(self, position: int) -> float:
        return float(Decimal(str(self.low)) + position * Decimal(str(self.step)))


def is_active(axis: Axis, params: Mapping[str, Any]) -> bool:
    """Whether every condition of ``axis`` holds, given the values of the axes above it."""
    return all(condition.holds(params) for condition in axis.when)


def steps(low: float, high: float, step: float) -> Decimal:
    """Steps from ``low`` to ``high``, in decimal as Optuna counts them: 0.1 + 0.2 must be 0.3."""
    return (Decimal(str(high)) - Decimal(str(low))) / Decimal(str(step))


def _range_extent(low: float, high: float, step: float | None) -> str:
    by = f" in steps of {step!r}" if step is not None else ""
    return f"its range from {low!r} to {high!r}{by}"


def middle(low: float, high: float, *, log: bool) -> float:
    """Half way between the bounds: their mean, or their geometric mean on a log scale."""
    return math.sqrt(low) * math.sqrt(high) if log else (low + high) / 2
