"""Machines of a cluster on this one: network namespaces on a bridge, each with an address."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


def need_namespaces() -> None:
    """Skip the test where network namespaces cannot be made; in CI the program must be there."""
    if shutil.which("ip") is None:
        why = "network namespaces need the program ip: apt-get install iproute2"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    name = f"sedn-{secrets.token_hex(3)}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"no permission to make network namespaces: {made.stderr.strip()}")
    subprocess.run(["ip", "netns", "delete", name], check=True)


class Network:
    """A bridge of this machine, which has an address there too, and the namespaces on it."""

    def __init__(self) -> None:
        self._tag = secrets.token_hex(2)
        self._net = f"10.{100 + secrets.randbelow(100)}.{secrets.randbelow(250)}"
        self._bridge = f"sb{self._tag}"
        self._names: list[str] = []
        self.address = f"{self._net}.254"
        """Of this machine itself."""

    def open(self) -> None:
        """Make the bridge."""
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("address", "add", f"{self.address}/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")

    def add(self) -> "Machine":
        """A new machine on the bridge."""
        number = len(self._names) + 1
        name, here = f"sedn-{self._tag}-{number}", f"sv{self._tag}{number}"
        self._names.append(name)
        _ip("netns", "add", name)
        _ip("link", "add", here, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", here, "master", self._bridge, "up")
        machine = Machine(name, f"{self._net}.{number}")
        for words in (
            ["address", "add", f"{machine.address}/24", "dev", "eth0"],
            ["link", "set", "eth0", "up"],
            ["link", "set", "lo", "up"],
        ):
            _ip("-n", name, *words)
        return machine

    def close(self) -> None:
        """End all processes of the machines, and remove them with the bridge."""
        for name in self._names:
            Machine(name, "").kill()
            _ip("netns", "delete", name)
        _ip("link", "delete", self._bridge)


class Machine:
    """A network namespace with an address."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address

    def command(self, words: Sequence[str]) -> list[str]:
        """What runs a command on the machine."""
        return ["ip", "netns", "exec", self.name, *words]

    def processes(self) -> dict[int, str]:
        """Command lines of the processes of the machine, by process id."""
        found = {}
        for word in _ip("netns", "pids", self.name).split():
            with suppress(OSError):
                text = Path(f"/proc/{word}/cmdline").read_bytes().replace(b"\0", b" ")
                found[int(word)] = text.decode(errors="replace").strip()
        return {process: text for process, text in found.items() if text}

    def kill(self) -> None:
        """End all processes of the machine at once, as a power cut does."""
        until = time.monotonic() + 20
        while (there := self.processes()) and time.monotonic() < until:
            for process in there:
                with suppress(OSError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.1)


@contextmanager
def network() -> Iterator[Network]:
    """A network without machines; removed in the end, with all that runs there."""
    made = Network()
    made.open()
    try:
        yield made
    finally:
        made.close()


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout
