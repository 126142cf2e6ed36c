"""The PostgreSQL server that tests and benchmarks start ends with them, however they end."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STARTS = """
import pathlib, signal, sys
from benchmarks.machines.postgresql import running_server
with running_server(pathlib.Path(sys.argv[1])) as url:
    print(url, flush=True)
    if sys.argv[2] == "stay":
        signal.pause()
"""


def start(how: str, binaries: Path, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", STARTS, binaries, how],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def listens(url: str) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=5).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("kill", [os.kill, os.killpg, None])
def test_the_server_ends_with_the_process_that_started_it(
    kill: Callable[[int, int], None] | None, postgres_binaries: Path, open_folder: Path
) -> None:
    process = start("stay" if kill else "end", postgres_binaries, open_folder)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    assert url.startswith("postgresql+psycopg://")
    if kill:
        assert listens(url)
        kill(process.pid, signal.SIGKILL)
    assert process.wait(30) == (-signal.SIGKILL if kill else 0)
    until = time.monotonic() + 20
    while (listens(url) or any(open_folder.iterdir())) and time.monotonic() < until:
        time.sleep(0.1)
    assert not listens(url)
    assert not list(open_folder.iterdir()), "its files are gone too"
