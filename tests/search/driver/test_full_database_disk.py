"""The disk of an SQLite database that is full: the search waits or ends in a line; nothing is lost.

On real file systems that are too small.
"""

import gc
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from benchmarks.machines.disk import Disk
from results.database.connection.outage import StoreUnavailable
from results.database.models import TrialState
from results.database.store import open_store
from search.run import run_search
from search.settings import Resources, SearchSettings
from search.stages import Stage
from sedn.errors import UserError
from tests.search.crashes import Crashing, watching
from tests.search.disks import small_disk
from tests.search.histories import FINITE_CONDITIONAL


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk", 16) as disk:
        yield disk


@pytest.mark.parametrize("scheduler", ["asha", "promote"])
def test_full_at_each_write_a_search_waits_and_comes_to_the_same_end(
    scheduler: str, disk: Disk, tmp_path: Path
) -> None:
    chosen = SearchSettings(
        trials=6, seed=2, sampler="random", scheduler=scheduler, reduction_factor=2, grace_epochs=1
    )
    whole = Crashing(tmp_path / "whole", FINITE_CONDITIONAL, chosen)
    whole.make_tables()
    whole.run()
    search = Crashing(disk.path / "search", FINITE_CONDITIONAL, chosen)
    search.make_tables()
    chance = random.Random(0)
    waited: list[str] = []
    ended: list[str] = []

    def fill(what: str) -> None:
        """Before a write: the disk is full, or has room again."""
        disk.free()
        if chance.random() < 0.3:
            disk.fill()

    finished = False
    while not finished:
        try:
            with watching(fill):
                search.run(lambda what: disk.free(), waited.append)
            finished = True
        except StoreUnavailable as error:
            # Before the trials begin the search ends; the same command goes on.
            ended.append(str(error))
            disk.free()
    name = f"{disk.path}/search/sedn.db: the disk is full (make room there)"
    assert set(waited) == {f"{name}; the search waits, nothing is lost"}
    assert set(ended) <= {f"{name}; nothing that was trained is lost, the same command goes on"}
    assert search.outcome() == whole.outcome()
    assert len(waited) > 5
    assert len(ended) < 10


@pytest.fixture
def nearly_full(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk", 64) as disk:
        yield disk


def test_a_disk_that_fills_before_the_trials_ends_the_search_in_one_line(
    nearly_full: Disk, table: Path, space_file: Path
) -> None:
    """With every so much room, from none to enough, when the store is opened."""
    url = f"sqlite:///{nearly_full.path}/sedn.db"
    settings = SearchSettings(data=str(table), trials=2, sampler="random")

    def search(room: int | None) -> None:
        def fill(stage: Stage) -> None:
            if stage is Stage.STORE and room is not None:
                nearly_full.fill(leave=room)
            if stage is Stage.TRIALS:
                raise KeyboardInterrupt

        resources = Resources(storage_path=str(table.parent / "runs"))
        run_search("full", str(space_file), settings, url, resources, on_stage=fill)

    lines = []
    for room in range(0, 1600, 100):
        nearly_full.free()
        for file in nearly_full.path.glob("*sedn.db*"):
            file.unlink()
        # A store of an earlier round holds its file, and so the room of it, until it is collected.
        gc.collect()
        try:
            search(room * 1024)
        except UserError as error:
            lines.append(str(error))
        except KeyboardInterrupt:
            break
        # The same command goes on where there is room.
        nearly_full.free()
        with pytest.raises(KeyboardInterrupt):
            search(None)
    assert len(lines) > 3
    assert len(set(lines)) > 1, "when it is opened, and later"
    for line in lines:
        assert line.startswith(f"{nearly_full.path}/sedn.db: ")
        assert "the disk is full" in line
        assert "make room there" in line
        assert "\n" not in line
    nearly_full.fill()
    with pytest.raises(UserError, match=r"sedn.db: the disk is full; make room there, or name"):
        search(0)


@pytest.mark.slow
def test_the_command_waits_for_room_on_the_disk_of_the_database(
    disk: Disk, table: Path, space_file: Path
) -> None:
    command = (
        *(sys.executable, "-m", "search.cli.main", "search", "--name=full", "--epochs=30"),
        *(f"--data={table}", f"--space={space_file}", "--trials=2", "--concurrent=1"),
        *("--sampler=random", "--scheduler=none", "--no-futility"),
        *(f"--store=sqlite:///{disk.path}/sedn.db", f"--storage-path={table.parent}/runs"),
    )
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    running = subprocess.Popen(command, cwd=table.parent, **pipes)
    try:
        deadline = time.monotonic() + 120
        while epochs(disk) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        disk.fill()
        time.sleep(5)
        before = epochs(disk)
        time.sleep(2)
        assert epochs(disk) == before < 60
        assert running.poll() is None
        disk.free()
        said, _ = running.communicate(timeout=150)
    finally:
        running.kill()
    assert running.returncode == 0, said
    assert "Traceback" not in said
    assert said.count("sedn.db: the disk is full (make room there); the search waits") == 1
    store = open_store(f"sqlite:///{disk.path}/sedn.db")
    assert [trial.state for trial in store.trials(1)] == 2 * [TrialState.COMPLETE]


def epochs(disk: Disk) -> int:
    with suppress(UserError):
        store = open_store(f"sqlite:///{disk.path}/sedn.db")
        return sum(trial.epochs for trial in store.trials(1))
    return 0
