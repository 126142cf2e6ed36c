"""The nodes of a Ray cluster, each on a machine of its own, and a search that runs there."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from benchmarks.machines.network import Machine, Network
from results.database.store import open_store

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
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def tell(self, machine: Machine, number: signal.Signals) -> None:
        """Send a signal to what keeps a node running."""
        self._started[machine.name].send_signal(number)

    def is_running(self, machine: Machine) -> bool:
        """Whether what keeps a node running is there."""
        return self._started[machine.name].poll() is None

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
            started = self._started[machine.name] = subprocess.Popen(
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

        wait_until(runs, 120, f"{machine.name} has not joined the cluster")
        return machine


def start_search(
    machine: Machine,
    program: Path,
    *words: str,
    output: IO[str] | None = None,
    errors: IO[str] | None = None,
) -> subprocess.Popen[str]:
    """Run the ``program`` that drives a search, with the ``words`` of its command, on a machine.

    What it prints goes to ``output``, and what it prints to stderr to ``errors`` where that is
    given; where there are none, to pipes.
    """
    return subprocess.Popen(
        machine.command([sys.executable, str(program), *words]),
        env=os.environ | ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=output or subprocess.PIPE,
        stderr=errors or output or subprocess.PIPE,
        text=True,
    )


def wait_until(is_so: Callable[[], bool], seconds: float, otherwise: str) -> None:
    """Wait until something is so; an error with what is ``otherwise`` after so many seconds."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, otherwise
        time.sleep(0.2)


def workers(machine: Machine) -> list[int]:
    """The processes of a machine that train."""
    return [process for process, text in machine.processes().items() if "TrialActor" in text]


def ended(url: str, name: str = "faults") -> int:
    """Trials that have ended; none where the database has no experiment yet."""
    with suppress(Exception):
        store = open_store(url)
        try:
            counts = store.counts(store.experiment(name).id)
            return sum(n for state, n in counts.items() if str(state) != "RUNNING")
        finally:
            store.engine.dispose()
    return 0
