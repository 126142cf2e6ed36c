"""The measures of a training: one entry for each, which all other code reads.

The objectives of a search and its constraints, the columns of the ranking, tables, figures and the
help of the command line are made from these entries. A trial's costs are kept by name, so that a
new entry needs no change of a database.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sedn.style import byte_text, count_text, milliseconds, number_text

if TYPE_CHECKING:
    from sedn.training.cost import Probe

Costs = Mapping[str, float | None]
"""The costs of a training by the names of :data:`COSTS`; ``None`` where a cost is not known."""


@dataclass(frozen=True)
class Measure:
    """A measured quantity."""

    title: str
    """Such as ``time for one image``."""
    header: str
    """The header of a column in a narrow table."""
    write: Callable[[float | None], str]
    """A value as text, with its unit."""
    objective: str | None = None
    """Its name as an objective; ``None``: it can be neither optimised nor bounded."""
    maximise: bool = False
    """Whether more is better."""
    is_fixed: bool = False
    """Whether the measure is known after the first epoch, and does not change."""
    is_shared: bool = True
    """Whether another trial of the same configuration has the same; else the quantity is one of
    the machine or of the moment."""
    unmeasured: str = "it has no value"
    """Why a trial may lack it."""
    measure: "Callable[[Probe], float | None] | None" = None
    """Measures a network after its first epoch; ``None``: each epoch of a training tells it."""


def _flops(probe: "Probe") -> float | None:
    from sedn.training.cost import count_flops

    return count_flops(probe)


def _latency(probe: "Probe") -> float | None:
    from sedn.training.cost import latency_ms

    return latency_ms(probe, 1)


def _latency_32(probe: "Probe") -> float | None:
    from sedn.training.cost import latency_ms

    return latency_ms(probe, 32)


def _parameters(probe: "Probe") -> float | None:
    return probe.network.parameter_count


AUCS: dict[str, Measure] = {
    "mean_auc": Measure("mean AUC", "mean AUC", number_text, objective="auc", maximise=True),
    "worst_auc": Measure(
        "AUC of the worst label", "worst AUC", number_text, objective="worst-auc", maximise=True,
        unmeasured="no label has both classes on validation",
    ),
}  # fmt: skip
"""The measures of a training on validation."""

COSTS: dict[str, Measure] = {
    "parameters": Measure(
        "parameters of the network", "size", count_text, objective="parameters", is_fixed=True,
        measure=_parameters,
    ),
    "flops": Measure(
        "FLOPs for one image", "FLOPs", count_text, objective="flops", is_fixed=True,
        measure=_flops,
    ),
    "latency_ms": Measure(
        "time for one image", "one image", milliseconds, objective="latency", is_fixed=True,
        measure=_latency,
    ),
    "latency_32_ms": Measure(
        "time for 32 images", "32 images", milliseconds, objective="latency-32", is_fixed=True,
        unmeasured="the memory does not suffice for 32 images at once", measure=_latency_32,
    ),
    "images_per_second": Measure(
        "images trained on in a second", "images/s", count_text, is_shared=False
    ),
    "peak_memory": Measure(
        "peak memory of training", "memory", byte_text, objective="memory",
        unmeasured="the machine does not tell its peak",
    ),
    "device_memory": Measure("memory of the GPU", "GPU memory", byte_text, is_shared=False),
    "micro_batch": Measure("images at once in training", "at once", count_text, is_shared=False),
}  # fmt: skip
"""The costs of a training, or of its network; measured on the machine that trained, with whatever
else ran there.
"""


def register_cost(name: str, measure: Measure) -> None:
    """Register a cost that each trial is measured for.

    Raises:
        ValueError: the name, or that of the objective, is taken.
    """
    taken = {one.objective for one in (*AUCS.values(), *COSTS.values()) if one.objective}
    if name in COSTS or name in AUCS or measure.objective in taken:
        raise ValueError(f"measure '{name}' or objective '{measure.objective}' is taken")
    COSTS[name] = measure


def find_measure(name: str) -> Measure | None:
    """The measure of this name, if there is one."""
    return AUCS.get(name) or COSTS.get(name)


def goals() -> dict[str, Measure]:
    """The measures that may be optimised or bounded, by name."""
    return {name: one for name, one in (AUCS | COSTS).items() if one.objective is not None}
