"""A search over machines of their own addresses, while what may fail does, one after another."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.machines.disk import Disk, mounted_disk
from benchmarks.machines.nodes import Nodes, wait_until
from benchmarks.machines.postgresql import RestartedServer
from results.database.store import open_store
from search.lock import is_driven
from tests.cluster.driver import NAME, TRIALS
from tests.cluster.searches import ClusterSearch

OUTAGE_SECONDS = 20.0
CUT_SECONDS = 10.0
FULL_SECONDS = 5.0
PAUSES = "No trial is charged with that: the search pauses"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the drivers of the test put temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def disk(nodes: Nodes, tmp_path: Path) -> Iterator[Disk]:
    """A small disk that all nodes see which are started after it."""
    with mounted_disk(tmp_path / "disk", 64) as mounted:
        yield mounted


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
def test_another_machine_goes_on_where_that_of_the_driver_is_gone(
    nodes: Nodes, server: RestartedServer, tmp_path: Path
) -> None:
    head, second = nodes.start(), nodes.start()
    search = ClusterSearch(nodes, tmp_path, server.new_database(), 20)
    search.start(second)
    search.wait_for(5)
    # Nobody is told: the server's sessions of that machine stay.
    second.link.cut()
    second.kill()
    search.kill()
    search.start(head)
    search.driver.communicate(timeout=60)
    assert "is being searched by another process" in search.complained
    engine = open_store(search.url).engine
    wait_until(lambda: not is_driven(engine, NAME), 60, "the lock is held for ever")
    search.start(head)
    search.check_end(repeated=2)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_node_that_is_cut_off_for_ten_seconds(
    nodes: Nodes, server: RestartedServer, tmp_path: Path
) -> None:
    head, second, third = nodes.start(), nodes.start(), nodes.start()
    search = ClusterSearch(nodes, tmp_path, server.new_database(), 40)
    search.start(head)
    search.wait_for_worker(second)
    search.wait_for_worker(third)
    search.wait_for(3)
    third.link.cut()
    time.sleep(CUT_SECONDS)
    third.link.join()
    search.check_end(repeated=4, losses=1)


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


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_storage_path_that_is_full_for_a_while(
    nodes: Nodes, server: RestartedServer, tmp_path: Path, disk: Disk
) -> None:
    machines = [nodes.start() for _ in range(3)]
    # No checkpoint is removed, which would give room back while the disk is full.
    options = {"keep_best": "all", "checkpoint_bytes": 1_000_000}
    runs = disk.path / "runs"
    search = ClusterSearch(nodes, tmp_path, server.new_database(), 24, options, runs)
    search.start()
    search.wait_for(3)
    for machine in machines:
        search.wait_for_worker(machine)
    disk.keep_full(FULL_SECONDS)
    search.wait_until(lambda: PAUSES in search.complained, 60, "the search does not pause")
    trained = search.account.notes()
    disk.keep_full(FULL_SECONDS)
    assert search.account.notes() == trained, "an epoch was trained without room for it"
    disk.free()
    search.check_end(repeated=0, losses=0)
    assert search.complained.count(PAUSES) == 1
    assert search.complained.count("Checkpoints can be written again") == 1


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_search_of_one_worker_decides_what_it_decides_undisturbed(
    nodes: Nodes, server: RestartedServer, tmp_path: Path
) -> None:
    head = nodes.start()
    search = ClusterSearch(nodes, tmp_path, server.new_database(), 14, {"learns": True})
    search.start(head)
    search.wait_for(3)
    os.kill(search.wait_for_worker(head), signal.SIGKILL)
    search.wait_for(2)
    search.kill()
    search.start(head)
    search.wait_for(2)
    server.stop()
    time.sleep(5)
    server.start()
    search.wait_for(1)
    os.kill(search.wait_for_worker(head), signal.SIGKILL)
    search.check_end(repeated=3, losses=2)
