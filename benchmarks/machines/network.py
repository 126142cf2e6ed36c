"""Machines of a cluster on this one: network namespaces on a bridge, each with an address.

The link of a machine to the bridge can be cut, and made slow and lossy.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

SLOW_LINK = Path(__file__).with_name("slow_link.py")


def why_no_namespaces() -> str | None:
    """Why network namespaces cannot be made here; ``None`` where they can."""
    if shutil.which("ip") is None:
        return "network namespaces need the program ip: apt-get install iproute2"
    name = f"sedn-{secrets.token_hex(3)}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if made.returncode:
        return f"no permission to make network namespaces: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "delete", name], check=True)
    return None


class Network:
    """A bridge of this machine, which has an address there too, and the namespaces on it."""

    def __init__(self) -> None:
        self._tag = secrets.token_hex(2)
        self._net = f"10.{100 + secrets.randbelow(100)}.{secrets.randbelow(250)}"
        self._bridge = f"sb{self._tag}"
        self._machines: list[Machine] = []
        self.address = f"{self._net}.254"
        """Of this machine itself."""

    def open(self) -> None:
        """Make the bridge."""
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("address", "add", f"{self.address}/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")

    def add(self) -> "Machine":
        """A new machine on the bridge."""
        number = len(self._machines) + 1
        name, link = f"sedn-{self._tag}-{number}", Link(f"{self._tag}{number}", self._bridge)
        machine = Machine(name, f"{self._net}.{number}", link)
        self._machines.append(machine)
        _ip("netns", "add", name)
        _ip("link", "add", link.port, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", link.port, "master", self._bridge, "up")
        for words in (
            ["address", "add", f"{machine.address}/24", "dev", "eth0"],
            ["link", "set", "eth0", "up"],
            ["link", "set", "lo", "up"],
        ):
            _ip("-n", name, *words)
        return machine

    def close(self) -> None:
        """End all processes of the machines, and remove them with the bridge."""
        for machine in self._machines:
            # One that was not made whole lacks the rest, which is no reason to leave the others.
            with suppress(RuntimeError):
                machine.link.speed_up()
            with suppress(RuntimeError):
                machine.kill()
                _ip("netns", "delete", machine.name)
        _ip("link", "delete", self._bridge)


class Link:
    """What joins a machine to the bridge."""

    def __init__(self, tag: str, bridge: str) -> None:
        self.port = f"sv{tag}"
        """The machine's end of it on this machine."""
        self._bridge = bridge
        self._line = f"sedn-line-{tag}"
        self._near, self._far = f"sn{tag}", f"sf{tag}"
        self._relay: subprocess.Popen[bytes] | None = None

    def cut(self) -> None:
        """Let no packet through, in neither direction, and say so to nobody."""
        _ip("link", "set", self.port, "down")

    def join(self) -> None:
        """Let packets through again."""
        _ip("link", "set", self.port, "up")

    def slow_down(self, seconds: float, loss: float) -> None:
        """Hold each packet for so many ``seconds``, in each direction, and lose a part of them.

        A program in a namespace of its own passes the packets on: not every kernel has ``netem``.
        """
        _ip("netns", "add", self._line)
        _ip("link", "add", self._near, "type", "veth", "peer", "name", self._far)
        _ip("link", "set", self._far, "netns", self._line)
        _ip("-n", self._line, "link", "set", self._far, "up")
        _ip("link", "set", self.port, "nomaster", "netns", self._line)
        _ip("-n", self._line, "link", "set", self.port, "up")
        _ip("link", "set", self._near, "master", self._bridge, "up")
        program = [sys.executable, str(SLOW_LINK), self.port, self._far, str(seconds), str(loss)]
        self._relay = subprocess.Popen(["ip", "netns", "exec", self._line, *program])

    def speed_up(self) -> None:
        """Pass packets on at once, and all of them, again."""
        if self._relay is None:
            return
        self._relay.kill()
        self._relay.wait()
        self._relay = None
        _ip("-n", self._line, "link", "set", self.port, "netns", str(os.getpid()))
        _ip("link", "set", self.port, "master", self._bridge, "up")
        _ip("netns", "delete", self._line)


class Machine:
    """A network namespace with an address."""

    def __init__(self, name: str, address: str, link: Link) -> None:
        self.name = name
        self.address = address
        self.link = link

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
