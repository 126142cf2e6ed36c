"""How the memory of a search's driver grows with the trials that have ended.

Trials of three epochs train nothing, and the database is SQLite. The memory is what the driving
process alone holds (``RssAnon``), without the files that it maps, as counted by Linux. The first
thousand trials warm everything up: the measure is how much more is held after the last trial than
after a thousand. Ray's own processes and the workers are not counted. The last line is JSON.

    python benchmarks/driver_memory.py [--trials 10000] [--backend ray] [--sampler tpe]
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.overhead import EPOCHS, by_value, empty_train
from search.progress import Snapshot
from search.run import run_search
from search.settings import Resources, SearchSettings

GOAL = 1.3
MARKS = (100, 1000, 2000, 5000, 10_000, 20_000, 50_000)


def resident() -> float:
    """MiB that this process holds, without mapped files."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("/proc/self/status has no RssAnon: this needs Linux")


def measure(trials: int, backend: Any, sampler: str) -> dict[int, float]:
    """MiB that the driver holds after each mark."""
    held: dict[int, float] = {}
    began = time.monotonic()

    def watch(snapshot: Snapshot) -> None:
        for mark in MARKS:
            if mark <= min(snapshot.ended, trials) and mark not in held:
                held[mark] = resident()
                print(f"{mark:>7} {held[mark]:7.0f} MiB {time.monotonic() - began:7.0f} s")

    settings = SearchSettings(trials=trials, epochs=EPOCHS, sampler=sampler, scheduler="asha")
    with tempfile.TemporaryDirectory() as folder:
        where = Resources(storage_path=folder, backend=backend)
        url = f"sqlite:///{folder}/driver.db"
        run_search("memory", "demo", settings, url, where, train=by_value(empty_train), watch=watch)
    return held


def main() -> None:
    """Measure, print a line for each mark and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--backend", choices=["ray", "local"], default="ray")
    parser.add_argument("--sampler", choices=["tpe", "random"], default="tpe")
    options = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    held = measure(options.trials, options.backend, options.sampler)
    last = max(held)
    ratio = {"value": held[last] / held.get(1000, held[last]), "goal": GOAL, "at_most": True}
    print(json.dumps({"ratios": {f"driver_memory_{options.backend}_{options.sampler}": ratio}}))


if __name__ == "__main__":
    main()
