"""The nodes of a cluster as a line and as a table."""

from rich.table import Table
from rich.text import Text

from search.node_use import ClusterUse, NodeUse
from sedn.style import byte_text, count_of, share_text

MOST_NODES = 20
"""Rows of the table."""


def nodes_line(use: ClusterUse) -> Text:
    """How many nodes there are, and what of them is given to trials."""
    parts = [count_of(len(use.nodes), "node"), f"{_given(use.cpus_given, use.cpus)} cores"]
    if use.gpus:
        parts.append(f"{_given(use.gpus_given, use.gpus)} GPUs")
    return Text(f"Cluster: {', '.join(parts)} in use")


def unknown_line(use: ClusterUse) -> str | None:
    """Why it is not known how busy the nodes are; ``None`` where it is known of one."""
    if any(node.memory_total is not None for node in use.nodes):
        return None
    if any(node.has_agent for node in use.nodes):
        return "How busy the nodes are is not known: their metrics agents do not tell."
    return "How busy the nodes are is not known: no metrics agent (ray[default]) answers there."


def nodes_table(use: ClusterUse) -> Table:
    """How busy each node is; the first of many, and how many more there are."""
    table = Table(header_style="dim", expand=False)
    with_gpus = any(node.gpu_percent is not None for node in use.nodes)
    heads = ["cores", "CPU", "memory", *(["GPUs", "GPU", "GPU memory"] * with_gpus)]
    table.add_column("node")
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    for node in use.nodes[:MOST_NODES]:
        table.add_row(node.name, *_cells(node)[: len(heads)])
    if len(use.nodes) > MOST_NODES:
        table.add_row(f"and {len(use.nodes) - MOST_NODES} more")
    return table


def _cells(node: NodeUse) -> list[str]:
    return [
        f"{node.cpus:g}",
        _busy(node.cpu_percent),
        _part(node.memory_used, node.memory_total),
        f"{node.gpus:g}",
        _busy(node.gpu_percent),
        _part(node.gpu_memory_used, node.gpu_memory_total),
    ]


def _given(part: float, whole: float) -> str:
    return f"{round(part, 2):g} of {round(whole, 2):g}"


def _busy(percent: float | None) -> str:
    return share_text(None if percent is None else percent / 100, 0)


def _part(used: float | None, total: float | None) -> str:
    if used is None or total is None:
        return "–"
    return f"{byte_text(int(used))} of {byte_text(int(total))}"
