"""The benchmark of real searches beside stock Ray Tune, with targets that are soon met or never."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.real_efficiency import Watch

ROOT = Path(__file__).parents[2]


def test_the_time_to_the_target_is_that_of_the_first_epoch_that_reaches_it() -> None:
    watch = Watch(0.8, began=0.0)
    assert [watch.see(auc) for auc in (0.6, 0.5, 0.8, 0.9)] == [False, False, True, True]
    found = watch.summary()
    assert found["seconds"] == watch.best[1][0]
    assert (found["best"], found["epochs"]) == (0.9, 4)


def test_a_search_that_never_arrives_has_no_time() -> None:
    watch = Watch(0.8)
    assert watch.summary() == {"seconds": None, "best": None, "epochs": 0}
    watch.see(0.7)
    assert watch.summary() == {"seconds": None, "best": 0.7, "epochs": 1}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_both_sides_search_until_an_epoch_reaches_the_target() -> None:
    words = ["--seeds", "1", "--trials", "2", "--seconds", "400", "--target", "0.3"]
    command = [sys.executable, "-m", "benchmarks.real_efficiency", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    value = json.loads(done.stdout.splitlines()[-1])["ratios"]["real_time_over_stock"]["value"]
    assert value > 0
    of_sides = [line for line in done.stdout.splitlines() if line.startswith("seed ")]
    found = [ast.literal_eval(line[line.index("{") :]) for line in of_sides]
    assert len(found) == 2
    # The stock side may get a report of another trial before it ends.
    assert all(one["seconds"] > 0 and one["best"] >= 0.3 and one["epochs"] <= 4 for one in found)
