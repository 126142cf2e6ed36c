"""The driver of a real Ray, killed at random moments, ends as one that was left alone."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from results.database.store import Store, open_store
from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.errors import UserError
from tests.search.backends.test_search import study_of
from tests.search.curves import make_curves

SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.search.backends.test_kills import search
if __name__ == "__main__":
    search(Path({folder!r}), {scheduler!r})
"""
NAME = "killed"
LIVES = 6
SAME = ("number", "role", "params", "config_hash", "state", "cause", "epochs", "mean_auc")


def search(folder: Path, scheduler: str) -> None:
    """One worker, so that there is one order of things."""
    settings = SearchSettings(
        trials=9,
        seed=1,
        sampler_options={"n_startup_trials": 3},
        scheduler=scheduler,
        reduction_factor=2,
        grace_epochs=1,
    )
    where = Resources(storage_path=str(folder), max_concurrent=1)
    space, train = str(folder / "curves.yaml"), make_curves(folder / "epochs.log", seconds=0.05)
    run_search(NAME, space, settings, url_of(folder), where, train=train)


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder}/sedn.db"


def live_and_die(folder: Path, scheduler: str, chance: random.Random) -> bool:
    """Run in a process that is killed a few epochs on; ``False`` if it came to its end before."""
    script = folder / "go.py"
    root = str(Path(__file__).parents[3])
    script.write_text(SCRIPT.format(root=root, folder=str(folder), scheduler=scheduler))
    enough = epochs_in(folder) + chance.randint(1, 5)
    driver = subprocess.Popen([sys.executable, str(script)], start_new_session=True)
    while epochs_in(folder) < enough and driver.poll() is None:
        time.sleep(0.02)
    time.sleep(chance.uniform(0, 0.15))
    if driver.poll() is None:
        # With Ray's own processes, as a machine that dies, or alone.
        kill = chance.choice([os.killpg, os.kill])
        kill(driver.pid, signal.SIGKILL)
    code = driver.wait(60)
    assert code in (0, -signal.SIGKILL)
    return code != 0


def opened(folder: Path) -> Store | None:
    try:
        return open_store(url_of(folder))
    except UserError:
        return None


def epochs_in(folder: Path) -> int:
    store = opened(folder)
    if store is None or store.find_experiment(NAME) is None:
        return 0
    return sum(map(len, store.epochs(store.experiment(NAME).id).values()))


def outcome(folder: Path) -> list[dict[str, Any]]:
    """What was decided on each trial and what it reached; the study must say the same."""
    store = open_store(url_of(folder))
    experiment = store.experiment(NAME)
    epochs, trials = store.epochs(experiment.id), study_of(url_of(folder), NAME).trials
    rows = store.trials(experiment.id)
    assert [trial.number for trial in trials] == [row.number for row in rows]
    found = []
    for row, trial in zip(rows, trials, strict=True):
        source = row.trained_number
        curve = {e.epoch: e.mean_auc for e in epochs[source]}
        assert list(curve) == list(range(1, row.epochs + 1))
        assert trial.intermediate_values == curve
        assert trial.state.name == str(row.state).replace("FAILED", "FAIL")
        assert trial.params == row.params
        found.append({name: getattr(row, name) for name in SAME} | {"curve": curve})
    return found


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", ["asha", "promote"])
def test_a_driver_that_is_killed_again_and_again_decides_what_it_had_decided(
    scheduler: str, tmp_path: Path, space_file: Path
) -> None:
    folders = [tmp_path / name for name in ("whole", "killed")]
    for folder in folders:
        folder.mkdir()
        (folder / "curves.yaml").write_text(space_file.read_text())
    whole, killed = folders
    search(whole, scheduler)

    chance = random.Random(scheduler)
    lives = 0
    while lives < LIVES and live_and_die(killed, scheduler, chance):
        lives += 1
    assert lives > 2, "it was killed before its end, and more than once"
    search(killed, scheduler)
    assert outcome(killed) == outcome(whole)
