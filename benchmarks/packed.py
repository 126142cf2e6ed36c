"""Images a second of several trials that share one device, beside one trial alone.

Each trial is a process that trains SE-DNN over the same cached images, as the workers of a search
with a fraction of a GPU do. The trials wait for each other after a first epoch, which warms up and
is not counted; then each reports the images a second of its epochs. The sum over the trials is
divided by the speed of one trial alone: a ratio above 1 says that sharing the device pays.

    python benchmarks/packed.py [--backbone resnet50] [--size 224] [--batch 32] [--trials 1 2 4]
"""

import argparse
import json
import multiprocessing
import os
import statistics
import tempfile
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path

from training import configure, write_data

from sedn.config import TrainingConfig
from sedn.training.bounds import Bounds
from sedn.training.epochs import train_epochs

GOAL = 1.0
PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Share:
    """What one of the trials reached."""

    images_per_second: float
    """Median over the epochs after the first."""
    peak_memory: int
    """Bytes that the trial held of the device at most."""


def train_one(
    config: TrainingConfig, folder: str, barrier: Barrier, shares: "multiprocessing.Queue[Share]"
) -> None:
    """Train one trial and put its share into the queue."""
    speeds, peak, parent = [], 0, os.getppid()
    for result in train_epochs(config, folder, bounds=Bounds()):
        if os.getppid() != parent:
            return  # The benchmark was killed.
        if result.epoch == 1:
            barrier.wait(PATIENCE_SECONDS)
        else:
            speeds.append(result.cost("images_per_second") or 0.0)
            peak = max(peak, result.cost("peak_memory") or 0)
    shares.put(Share(statistics.median(speeds), peak))


def train_together(config: TrainingConfig, trials: int, folder: Path) -> list[Share]:
    """The share of each of ``trials`` trials that train at the same time.

    Raises:
        RuntimeError: a trial ended without a result.
    """
    context = multiprocessing.get_context("spawn")
    barrier, shares = context.Barrier(trials), context.Queue()
    processes = [
        # A daemon ends with this process, also when this process is interrupted.
        context.Process(
            target=train_one,
            args=(config, str(folder / f"{trials}-{number}"), barrier, shares),
            daemon=True,
        )
        for number in range(trials)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError("a trial ended without a result: the lines above say why")
    return [shares.get(timeout=10) for _ in processes]


def main() -> None:
    """Measure each number of trials, print a table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--size", type=int, default=224, help="pixels of an image's side")
    parser.add_argument("--batch", type=int, default=32, help="images of a step")
    parser.add_argument("--steps", type=int, default=40, help="steps of an epoch")
    parser.add_argument("--epochs", type=int, default=4, help="the first one is not counted")
    parser.add_argument("--trials", type=int, nargs="+", default=[1, 2, 4])
    options = parser.parse_args()
    counts = sorted({1, *options.trials})
    ratios, alone = {}, 0.0
    print(f"{'trials':>6} {'images/s':>10} {'ratio':>7} {'memory of a trial':>18}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = write_data(folder, options.steps * options.batch, options.size)
        config = configure(
            table, options.backbone, options.size, options.batch, "stage2+stage3"
        ).model_copy(update={"epochs": options.epochs})
        for count in counts:
            shares = train_together(config, count, folder)
            total = sum(share.images_per_second for share in shares)
            alone = alone or total
            memory = max(share.peak_memory for share in shares) / 2**20
            print(f"{count:6} {total:10.1f} {total / alone:7.3f} {memory:14,.0f} MiB", flush=True)
            if count > 1:
                key = f"{options.backbone}_{count}_trials"
                ratios[key] = {"value": total / alone, "goal": GOAL, "at_most": False}
    print(json.dumps({"ratios": ratios}))


if __name__ == "__main__":
    main()
