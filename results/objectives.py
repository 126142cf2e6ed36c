"""What of a trial may be optimised or bounded, by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from results.constraints import MEASURES, Constraint, parse_constraint

Measured = Mapping[str, float | None]
"""By the names of :data:`results.constraints.MEASURES`; ``None`` where it was not measured."""

FIXED_COSTS = ("latency_ms", "latency_32_ms", "parameters", "flops")
"""Measures that a trial has after its first epoch, and keeps."""


@dataclass(frozen=True)
class Objective:
    """A measure that is made as small, or as large, as it can be."""

    measure: str
    title: str
    maximise: bool = False


OBJECTIVES = {
    "auc": Objective("mean_auc", "mean AUC", maximise=True),
    "worst-auc": Objective("worst_auc", "AUC of the worst label", maximise=True),
    "latency": Objective("latency_ms", "ms for one image"),
    "latency-32": Objective("latency_32_ms", "ms for 32 images"),
    "parameters": Objective("parameters", "parameters"),
    "flops": Objective("flops", "FLOPs for one image"),
    "memory": Objective("peak_memory", "peak memory in bytes"),
}


@dataclass(frozen=True)
class Goals:
    """What a search is after: its objectives, and the constraints that a trial is to satisfy."""

    objectives: tuple[str, ...] = ("auc",)
    """Names of :data:`OBJECTIVES`, in the order of the study's values."""
    constraints: tuple[Constraint, ...] = ()

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Goals":
        """The goals in the settings that an experiment keeps."""
        return cls(
            tuple(settings.get("objective", cls.objectives)),
            tuple(parse_constraint(text) for text in settings.get("where", ())),
        )

    @property
    def are_plain(self) -> bool:
        """Whether the mean AUC is all there is to it."""
        return self == Goals()

    @property
    def all_objectives(self) -> tuple[Objective, ...]:
        """The objectives themselves."""
        return tuple(OBJECTIVES[name] for name in self.objectives)

    def values(self, measured: Measured) -> list[float] | None:
        """A value for each objective; ``None`` where one was not measured."""
        values = [measured[objective.measure] for objective in self.all_objectives]
        known = [float(value) for value in values if value is not None]
        return known if len(known) == len(values) else None

    def unmeasured(self, measured: Measured) -> str | None:
        """Why a trial has no value for an objective; ``None`` where it has all."""
        for name in self.objectives:
            if measured[OBJECTIVES[name].measure] is None:
                return f"objective '{name}' was not measured: {_WHY.get(name, 'it has no value')}"
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
            cost = measured[constraint.measure] if constraint.measure in FIXED_COSTS else None
            if cost is not None and not constraint.holds(cost):
                shown = f"{cost:,.0f}" if cost >= 1000 else f"{cost:.4g}"
                return f"{constraint.text}: it has {shown}"
        return None


def measures_of(reached: Any, worst_auc: float | None) -> dict[str, float | None]:
    """The measures of a trial's row, or of an epoch's result, and the AUC of its worst label."""
    named = {name: getattr(reached, name) for name in MEASURES if name != "worst_auc"}
    return {**named, "worst_auc": worst_auc}


_WHY = {
    "worst-auc": "no label has both classes on validation",
    "latency-32": "the memory does not suffice for 32 images at once",
    "memory": "the machine does not tell its peak",
}
