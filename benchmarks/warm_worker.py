"""Memory of one worker that trains one trial after another, and what a trial costs beside training.

A search with a single slot over small data, with several backbones, placements and image sizes, so
that no two trials in a row need the same memory. After each trial the worker writes down the memory
of its process, and of the GPU if it has one; the ratio is that after the last trial to that after
trial 20. The overhead is the wall time of the search between the first trial's end and the last
one's, less the time inside training.

    python benchmarks/warm_worker.py [--trials 200]
"""

import argparse
import json
import os
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.config import TrainingConfig
from sedn.training.bounds import Bounds
from sedn.training.result import EpochResult

GOAL = 1.10
FROM_TRIAL = 20
SPACE = """
name: small
base:
  backbone: {pretrained: false}
  epochs: 2
  batch_size: 32
axes:
  backbone.name: {choice: [test_resnet, test_byobnet, test_convnext]}
  data.image_size: {choice: [32, 48, 64]}
  embedding.placement: {choice: [none, input, stage1, all]}
  optimizer.learning_rate: {float: [1.0e-4, 1.0e-2], log: true}
"""


def write_data(folder: Path) -> Path:
    """Two hundred images with a map and a label."""
    random = np.random.default_rng(0)
    rows = ["image,map,red,split"]
    for index in range(200):
        pixels = random.integers(0, 200, (72, 72, 3), dtype=np.uint8)
        pixels[20:50, 20:50, 0] += 50 * (index % 2)
        region = np.zeros((72, 72), dtype=np.uint8)
        region[20:50, 20:50] = 255
        Image.fromarray(pixels).save(folder / f"{index}.png")
        Image.fromarray(region).save(folder / f"{index}-map.png")
        split = ("train", "train", "train", "validation", "test")[index % 5]
        rows.append(f"{index}.png,{index}-map.png,{index % 2},{split}")
    table = folder / "table.csv"
    table.write_text("\n".join(rows) + "\n")
    return table


def watched(log: Path) -> Any:
    """The training of a trial, which then writes down the worker's memory."""

    def train(
        config: TrainingConfig, folder: str, after_epoch: int, bounds: Bounds
    ) -> Iterator[EpochResult]:
        import torch

        from sedn.training.epochs import train_epochs

        spent, started = 0.0, time.perf_counter()
        for result in train_epochs(config, folder, after_epoch, bounds):
            spent += time.perf_counter() - started
            if result.epoch == config.epochs:
                status = Path("/proc/self/status").read_text()
                resident = re.search(r"VmRSS:\s+(\d+) kB", status)
                assert resident is not None
                gpu = torch.cuda.memory_reserved() if torch.cuda.is_available() else 0
                row = [os.getpid(), int(resident[1]) / 1024, gpu / 2**20, spent, time.time()]
                with log.open("a") as lines:
                    lines.write(json.dumps(row) + "\n")
            yield result
            started = time.perf_counter()

    return train


def main() -> None:
    """Run the search, print a table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "space.yaml").write_text(SPACE)
        run_search(
            "warm",
            str(folder / "space.yaml"),
            SearchSettings(
                data=str(write_data(folder)),
                trials=options.trials,
                sampler="random",
                scheduler="none",
            ),
            f"sqlite:///{folder}/sedn.db",
            Resources(storage_path=name, max_concurrent=1),
            train=watched(folder / "log"),
        )
        rows = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    print(f"{'trials':>6} {'resident MB':>12} {'GPU MB':>8} {'in training s':>14}")
    for count in sorted({1, FROM_TRIAL, *range(40, len(rows), 40), len(rows)}):
        _, resident, gpu, spent, _ = rows[count - 1]
        print(f"{count:6} {resident:12.0f} {gpu:8.0f} {spent:14.2f}")
    assert len(rows) == options.trials
    workers = len({row[0] for row in rows})
    wall = rows[-1][4] - rows[0][4]
    inside = sum(row[3] for row in rows[1:])
    overhead = (wall - inside) / (len(rows) - 1)
    median = statistics.median(row[3] for row in rows)
    print(f"{workers} worker; a trial trains {median:.2f} s and costs {overhead:.3f} s beside")
    names = {"resident_memory": 1} | ({"gpu_memory": 2} if rows[-1][2] else {})
    ratios = {
        key: {
            "value": rows[-1][column] / rows[FROM_TRIAL - 1][column],
            "goal": GOAL,
            "at_most": True,
        }
        for key, column in names.items()
    }
    print(json.dumps({"ratios": ratios}))


if __name__ == "__main__":
    main()
