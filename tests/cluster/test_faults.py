"""A search over machines of their own addresses, while what may fail does, one after another."""

import os
import signal
import time
from pathlib import Path

import pytest

from benchmarks.machines.nodes import Nodes
from benchmarks.machines.postgresql import RestartedServer
from tests.cluster.driver import TRIALS
from tests.cluster.searches import ClusterSearch

OUTAGE_SECONDS = 20.0


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the drivers of the test put temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_fault_is_survived(nodes: Nodes, server: RestartedServer, tmp_path: Path) -> None:
    head, second, third = nodes.start(), nodes.start(), nodes.start()
    search = ClusterSearch(nodes, tmp_path, server.new_database(), TRIALS)
    search.start(head)
    search.wait_for(3)
    os.kill(search.wait_for_worker(second), signal.SIGKILL)
    search.wait_for(4)
    search.wait_for_worker(third)
    third.kill()
    search.wait_for(5)
    fourth = nodes.start()
    search.wait_for_worker(fourth)
    search.wait_for(5)
    server.stop()
    time.sleep(OUTAGE_SECONDS)
    server.start()
    rows = search.check_end(repeated=2, losses=2)
    assert len({row.node for row in rows}) >= 3, "a node got no trial"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_driver_that_is_killed_goes_on_by_the_same_command(
    nodes: Nodes, server: RestartedServer, tmp_path: Path, temporary: Path
) -> None:
    head, second = nodes.start(), nodes.start()
    search = ClusterSearch(nodes, tmp_path, server.new_database(), 30)
    for _ in range(2):
        search.start(head)
        search.wait_for(5)
        search.wait_for_worker(second)
        search.kill()
    # A driver that dies before it has joined the cluster leaves as little.
    search.start(second)
    time.sleep(3)
    search.kill()
    search.start(head)
    search.check_end(repeated=4, losses=0)
    assert not list(temporary.glob("sedn-*"))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_node_behind_a_slow_and_lossy_link(
    nodes: Nodes, server: RestartedServer, tmp_path: Path
) -> None:
    head, second = nodes.start(), nodes.start()
    search = ClusterSearch(nodes, tmp_path, server.new_database(), 24)
    search.start(head)
    search.wait_for_worker(second)
    search.wait_for(2)
    second.link.slow_down(0.2, 0.02)
    rows = search.check_end(losses=0)
    assert len({row.node for row in rows}) == 2
