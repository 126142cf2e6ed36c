"""A cluster whose nodes the test starts, in network namespaces of this machine."""

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.machines.network import network, why_no_namespaces
from benchmarks.machines.nodes import Nodes
from benchmarks.machines.postgresql import RestartedServer, find_binaries


def skip(why: str) -> None:
    """Skip the test for what this machine lacks; in CI that must be there."""
    pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    if why := why_no_namespaces():
        skip(why)
    # Ray puts sockets in this folder, and a socket's path has a bound of 107 bytes.
    folder = Path("/tmp") / f"ray-{secrets.token_hex(4)}"
    with network() as made:
        yield Nodes(made, folder)
    shutil.rmtree(folder, ignore_errors=True)
    for log in folder.parent.glob(f"{folder.name}-*.log"):
        log.unlink()


@pytest.fixture
def server(nodes: Nodes) -> Iterator[RestartedServer]:
    """A database server that the nodes' network reaches."""
    binaries = find_binaries()
    if binaries is None:
        skip("no PostgreSQL in /usr/lib/postgresql: apt-get install postgresql")
    assert binaries is not None
    with RestartedServer.running(binaries, nodes.network.address) as started:
        yield started
