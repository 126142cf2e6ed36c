"""A process of Ray's that is killed ends the search in one line of ours, and nothing is lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from results.database.store import open_store
from tests.search.driver.test_broken_off import wait_for_an_epoch


def children(process: int) -> dict[str, int]:
    """Process ids of a process's children, by name."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            before, after = (folder / "stat").read_text().rsplit(")", 1)
        except OSError:
            continue
        if int(after.split()[1]) == process:
            found[before.split("(", 1)[1]] = int(folder.name)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", ["raylet", "gcs_server"])
def test_the_search_ends_in_one_line_and_goes_on(name: str, table: Path, space_file: Path) -> None:
    command = (
        *(sys.executable, "-m", "search.cli.main", "search", "--name=killed", "--epochs=20"),
        *(f"--data={table}", f"--space={space_file}", "--trials=2", "--concurrent=1"),
        *("--sampler=random", "--scheduler=none", "--no-futility"),
    )
    pipes: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    running = subprocess.Popen(command, cwd=table.parent, **pipes)
    try:
        wait_for_an_epoch(table.parent / "sedn.db")
        before = set(children(running.pid).values())
        os.kill(children(running.pid)[name], signal.SIGKILL)
        _, said = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 1, said
    assert said.splitlines()[-1] == (
        f"sedn: Ray's process '{name}' is gone: it was killed, or the memory did not suffice. "
        f"Nothing is lost: the same command goes on"
    )
    wait_for_the_end(before)
    store = open_store(f"sqlite:///{table.parent}/sedn.db")
    reached = store.trials(1)[0].epochs
    assert reached
    again = subprocess.run(command, cwd=table.parent, timeout=200, check=False, **pipes)
    assert again.returncode == 0, again.stderr
    assert [row.epochs for row in store.trials(1)] == [20, 20]


def wait_for_the_end(processes: set[int]) -> None:
    """See that no process of the search is left."""
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{process}").exists() for process in processes):
        assert time.monotonic() < deadline
        time.sleep(0.1)
