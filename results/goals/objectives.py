"""The measures of a trial that may be optimised or bounded, by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from results.goals.constraints import Constraint, parse_constraint
from sedn.measures import COSTS, Costs, goals

Measured = Mapping[str, float | None]
"""By the names of :func:`sedn.measures.goals`; ``None`` where it was not measured."""


SHOWN_COSTS = ("latency_ms", "parameters")
"""Costs that pages show beside the time of training; objectives and bounds come to them."""


@dataclass(frozen=True)
class Objective:
    """A measure that a search minimises or maximises."""

    measure: str
    """Its name in the store."""
    title: str
    maximise: bool


def objectives() -> dict[str, Objective]:
    """The measures that a search may optimise, by the names of the setting ``objective``."""
    return {
        str(one.objective): Objective(name, one.title, one.maximise)
        for name, one in goals().items()
    }


@dataclass(frozen=True)
class Goals:
    """The objectives of a search, and the constraints that a trial is to satisfy."""

    objectives: tuple[str, ...] = ("auc",)
    """Names of :func:`objectives`, in the order of the study's values."""
    constraints: tuple[Constraint, ...] = ()

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Goals":
        """Read the goals from the settings that an experiment keeps."""
        return cls(
            tuple(settings.get("objective", cls.objectives)),
            tuple(parse_constraint(text) for text in settings.get("where", ())),
        )

    @property
    def are_plain(self) -> bool:
        """Whether the mean AUC is the only goal."""
        return self == Goals()

    @property
    def all_objectives(self) -> tuple[Objective, ...]:
        """The objectives themselves."""
        known = objectives()
        return tuple(known[name] for name in self.objectives)

    @property
    def costs(self) -> tuple[str, ...]:
        """The costs that the objectives and constraints need of each trial, by the names of
        :data:`sedn.measures.COSTS`.
        """
        needed = [one.measure for one in self.all_objectives]
        needed += [one.measure for one in self.constraints]
        return tuple(name for name in dict.fromkeys(needed) if name in COSTS)

    def values(self, measured: Measured) -> list[float] | None:
        """A value for each objective; ``None`` where one was not measured."""
        values = [measured[objective.measure] for objective in self.all_objectives]
        known = [float(value) for value in values if value is not None]
        return known if len(known) == len(values) else None

    def unmeasured(self, measured: Measured) -> str | None:
        """Why a trial has no value for an objective; ``None`` where it has all."""
        for name, objective in zip(self.objectives, self.all_objectives, strict=True):
            if measured[objective.measure] is None:
                why = goals()[objective.measure].unmeasured
                return f"objective '{name}' was not measured: {why}"
        return None

    def excesses(self, measured: Measured) -> list[float]:
        """For each constraint, by how much a trial violates it; at most 0 where it does not."""
        return [constraint.excess(measured[constraint.measure]) for constraint in self.constraints]

    def are_met(self, measured: Measured) -> bool:
        """Whether a trial satisfies all constraints."""
        return all(
            constraint.holds(measured[constraint.measure]) for constraint in self.constraints
        )

    def exceeded(self, measured: Measured) -> str | None:
        """The constraint that a trial violates by what it costs, and what that is.

        ``None`` where its costs satisfy all, or are not measured: what it reaches, and the memory
        that it holds, may change yet.
        """
        for constraint in self.constraints:
            cost = measured[constraint.measure] if goals()[constraint.measure].is_fixed else None
            if cost is not None and not constraint.holds(cost):
                shown = f"{cost:,.0f}" if cost >= 1000 else f"{cost:.4g}"
                return f"{constraint.text}: it has {shown}"
        return None


def shown_costs(goals: Goals) -> list[str]:
    """The costs that pages show, by the names of :data:`sedn.measures.COSTS`."""
    return [name for name in dict.fromkeys((*SHOWN_COSTS, *goals.costs)) if name in COSTS]


class Reached(Protocol):
    """A trial's row, or an epoch's result."""

    @property
    def mean_auc(self) -> float | None:
        """Mean AUC over the labels."""

    @property
    def costs(self) -> Costs:
        """By the names of :data:`sedn.measures.COSTS`."""


def measures_of(reached: Reached, worst_auc: float | None) -> dict[str, float | None]:
    """Collect the measures that may be optimised or bounded from a trial's row, or from an epoch's
    result, and the AUC of its worst label.
    """
    aucs = {"mean_auc": reached.mean_auc, "worst_auc": worst_auc}
    return {name: aucs.get(name, reached.costs.get(name)) for name in goals()}
