"""A full, read-only or absent disk of checkpoints: the search pauses, and no trial is charged."""

import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from ray import cloudpickle
from ray.exceptions import RayTaskError

from results.database.models import TrialState
from results.database.store import open_store
from search.backends.ray_tune.bridge import DriverCallback, DriverSearcher
from search.backends.virtual import Clock
from search.driver.waiting import StorageWait
from search.settings import SearchSettings
from sedn.training.checkpoints.files import read, write
from sedn.training.checkpoints.storage import CHECKPOINT, StorageFault, has_room
from tests.search.disks import small_disk
from tests.search.histories import CONDITIONAL, History, history, result

SETTINGS = SearchSettings(trials=3, sampler="random", scheduler="none")


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MiB that the file ``filler`` fills."""
    with small_disk(tmp_path / "disk", 64) as disk:
        disk.fill()
        yield disk.path


def test_a_file_that_cannot_be_written_is_a_fault_of_the_storage(full_disk: Path) -> None:
    folder = str(full_disk / "trial")
    with pytest.raises(StorageFault, match=r"checkpoint\.pt.*No space left on device") as caught:
        write(folder, CHECKPOINT, bytes(100_000))
    assert not has_room(folder, 100_000)
    assert not list((full_disk / "trial").iterdir())
    (full_disk / "filler").unlink()
    assert has_room(folder, 100_000)
    assert not has_room(folder, 65 * 2**20)
    assert not list((full_disk / "trial").iterdir())
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.folder, again.size) == (str(caught.value), folder, 100_000)


def test_so_is_a_folder_that_cannot_be_made_or_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageFault, match="Not a directory"):
        write(str(tmp_path / "file" / "trial"), CHECKPOINT, b"")
    assert not has_room(str(tmp_path / "file" / "trial"), 1)
    with pytest.raises(StorageFault, match=r"checkpoint\.pt: File name too long"):
        read(str(tmp_path / (300 * "x")), CHECKPOINT)


def fail_by(search: History, searcher: DriverSearcher, trial_id: str, fault: StorageFault) -> None:
    """What Tune tells of a trial whose worker has raised the fault."""
    file = Path(search.url.removeprefix("sqlite:///")).with_name("error.pkl")
    file.write_bytes(cloudpickle.dumps(RayTaskError("step", "…", fault)))
    trial = SimpleNamespace(trial_id=trial_id, pickled_error_file=str(file), error_file=None)
    DriverCallback(search.driver, searcher).on_trial_error(1, [], trial)


def test_trials_wait_for_room_and_are_not_charged(full_disk: Path) -> None:
    with history(CONDITIONAL, SETTINGS) as search:
        told: list[str] = []
        search.open(on_notice=told.append)
        searcher = DriverSearcher(search.driver)
        first, second = searcher.suggest("1"), searcher.suggest("2")
        assert isinstance(first, dict)
        assert isinstance(second, dict)
        search.driver.report(0, result(1, 0.5))
        for trial_id in ("1", "2"):
            fault = StorageFault("disk/checkpoint.pt: full", str(full_disk), 1000)
            fail_by(search, searcher, trial_id, fault)
        assert search.driver.live == 0
        assert searcher.suggest("3") is None
        search.driver._wait._next = 0.0
        assert searcher.suggest("3") is None, "the disk is looked at, and is full"
        [line] = told
        assert line.startswith("disk/checkpoint.pt: full. No trial is charged with that")
        (full_disk / "filler").unlink()
        search.driver._wait._next = 0.0
        for trial_id, number in (("3", 0), ("4", 1)):
            again = searcher.suggest(trial_id)
            assert isinstance(again, dict)
            assert again["assignment"].number == number
        assert told[1:] == ["Checkpoints can be written again: the search goes on"]
        rows = search.store.trials(search.experiment.id)
        assert [row.state for row in rows] == 2 * [TrialState.RUNNING]
        assert not any(search.driver._losses.values())


def test_a_budget_that_ends_meanwhile_ends_the_search(full_disk: Path) -> None:
    clock = Clock()
    with history(CONDITIONAL, SETTINGS.model_copy(update={"time_seconds": 0.4})) as search:
        search.open(clock=clock)
        searcher = DriverSearcher(search.driver)
        assert isinstance(searcher.suggest("1"), dict)
        search.driver.report(0, result(1, 0.5))
        fail_by(search, searcher, "1", StorageFault("full", str(full_disk), 1))
        clock.seconds = 0.6
        assert searcher.suggest("2") == DriverSearcher.FINISHED
        assert search.driver.ended_by == "time"


def test_faults_that_come_back_at_once_are_told_once_and_waited_for_longer(tmp_path: Path) -> None:
    notices: list[str] = []
    clock = Clock()
    wait = StorageWait(notices.append, clock)
    pauses = []
    for _ in range(8):
        wait.begin(StorageFault("another machine: read-only", str(tmp_path), 1))
        begun = clock.seconds
        while not wait.is_over():
            clock.seconds += 1
        pauses.append(clock.seconds - begun)
    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]
    assert len(notices) == 2
    wait.stored()
    wait.begin(StorageFault("full", str(tmp_path), 1))
    assert notices[2].startswith("full. ")


SPACE = """
name: small
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  epochs: 2
  batch_size: 32
axes:
  optimizer.learning_rate: {float: [1.0e-3, 1.0e-2], log: true}
"""


@pytest.mark.slow
def test_a_search_on_a_full_disk_goes_on_when_there_is_room(
    full_disk: Path, table: Path, tmp_path: Path
) -> None:
    (tmp_path / "space.yaml").write_text(SPACE)
    command = (
        *(sys.executable, "-m", "search.cli.main", "search", "--name=full", "--trials=2"),
        *(f"--data={table}", "--space=space.yaml", f"--storage-path={full_disk}/runs"),
        *("--sampler=random", "--scheduler=none", "--concurrent=1"),
    )
    log = tmp_path / "log"
    with log.open("w") as file:
        running = subprocess.Popen(command, cwd=tmp_path, stderr=file, stdout=file)
    try:
        deadline = time.monotonic() + 120
        while "No space left" not in log.read_text():
            assert time.monotonic() < deadline
            assert running.poll() is None, log.read_text()
            time.sleep(0.2)
        rows = open_store(f"sqlite:///{tmp_path}/sedn.db").trials(1)
        assert [row.state for row in rows] == [TrialState.RUNNING]
        (full_disk / "filler").unlink()
        assert running.wait(timeout=120) == 0, log.read_text()
    finally:
        running.kill()
        running.wait()
        shutil.rmtree(full_disk / "runs", ignore_errors=True)
    said = log.read_text()
    assert said.count("No space left") == said.count("can be written again") == 1
    rows = open_store(f"sqlite:///{tmp_path}/sedn.db").trials(1)
    assert [row.state for row in rows] == 2 * [TrialState.COMPLETE]
