"""A search of small real trainings, which writes down each epoch that is trained.

`chaos_driver.py NAME URL SPACE STORAGE TRIALS ADDRESS NOTES`; without a cluster where the address
is empty.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.machines.account import Account
from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.training.result import EpochResult


def noted(account: Account) -> Callable[..., Iterator[EpochResult]]:
    """The training of a trial, with a note of its checkpoint at the start, and of each epoch."""

    def train(config: Any, folder: str, after_epoch: int, bounds: Any) -> Iterator[EpochResult]:
        import torch

        from sedn.training.checkpoints.folder import UnusableCheckpoint, load_state
        from sedn.training.folds import train_trial

        try:
            state = load_state(folder, torch.device("cpu"))
        except UnusableCheckpoint:
            state = None
        held = 0 if state is None else len(state["history"])
        account.start(folder, held)
        for result in train_trial(config, folder, after_epoch, bounds):
            if result.epoch > held:
                account.trained(folder, result.epoch, result.mean_auc)
            yield result

    return train


def main() -> None:
    """Search, and print how the search ended."""
    name, url, space, storage, trials, address, notes = sys.argv[1:]
    place = {"address": address} if address else {"backend": "local"}
    outcome = run_search(
        name,
        space,
        SearchSettings(trials=int(trials), sampler="random", scheduler="none", seed=1),
        url,
        Resources(storage_path=storage, cpus_per_trial=1, **place),
        train=noted(Account(Path(notes))),
        on_wait=lambda line: print(line, file=sys.stderr, flush=True),
        on_notice=lambda line: print(line, file=sys.stderr, flush=True),
    )
    print("finished" if outcome.finished else outcome.ended_by)


if __name__ == "__main__":
    main()
