"""A search over machines of their own addresses, while what may fail does, one after another."""

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from results.database.store import Store, open_store
from tests.cluster.driver import TRIALS
from tests.cluster.network import Machine, Network, need_namespaces, network
from tests.postgresql import RestartedServer, find_binaries
from tests.search.conftest import SPACE

DRIVER = Path(__file__).with_name("driver.py")
OUTAGE_SECONDS = 20.0
PORT = 6379
ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
    "RAY_USAGE_STATS_ENABLED": "0",
    # A node that is gone is noticed after some seconds, not half a minute.
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
}


class Nodes:
    """The nodes of a Ray cluster, each on a machine of the network."""

    def __init__(self, made: Network, folder: Path) -> None:
        self.network = made
        self._folder = folder
        self.machines: list[Machine] = []

    @property
    def address(self) -> str:
        """Of the head."""
        return f"{self.machines[0].address}:{PORT}"

    def start(self) -> Machine:
        """A new node with room for one trial."""
        machine = self.network.add()
        is_head = not self.machines
        place = (
            ["--head", f"--port={PORT}", "--include-dashboard=false", f"--temp-dir={self._folder}"]
            if is_head
            else [f"--address={self.address}"]
        )
        ray = str(Path(sys.executable).with_name("ray"))
        self.machines.append(machine)
        log = self._folder.with_name(f"{self._folder.name}-{machine.name}.log")
        with log.open("w") as output:
            started = subprocess.Popen(
                machine.command(
                    [
                        *(ray, "start", "--block", f"--node-ip-address={machine.address}"),
                        *("--num-cpus=1", "--object-store-memory=100000000", *place),
                    ]
                ),
                env=os.environ | ENVIRONMENT,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

        def runs() -> bool:
            # Before this line the names of the node's sockets may not be taken yet; all nodes
            # share a folder here, and the next one would take the same names.
            assert started.poll() is None, log.read_text()[-3000:]
            return "Ray runtime started" in log.read_text()

        wait_until(runs, 60, f"{machine.name} has not joined the cluster")
        return machine


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    need_namespaces()
    # Ray puts sockets in this folder, and a socket's path has a bound of 107 bytes.
    folder = Path("/tmp") / f"ray-{secrets.token_hex(4)}"
    with network() as made:
        yield Nodes(made, folder)
    shutil.rmtree(folder, ignore_errors=True)
    for log in folder.parent.glob(f"{folder.name}-*.log"):
        log.unlink()


@pytest.fixture
def server(nodes: Nodes) -> Iterator[RestartedServer]:
    binaries = find_binaries()
    if binaries is None:
        why = "no PostgreSQL in /usr/lib/postgresql: apt-get install postgresql"
        pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
    with RestartedServer.running(binaries, nodes.network.address) as started:
        yield started


def wait_until(is_so: Callable[[], bool], seconds: float, otherwise: str) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, otherwise
        time.sleep(0.2)


def ended(url: str) -> int:
    """Trials that have ended; none where the database has no experiment yet."""
    with suppress(Exception):
        store = open_store(url)
        try:
            counts = store.counts(store.experiment("faults").id)
            return sum(n for state, n in counts.items() if str(state) != "RUNNING")
        finally:
            store.engine.dispose()
    return 0


@pytest.mark.slow
def test_every_fault_is_survived(nodes: Nodes, server: RestartedServer, tmp_path: Path) -> None:
    head, second, third = nodes.start(), nodes.start(), nodes.start()
    url, log, space = server.new_database(), tmp_path / "epochs", tmp_path / "curves.yaml"
    space.write_text(SPACE)
    words = [url, str(space), str(tmp_path / "runs"), nodes.address, str(log)]
    driver = subprocess.Popen(
        head.command([sys.executable, str(DRIVER), *words]),
        env=os.environ | ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def runs() -> bool:
        assert driver.poll() is None, "\n".join(driver.communicate())[-3000:]
        return True

    def wait_for(trials: int) -> None:
        wait_until(lambda: runs() and ended(url) >= trials, 150, f"{trials} trials never ended")

    def worker_on(machine: Machine) -> int:
        """The process of a machine that trains, once there is one."""
        wait_until(
            lambda: runs() and bool(workers(machine)), 120, f"{machine.name} never got a trial"
        )
        return workers(machine)[0]

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


def workers(machine: Machine) -> list[int]:
    """The processes of a machine that train."""
    return [process for process, text in machine.processes().items() if "TrialActor" in text]


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
