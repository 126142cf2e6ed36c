"""What the benchmark of the store tells of a program is the program's own."""

import subprocess

import numpy as np
import pytest

from benchmarks.store import OURS, run


def test_memory_is_that_of_the_program_not_of_who_started_it() -> None:
    held = np.ones(25_000_000)
    small = run("pass", [])
    large = run("bytearray(200_000_000)", [])
    assert held[-1] == 1
    assert small.megabytes < 60
    assert 190 < large.megabytes < 290
    assert small.busy > 0


def test_our_command_line_is_run_and_a_failure_is_no_measurement() -> None:
    assert run(OURS, ["--version"]).megabytes < 100
    with pytest.raises(subprocess.CalledProcessError):
        run(OURS, ["rank", "nothing", "--store", "sqlite:////nowhere/sedn.db"])
