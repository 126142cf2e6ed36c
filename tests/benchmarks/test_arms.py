"""The comparison of arms: what is finished is kept, what is not goes on."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.arms import arms, learning_rate, point
from benchmarks.arms_table import read_results

ROOT = Path(__file__).parents[2]


def compare(folder: Path, data: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.arms", f"--folder={folder}", f"--data={data}",
         "--size=32", "--epochs=1", "--batch-size=18", "--segmenter-epochs=1", *words],
        cwd=ROOT, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_arms_try_the_same_learning_rates_from_the_middle_out() -> None:
    rates = [learning_rate(trial, 1e-4, 1e-2) for trial in range(7)]
    assert rates[0] == 1e-3
    assert rates[1:3] == [3.16e-4, 3.16e-3]
    assert len(set(rates)) == 7
    assert all(1e-4 < rate < 1e-2 for rate in rates)


def test_a_trial_of_an_arm_is_the_same_in_every_run() -> None:
    for arm in arms("segmenter"):
        assert point(arm, 0) == {path: values[0] for path, values in arm.axes.items()}
        assert point(arm, 3) == point(arm, 3)
        assert all(point(arm, 5)[path] in values for path, values in arm.axes.items())


@pytest.mark.slow
def test_a_comparison_goes_on_with_what_is_missing(table: Path, tmp_path: Path) -> None:
    folder = tmp_path / "arms"
    compare(folder, table, "--arms", "none", "--trials=1", "--seeds=1")
    first = read_results(folder)
    assert [(row["trial"], row["tested"]) for row in first] == [(0, False), (0, True)]
    part = ("--arms", "none", "SE-DNN, predicted", "crop", "--trials=2", "--seeds=2")
    said = compare(folder, table, *part)
    rows = read_results(folder)
    assert rows[:2] == first
    for arm in ("none", "SE-DNN, predicted", "crop"):
        own = [row for row in rows if row["arm"] == arm]
        assert sorted(row["trial"] for row in own if not row["tested"]) == [0, 1]
        assert {row["seed"] for row in own if row["tested"]} == {0, 1}
    ratios = json.loads(said.splitlines()[-1])["ratios"]
    assert set(ratios) == {
        "predicted_gain_over_its_95_percent_interval", "predicted_mean_gain_of_labels",
        "predicted_share_of_headroom",
    }  # fmt: skip
    assert "| crop | given | 2 |" in said
    assert "reports a mean gain of labels of +15.3%" in said
    # A third time there is nothing to do, and the tables are the same.
    again = compare(folder, table, *part)
    assert again == said[said.index("| arm | trial") :]
    assert read_results(folder) == rows
