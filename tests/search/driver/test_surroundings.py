"""A search, whatever lies in the folder where it is typed, and wherever temporary files go."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from results.database.store import open_store

SPACE = """
name: tiny
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  epochs: 1
  batch_size: 16
axes:
  optimizer.learning_rate: {float: [1.0e-4, 1.0e-1], log: true}
"""
SAMPLER = """
import optuna

class Own(optuna.samplers.RandomSampler):
    pass
"""


def search(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Type the command, as it is installed, in a folder."""
    command = Path(sys.executable).parent / "sedn"
    return subprocess.run(
        [command, "search", "--name", "spring", "--trials", "2", "--space", "space.yaml", *words],
        cwd=folder,
        env=os.environ | {"COLUMNS": "300"} | environment,
        capture_output=True,
        text=True,
        timeout=280,
    )


def assert_searched(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert done.returncode == 0, done.stderr
    rows = open_store(f"sqlite:///{folder}/sedn.db").trials(1)
    assert [str(row.state) for row in rows] == ["COMPLETE", "COMPLETE"]


@pytest.mark.slow
def test_modules_of_the_user_are_not_taken_for_ours_or_for_pythons(
    tmp_path: Path, table: Path
) -> None:
    for name in ("search", "results", "sedn", "random", "typing", "torch"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a script of the user was run')\n")
    (tmp_path / "spaces").mkdir()
    (tmp_path / "space.yaml").write_text(SPACE)
    (tmp_path / "own_sampler.py").write_text(SAMPLER)
    done = search(tmp_path, "--data", str(table), "--sampler", "own_sampler:Own")
    assert_searched(done, tmp_path)
    assert "a script of the user" not in done.stderr


@pytest.mark.slow
def test_a_long_path_of_the_temporary_folder(tmp_path: Path, table: Path) -> None:
    (tmp_path / "space.yaml").write_text(SPACE)
    temporary = tmp_path / ("job-of-a-cluster-" * 6)
    temporary.mkdir()
    done = search(tmp_path, "--data", str(table), TMPDIR=str(temporary))
    assert_searched(done, tmp_path)
    assert not list(temporary.glob("sedn-*"))
