"""A confirmation whose process is killed at any moment ends as one that was left alone."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SPACE = """
name: tiny
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  epochs: 4
  batch_size: 16
axes:
  embedding.placement: {choice: [none, stage1, stage2]}
"""
KILLS = 6


def sedn(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "search.cli.start", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_WAIT_POLICY": "PASSIVE"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def confirm(folder: Path) -> subprocess.Popen[str]:
    words = ("confirm", "spring", "--top", "2", "--seeds", "2", "--backend", "local", "--json")
    return sedn(folder, *words)


def ended(process: subprocess.Popen[str]) -> dict[str, object]:
    out, said = process.communicate(timeout=280)
    assert process.returncode == 0, said
    return dict(json.loads(out))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_confirmation_goes_on_and_reads_the_test_split_once(
    tmp_path: Path, table: Path
) -> None:
    (tmp_path / "space.yaml").write_text(SPACE)
    words = ("search", "--data", str(table), "--space", "space.yaml", "--name", "spring")
    searched = sedn(
        tmp_path, *words, "--trials=3", "--sampler=grid", "--scheduler=none", "--backend=local"
    )
    assert searched.wait(timeout=280) == 0
    killed = tmp_path / "killed"
    killed.mkdir()
    (killed / "sedn.db").write_bytes((tmp_path / "sedn.db").read_bytes())
    begun = time.monotonic()
    whole = ended(confirm(tmp_path))
    seconds = time.monotonic() - begun

    draw, kills = random.Random(0), 0
    for _ in range(KILLS):
        process = confirm(killed)
        try:
            process.wait(timeout=draw.uniform(0.3, 0.9) * seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
        process.communicate()
    assert kills, "nothing was killed"
    assert ended(confirm(killed)) == whole
    assert whole["test_reads"] == 1
