"""Nodes that join while trials wait for room, and nodes that are about to be taken."""

import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.machines.nodes import ENVIRONMENT, Nodes, ended, workers
from tests.cluster.searches import ClusterSearch

TRIALS = 60
"""So many that the search outlasts the end of a node, which may take 25 s."""
OPTIONS = {"autoscaling": True, "max_concurrent": 3, "gpus_per_trial": 0}
"""Of a cluster that starts nodes for trials that wait."""


def started(nodes: Nodes, folder: Path, trials: int, options: dict[str, Any]) -> ClusterSearch:
    """A search of these options, whose driver runs on the head."""
    search = ClusterSearch(nodes, folder, f"sqlite:///{folder}/sedn.db", trials, options)
    search.start()
    return search


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nodes_come_for_trials_that_wait_and_are_taken_again(nodes: Nodes, tmp_path: Path) -> None:
    nodes.start()
    search = started(nodes, tmp_path, TRIALS, OPTIONS)
    search.wait_until(lambda: ended(search.url) > 0, 180, "no trial ended on the head alone")
    joined = [nodes.start(), nodes.start()]
    for machine in joined:
        search.wait_until(lambda m=machine: bool(workers(m)), 60, "a node got no trial")
    before = ended(search.url)
    search.wait_until(lambda: ended(search.url) >= before + 3, 60, "no trial ends any more")
    nodes.tell(joined[0], signal.SIGTERM)
    search.wait_until(lambda: not joined[0].processes(), 25, "the node was not given up")
    rows = search.check_end(losses=0)
    on = Counter((row.node or "").partition(" ")[2] for row in rows if row.duplicate_of is None)
    assert len(on) == 3, "a node trained no trial to its end"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_epoch_that_takes_longer_than_the_node_has_is_no_loss(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENVIRONMENT, "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S", "1")
    nodes.start()
    taken = nodes.start()
    options = {"max_concurrent": 2, "gpus_per_trial": 0, "seconds": 6.0}
    search = started(nodes, tmp_path, 2, options)
    search.wait_until(lambda: bool(workers(taken)), 180, "the node got no trial")
    nodes.tell(taken, signal.SIGTERM)
    search.wait_until(lambda: not taken.processes(), 10, "the node is still there")
    search.check_end(losses=0)
