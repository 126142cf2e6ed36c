"""A search with known curves on a cluster: `driver.py URL SPACE STORAGE ADDRESS LOG [OPTIONS]`.

The options are fields of its resources, the number of trials, whether the search learns from them,
how many of the best keep their checkpoint, the seconds of an epoch, and the bytes of a checkpoint,
as JSON.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.machines.account import Account
from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.training.checkpoints.files import read, write
from sedn.training.checkpoints.storage import CHECKPOINT
from sedn.training.result import EpochResult
from tests.search.curves import make_curves

TRIALS = 60
NAME = "faults"
Train = Callable[..., Iterator[EpochResult]]


def settings_of(trials: int, learns: bool = False) -> SearchSettings:
    """Trials whose parameters follow from their numbers alone, each trained to its end; where the
    search ``learns``, both follow from what the trials before have reached.
    """
    if learns:
        options = {"n_startup_trials": 3}
        rungs = {"scheduler": "asha", "reduction_factor": 2, "grace_epochs": 1}
        return SearchSettings(trials=trials, seed=1, sampler_options=options, **rungs)
    return SearchSettings(trials=trials, scheduler="none", sampler="random", seed=1)


def with_checkpoints(train: Train, account: Account, size: int) -> Train:
    """The training, with a checkpoint of ``size`` bytes after each epoch, and notes of both."""

    def run(config: Any, folder: str, after_epoch: int, bounds: Any) -> Iterator[EpochResult]:
        kept = read(folder, CHECKPOINT)
        history = [] if kept is None else json.loads(kept)
        account.start(folder, len(history))
        for fields in history[after_epoch:]:
            yield EpochResult.from_json(fields)
        for result in train(config, folder, len(history), bounds):
            history.append(result.to_json())
            write(folder, CHECKPOINT, json.dumps(history).encode().ljust(size))
            account.trained(folder, result.epoch, result.mean_auc)
            if result.epoch > after_epoch:
                yield result

    return run


def main() -> None:
    """Search, and print how the search ended."""
    url, space, storage, address, log, *options = sys.argv[1:]
    fields = {"address": address, "storage_path": storage} | json.loads((options or ["{}"])[0])
    trials, seconds = fields.pop("trials", TRIALS), fields.pop("seconds", 0.5)
    size, account = fields.pop("checkpoint_bytes", 1000), Account(Path(log))
    settings = settings_of(trials, fields.pop("learns", False))
    settings = settings.model_copy(update={"keep_best": fields.pop("keep_best", None)})
    train = with_checkpoints(make_curves(seconds=seconds), account, size)
    outcome = run_search(
        NAME,
        space,
        settings,
        url,
        Resources(**fields),
        train=train,
        on_wait=lambda line: print(line, file=sys.stderr, flush=True),
        on_notice=lambda line: print(line, file=sys.stderr, flush=True),
    )
    print("finished" if outcome.finished else outcome.ended_by)


if __name__ == "__main__":
    main()
