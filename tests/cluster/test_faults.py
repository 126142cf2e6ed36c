"""A search over machines of their own addresses, while what may fail does, one after another."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from results.database.store import Store, open_store
from tests.cluster.driver import TRIALS
from tests.cluster.network import Machine
from tests.cluster.nodes import Nodes, ended, start_search, wait_until, workers
from tests.postgresql import RestartedServer, find_binaries
from tests.search.conftest import SPACE

OUTAGE_SECONDS = 20.0


@pytest.fixture
def server(nodes: Nodes) -> Iterator[RestartedServer]:
    binaries = find_binaries()
    if binaries is None:
        why = "no PostgreSQL in /usr/lib/postgresql: apt-get install postgresql"
        pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
    with RestartedServer.running(binaries, nodes.network.address) as started:
        yield started


@pytest.mark.slow
def test_every_fault_is_survived(nodes: Nodes, server: RestartedServer, tmp_path: Path) -> None:
    head, second, third = nodes.start(), nodes.start(), nodes.start()
    url, log, space = server.new_database(), tmp_path / "epochs", tmp_path / "curves.yaml"
    space.write_text(SPACE)
    words = [url, str(space), str(tmp_path / "runs"), nodes.address, str(log)]
    driver = start_search(head, *words)

    def runs() -> bool:
        assert driver.poll() is None, "\n".join(driver.communicate())[-3000:]
        return True

    def wait_for(trials: int) -> None:
        wait_until(lambda: runs() and ended(url) >= trials, 150, f"{trials} trials never ended")

    def worker_on(machine: Machine) -> int:
        """The process of a machine that trains, once there is one."""
        there: list[int] = []

        def has_one() -> bool:
            # Asked once: a short trial may have ended when its process is asked for again.
            there.extend(workers(machine))
            return runs() and bool(there)

        wait_until(has_one, 120, f"{machine.name} never got a trial")
        return there[0]

    wait_for(3)
    os.kill(worker_on(second), 9)
    wait_for(7)
    worker_on(third)
    third.kill()
    wait_for(12)
    fourth = nodes.start()
    worker_on(fourth)
    wait_for(ended(url) + 5)
    server.stop()
    time.sleep(OUTAGE_SECONDS)
    server.start()
    said, complained = driver.communicate(timeout=200)
    assert said.split()[-1:] == ["finished"], complained[-3000:]
    check_store(open_store(url), log, [one.address for one in (head, second, fourth)])


def check_store(store: Store, log: Path, left: list[str]) -> None:
    """All trials were trained whole: no epoch is missing or twice, and few were trained again."""
    rows = store.trials(store.experiment("faults").id)
    trained = [row for row in rows if row.duplicate_of is None]
    assert len(rows) == TRIALS
    assert {str(row.state) for row in rows} == {"COMPLETE"}, [row.reason for row in rows]
    epochs = store.epochs(store.experiment("faults").id)
    for row in trained:
        assert [one.epoch for one in epochs[row.number]] == [1, 2, 3, 4]
    assert len({row.node for row in rows}) >= len(left), "a node got no trial"
    times = Counter(log.read_text().split("\n")[:-1])
    # Of a trial whose worker is lost the last epoch may not have been told: it is repeated.
    again = sum(times.values()) - len(times)
    assert again <= 6, times
