"""The faults that meet a cluster, by kind: each is done, and mended where it does not pass."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from benchmarks.machines.disk import Disk
from benchmarks.machines.network import Machine
from benchmarks.machines.nodes import Nodes, workers
from benchmarks.machines.postgresql import RestartedServer

LEAST_NODES, MOST_NODES = 2, 4
"""Nodes that run, with the head: one fewer than the least gets company, one more than the most
none.
"""
CUT_SECONDS = 10.0
SLOW_SECONDS, DELAY_SECONDS, LOSS = 15.0, 0.2, 0.02


class Driven(Protocol):
    """A search whose driver may be killed."""

    def start(self) -> None:
        """Give the command."""

    def kill(self) -> None:
        """Kill the driver."""

    @property
    def is_running(self) -> bool:
        """Whether the driver runs."""


class Faults:
    """Strikes at random, and counts."""

    def __init__(
        self, nodes: Nodes, server: RestartedServer, disk: Disk, chance: random.Random
    ) -> None:
        self.chance = chance
        self.counts: Counter[str] = Counter()
        self._nodes, self._server, self._disk = nodes, server, disk
        self._began = time.monotonic()
        self._kinds: dict[str, Callable[[Driven], bool]] = {
            "worker killed": self._kill_worker,
            "node killed": self._kill_node,
            "node added": self._add_node,
            "node drained": self._drain_node,
            "database stopped": self._stop_database,
            "driver killed": self._kill_driver,
            "network cut": self._cut,
            "network slow": self._slow_down,
            "storage filled": self._fill,
        }

    def note(self, line: str) -> None:
        """Print a line with the time since the start."""
        print(f"{time.monotonic() - self._began:6.0f} s  {line}", flush=True)

    def strike(self, search: Driven) -> None:
        """Do one fault, of a kind that is possible now, and mend what does not mend itself."""
        while len(self._running()) < LEAST_NODES:
            self._nodes.start()
        kinds = list(self._kinds)
        self.chance.shuffle(kinds)
        for kind in kinds:
            began = time.monotonic()
            if self._kinds[kind](search):
                self.counts[kind] += 1
                self.note(f"{kind}, {time.monotonic() - began:.0f} s")
                return

    def orphans(self, patience: float = 30.0) -> list[str]:
        """Processes of searches that are there though no search runs, after some patience."""
        until = time.monotonic() + patience
        while (left := self._left()) and time.monotonic() < until:
            time.sleep(0.5)
        return left

    def _left(self) -> list[str]:
        return [
            f"{machine.name}: {text}"
            for machine in self._nodes.machines
            for text in machine.processes().values()
            if "TrialActor" in text or "chaos_driver" in text
        ]

    def _running(self) -> list[Machine]:
        """The machines whose nodes run, the head first."""
        return [machine for machine in self._nodes.machines if self._nodes.is_running(machine)]

    def _one(self) -> Machine | None:
        """A machine whose node runs, other than the head."""
        others = self._running()[1:]
        return self.chance.choice(others) if others else None

    def _kill_worker(self, _: Driven) -> bool:
        there = [one for machine in self._running() for one in workers(machine)]
        if not there:
            return False
        os.kill(self.chance.choice(there), signal.SIGKILL)
        return True

    def _kill_node(self, _: Driven) -> bool:
        machine = self._one()
        if machine is not None:
            machine.kill()
        return machine is not None

    def _add_node(self, _: Driven) -> bool:
        if len(self._running()) >= MOST_NODES:
            return False
        self._nodes.start()
        return True

    def _drain_node(self, _: Driven) -> bool:
        machine = self._one()
        if machine is not None:
            self._nodes.tell(machine, signal.SIGTERM)
        return machine is not None

    def _stop_database(self, _: Driven) -> bool:
        self._server.stop()
        time.sleep(self.chance.uniform(2, 20))
        self._server.start()
        return True

    def _kill_driver(self, search: Driven) -> bool:
        if not search.is_running:
            return False
        search.kill()
        search.start()
        return True

    def _cut(self, _: Driven) -> bool:
        machine = self._one()
        if machine is None:
            return False
        machine.link.cut()
        time.sleep(CUT_SECONDS)
        machine.link.join()
        return True

    def _slow_down(self, _: Driven) -> bool:
        machine = self._one()
        if machine is None:
            return False
        machine.link.slow_down(DELAY_SECONDS, LOSS)
        time.sleep(SLOW_SECONDS)
        machine.link.speed_up()
        return True

    def _fill(self, _: Driven) -> bool:
        self._disk.keep_full(self.chance.uniform(3, 10))
        self._disk.free()
        return True
