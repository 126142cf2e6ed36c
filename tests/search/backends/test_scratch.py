"""Temporary folders of a search: none is left, also by a process that was killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from search.backends.ray_tune.scratch import remove_scratch, scratch_folder

HOLD = """
import sys
from search.backends.ray_tune.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "state").write_text("of Tune")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def hold(temporary: Path) -> tuple[subprocess.Popen[str], Path]:
    """Another process with a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        env=os.environ | {"TMPDIR": str(temporary)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_what_a_killed_process_left_is_removed_and_nothing_else(temporary: Path) -> None:
    (temporary / "sedn-tune-1-being-made").mkdir()
    running, used = hold(temporary)
    killed, left = hold(temporary)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert (left / "state").exists()
    with scratch_folder() as own:
        assert not left.exists()
        assert (used / "state").exists()
        assert own.is_dir()
    assert not own.exists()
    running.communicate()
    assert running.returncode == 0
    assert not used.exists()
    assert [path.name for path in temporary.iterdir()] == ["sedn-tune-1-being-made"]


def test_a_process_that_ends_at_once_removes_its_own(temporary: Path) -> None:
    running, used = hold(temporary)
    with scratch_folder() as own:
        remove_scratch()
        assert not own.exists()
        assert used.exists()
    running.communicate()
