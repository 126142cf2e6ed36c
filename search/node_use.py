"""What a search has of its cluster, and what the nodes are busy with: for people who look on.

The process that searches is on the cluster, and who looks on may not be. So it writes this now and
then beside the study, where any terminal finds it that reaches the database.
"""

import json
import time
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

KEY = "sedn:nodes"
"""The system attribute of the study that holds it."""
OLD_SECONDS = 180.0
"""What was written so long ago says nothing of now. The clocks of two machines may differ too."""


@dataclass(frozen=True)
class NodeUse:
    """A node, and what all its processes take of it; ``None`` where Ray does not tell."""

    name: str
    cpus: float
    """Cores that Ray may give to trials."""
    gpus: float
    cpu_percent: float | None = None
    """Of all its cores."""
    memory_used: float | None = None
    """In bytes, as the rest."""
    memory_total: float | None = None
    gpu_percent: float | None = None
    """The mean of its GPUs."""
    gpu_memory_used: float | None = None
    """Of all its GPUs together, as the next."""
    gpu_memory_total: float | None = None
    has_agent: bool = False
    """Whether its metrics agent answers."""


@dataclass(frozen=True)
class ClusterUse:
    """The nodes of a cluster at one moment, and what of them is given to trials, of any search."""

    at: float
    """Seconds since 1970."""
    cpus_given: float
    gpus_given: float
    nodes: tuple[NodeUse, ...]

    @property
    def cpus(self) -> float:
        """Cores of all nodes."""
        return sum(node.cpus for node in self.nodes)

    @property
    def gpus(self) -> float:
        """GPUs of all nodes."""
        return sum(node.gpus for node in self.nodes)

    def to_json(self) -> dict[str, Any]:
        """All fields, as of JSON."""
        return asdict(self) | {"nodes": [asdict(node) for node in self.nodes]}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "ClusterUse":
        """What :meth:`to_json` gave."""
        nodes = tuple(NodeUse(**node) for node in fields["nodes"])
        return cls(**fields | {"nodes": nodes})


def read_cluster_use(engine: Engine, name: str) -> ClusterUse | None:
    """What the search of ``name`` has last written; ``None`` where that is old, or lacking.

    Reads Optuna's tables by their names: importing Optuna would take longer than all the rest of
    what shows a search. ``tests/search/test_node_use.py`` reads what Optuna writes.
    """
    query = text(
        "select value_json from study_system_attributes join studies using (study_id) "
        "where study_name = :name and key = :key"
    )
    try:
        with engine.connect() as connection:
            value = connection.scalar(query, {"name": name, "key": KEY})
        use = value and ClusterUse.from_json(json.loads(value))
    except (SQLAlchemyError, ValueError, TypeError, KeyError):
        # A database without a study, or what another version has written.
        return None
    return use if use and abs(time.time() - use.at) < OLD_SECONDS else None
