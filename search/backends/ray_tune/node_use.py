"""The use of the nodes of a cluster, by Ray's own counts and metrics.

Cores and GPUs are counted by Ray itself. How busy a node is, and its memory, tells the metrics
agent of each node, which runs where ``ray[default]`` is installed there.
"""

import math
import re
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from search.node_use import ClusterUse, NodeUse
from search.pacing import BROKEN_OFF_SECONDS, REST

LEAST_SECONDS, MOST_SECONDS = 10.0, 60.0
"""Between two looks."""
PATIENCE_SECONDS = 5.0
"""How long a node's agent may take to answer."""
AGAIN, AGAIN_SECONDS = 8, 1.0
"""How often at most an agent is asked again that answers without figures of its node, and after how
long. The agent measures every five seconds, and keeps what it measured for two intervals of Ray's
``metrics_report_interval_ms``: 20 s by default, and 2 s where that is set to a second."""
AT_A_TIME = 8
"""Agents that are asked at the same time."""
MOST_BYTES = 1 << 24
_LINE = re.compile(
    r"^ray_node_(cpu_utilization|mem_used|mem_total|gpus_utilization|gram_used|gram_available)"
    r"\{.*\} (\S+)$",
    re.MULTILINE,
)
_MEBIBYTE = 2.0**20


@contextmanager
def watching_nodes(write: Callable[[ClusterUse], None]) -> Iterator[None]:
    """Look at the nodes now and then, in a thread of its own, and have each look written.

    Nothing that goes wrong here ends a search, or is said: who looks on sees no nodes then.
    """
    ended = threading.Event()

    def watch() -> None:
        rest = 0.0
        while not ended.wait(rest):
            began = time.thread_time()
            try:
                write(cluster_use(ended.wait))
            except Exception:
                rest = MOST_SECONDS
                continue
            rest = min(MOST_SECONDS, max(LEAST_SECONDS, REST * (time.thread_time() - began)))

    watcher = threading.Thread(target=watch, name="sedn-nodes", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join(BROKEN_OFF_SECONDS)


def cluster_use(wait: Callable[[float], object] = time.sleep) -> ClusterUse:
    """The use of the nodes of the cluster that this process is connected to.

    Args:
        wait: waits so many seconds, or gives a true value where there is nothing to wait for.
    """
    import ray

    rows = [row for row in ray.nodes() if row["Alive"]]
    total, free = ray.cluster_resources(), ray.available_resources()
    with ThreadPoolExecutor(AT_A_TIME) as several:
        told = _told(rows, lambda some: list(several.map(_figures, some)), wait)
    nodes = tuple(_node_use(row, one) for row, one in zip(rows, told, strict=True))
    cpus, gpus = (total.get(kind, 0.0) - free.get(kind, 0.0) for kind in ("CPU", "GPU"))
    return ClusterUse(time.time(), max(0.0, cpus), max(0.0, gpus), nodes)


Figures = dict[str, float]
Row = Mapping[str, Any]
"""A row of ``ray.nodes()``."""


def _told(
    rows: Sequence[Row],
    ask: Callable[[Sequence[Row]], Sequence[Figures | None]],
    wait: Callable[[float], object],
) -> list[Figures | None]:
    """The figures of each node; those of agents that answer without any are asked for again."""
    told = list(ask(rows))
    for _ in range(AGAIN):
        silent = [place for place, figures in enumerate(told) if figures == {}]
        if not silent or wait(AGAIN_SECONDS):
            break
        for place, figures in zip(silent, ask([rows[place] for place in silent]), strict=True):
            told[place] = figures
    return told


def _figures(row: Row) -> Figures | None:
    """What the agent of a node tells of the node; ``None`` where none answers."""
    host, port = str(row.get("NodeManagerAddress")), row.get("MetricsExportPort", -1)
    address = f"[{host}]" if ":" in host else host
    page = _page(f"http://{address}:{port}/metrics") if port > 0 else ""
    return parse_metrics(page) if page else None


def _node_use(row: Row, told: Figures | None) -> NodeUse:
    """A row of ``ray.nodes()``, with what the node's agent tells."""
    host, resources = row.get("NodeManagerAddress"), row.get("Resources", {})
    name = f"{row.get('NodeManagerHostname') or host} ({row['NodeID'][:8]})"
    cpus, gpus = float(resources.get("CPU", 0.0)), float(resources.get("GPU", 0.0))
    return NodeUse(name, cpus, gpus, has_agent=told is not None, **(told or {}))


def _page(address: str) -> str:
    """A page of the cluster's own network; empty where it cannot be read."""
    # No proxy: the nodes are on the network of this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=PATIENCE_SECONDS) as answer:
            return str(answer.read(MOST_BYTES).decode(errors="replace"))
    except (OSError, ValueError):
        return ""


def parse_metrics(page: str) -> dict[str, float]:
    """The fields of :class:`NodeUse` that a page of Ray's metrics tells, in the text format of
    Prometheus; a GPU has a line of its own.
    """
    found: dict[str, list[float]] = {}
    for name, value in _LINE.findall(page):
        if math.isfinite(float(value)):
            found.setdefault(name, []).append(float(value))
    fields = {}
    for field, name in (
        ("cpu_percent", "cpu_utilization"),
        ("memory_used", "mem_used"),
        ("memory_total", "mem_total"),
    ):
        if name in found:
            fields[field] = found[name][0]
    if busy := found.get("gpus_utilization"):
        fields["gpu_percent"] = sum(busy) / len(busy)
    if used := found.get("gram_used"):
        # Ray says bytes in its description, and writes mebibytes.
        fields["gpu_memory_used"] = _MEBIBYTE * sum(used)
        free = sum(found.get("gram_available", []))
        fields["gpu_memory_total"] = fields["gpu_memory_used"] + _MEBIBYTE * free
    return fields
