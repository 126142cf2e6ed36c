"""A search with known curves on a cluster: `driver.py URL SPACE STORAGE ADDRESS LOG [OPTIONS]`.

The options are fields of its resources, the number of trials, and the seconds of an epoch, as JSON.
"""

import json
import sys
from pathlib import Path

from search.run import run_search
from search.settings import Resources, SearchSettings
from tests.search.curves import make_curves

TRIALS = 60


def main() -> None:
    """Search, and print how the search ended."""
    url, space, storage, address, log, *options = sys.argv[1:]
    fields = {"address": address, "storage_path": storage} | json.loads((options or ["{}"])[0])
    trials, seconds = fields.pop("trials", TRIALS), fields.pop("seconds", 0.5)
    outcome = run_search(
        "faults",
        space,
        SearchSettings(trials=trials, scheduler="none", sampler="random", seed=1),
        url,
        Resources(**fields),
        train=make_curves(Path(log), seconds=seconds),
        on_wait=lambda line: print(line, file=sys.stderr, flush=True),
        on_notice=lambda line: print(line, file=sys.stderr, flush=True),
    )
    print("finished" if outcome.finished else outcome.ended_by)


if __name__ == "__main__":
    main()
