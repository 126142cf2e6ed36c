"""A cluster whose nodes the test starts, in network namespaces of this machine."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.network import need_namespaces, network
from tests.cluster.nodes import Nodes


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
