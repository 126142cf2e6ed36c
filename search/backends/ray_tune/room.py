"""The number of trials that have room on a cluster: counted node by node, as a trial runs on one
node.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from search.packing import SHARES, Grant
from search.settings import Resources
from sedn.errors import UserError

UNITS = 10_000
"""Ray counts a resource in parts of so many."""


@dataclass(frozen=True)
class Node:
    """The cores, GPUs and memory of a machine of a cluster, whether or not they are in use."""

    name: str
    cpus: float
    gpus: float


def nodes_of(rows: Sequence[Mapping[str, Any]], leaving: Collection[str] = ()) -> list[Node]:
    """The running nodes in the output of ``ray.nodes()``, but for those that are ``leaving``, by
    their ids.
    """
    return [
        Node(
            f"node '{row.get('NodeManagerHostname') or row.get('NodeManagerAddress')}'",
            float(row.get("Resources", {}).get("CPU", 0.0)),
            float(row.get("Resources", {}).get("GPU", 0.0)),
        )
        for row in rows
        if row["Alive"] and row["NodeID"] not in leaving
    ]


def slots(nodes: Sequence[Node], resources: Resources) -> tuple[int | None, Grant]:
    """How many trials fit on these nodes at a time, and what each gets; ``None`` where the cluster
    starts nodes for the trials that wait.

    A trial gets all it asks for on one node, and a part of a GPU on one GPU.

    Raises:
        UserError: no node has room for a trial.
    """
    if resources.autoscaling:
        return None, Grant(resources.cpus_per_trial, resources.gpus_per_trial or 0.0)
    grant = Grant(resources.cpus_per_trial, _gpus(nodes, resources.gpus_per_trial))
    room = room_for(nodes, grant)
    if not room:
        starts = "; give `autoscaling` where the cluster starts nodes for trials that wait"
        raise UserError(_no_room(nodes, grant) + (starts if resources.address else ""))
    return room, grant


def room_for(nodes: Sequence[Node], grant: Grant) -> int:
    """How many trials with so much each fit on these nodes at a time."""
    return sum(_room_on(node, grant) for node in nodes)


def _gpus(nodes: Sequence[Node], wanted: float | Literal["auto"] | None) -> float | Literal["auto"]:
    """The GPUs of a trial: where none are asked for, one if there is one."""
    if wanted is not None and wanted != "auto":
        if wanted > 1 and not float(wanted).is_integer():
            raise UserError(f"`gpus_per_trial={wanted:g}`: give a part of one GPU, or whole GPUs")
        return wanted
    return (wanted or 1.0) if any(node.gpus >= 1 for node in nodes) else 0.0


def _room_on(node: Node, grant: Grant) -> int:
    """How many trials fit on a node."""
    by_cpu = _units(node.cpus) // max(1, _units(grant.cpus))
    gpus = SHARES[0] if grant.gpus == "auto" else grant.gpus
    if not gpus:
        return by_cpu
    if gpus > 1:
        return min(by_cpu, int(node.gpus) // int(gpus))
    # What is left of each GPU is not put together.
    return min(by_cpu, int(node.gpus) * (UNITS // max(1, _units(gpus))))


def _units(amount: float) -> int:
    return round(amount * UNITS)


def _no_room(nodes: Sequence[Node], grant: Grant) -> str:
    """Describe in one line the resources that a trial asks for, and the node that has most of
    them.
    """
    needs_gpu = bool(grant.gpus)
    largest = max(nodes, key=lambda node: (node.gpus * needs_gpu, node.cpus), default=None)
    needed = _amounts(grant.cpus, 1.0 if grant.gpus == "auto" else grant.gpus)
    line = f"no room for a trial: a trial asks for {needed} on one node, and "
    if largest is None:
        return f"{line}the cluster has no node"
    has = _amounts(largest.cpus, largest.gpus)
    if len(nodes) == 1:
        line += f"{largest.name} has {has}"
    else:
        line += f"{largest.name}, the largest of {len(nodes)}, has {has}"
    return f"{line}; lower `cpus_per_trial` or `gpus_per_trial`"


def _amounts(cpus: float, gpus: float) -> str:
    """CPUs and GPUs in words: ``1 CPU and 0.5 GPUs``."""
    named = ((cpus, "CPU"), (gpus, "GPU"))
    return " and ".join(f"{n:g} {name}{'' if n == 1 else 's'}" for n, name in named)
