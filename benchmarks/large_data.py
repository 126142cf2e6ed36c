"""A data set of 100,000 small images: check, cache and first batch, and whether memory stays flat.

Images and a table are generated on the spot. A fresh process goes through all three with a tenth of
them, another one with all; the greatest resident memory of both is compared.

    python benchmarks/large_data.py [--images 100000] [--side 64]
"""

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from sedn.config import TrainingConfig, build_config
from sedn.data import load_dataset, prepare_dataset
from sedn.data.check import check_data
from sedn.training.batches import plan_epoch, training_batches, view_split

GOAL = 1.2
LABELS = 10
SPLITS = np.array(["train"] * 8 + ["validation", "test"])


def write_images(folder: Path, side: int, start: int, stop: int) -> None:
    """Images ``start`` to ``stop``: noise in a colour of their own."""
    for index in range(start, stop):
        rng = np.random.default_rng(index)
        pixels = rng.integers(0, 60, (side, side, 3)) + rng.integers(0, 195, 3)
        path = folder / f"{index // 1000:04d}" / f"{index:07d}.jpg"
        Image.fromarray(pixels.astype(np.uint8)).save(path, quality=80)


def write_table(folder: Path, images: int) -> Path:
    """A table of the first ``images``."""
    rng = np.random.default_rng(0)
    targets = (rng.random((images, LABELS)) < 0.2).astype(int)
    names = [f"label_{label}" for label in range(LABELS)]
    rows = [",".join(["image", "split", *names])]
    for index in range(images):
        cells = (f"{index // 1000:04d}/{index:07d}.jpg", SPLITS[index % 10], *targets[index])
        rows.append(",".join(map(str, cells)))
    path = folder / f"table-{images}.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def go_through(table: str, side: int) -> dict[str, float]:
    """Seconds of each step, and the greatest resident memory in megabytes."""
    fields = {"data": {"path": table, "image_size": side}, "augmentation": {"crop_scale": 0.35}}
    config = build_config(fields, "benchmark")
    measured = {}
    for name, step in (
        ("check", lambda: check_data(config.data)),
        ("cache", lambda: prepare_dataset(config.data)),
        ("first batch", lambda: first_batch(config)),
    ):
        started = time.perf_counter()
        step()
        measured[name] = time.perf_counter() - started
    measured["MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return measured


def first_batch(config: TrainingConfig) -> None:
    view = view_split(load_dataset(config.data), "train", config)
    next(training_batches(view, config, plan_epoch(view, config, 1), torch.device("cpu")))


def main() -> None:
    """Generate, go through a tenth and all, print a table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--side", type=int, default=64)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["SEDN_CACHE"] = f"{scratch}/cache"
        folder = Path(scratch)
        starts = range(0, options.images, 1000)
        for start in starts:
            (folder / f"{start // 1000:04d}").mkdir()
        with ProcessPoolExecutor(mp_context=context) as pool:
            stops = [min(start + 1000, options.images) for start in starts]
            list(pool.map(partial(write_images, folder, options.side), starts, stops))
        results = {}
        for images in (options.images // 10, options.images):
            table = str(write_table(folder, images))
            with context.Pool(1) as pool_of_one:
                results[images] = pool_of_one.apply(go_through, (table, options.side))
    print(f"{'images':>9} {'check':>16} {'cache':>16} {'first batch':>12} {'memory':>9}")
    for images, found in results.items():
        rates = [
            f"{found[step]:6.1f} s {images / found[step]:5.0f}/s" for step in ("check", "cache")
        ]
        print(f"{images:9,} {rates[0]:>16} {rates[1]:>16} {found['first batch']:10.2f} s "
              f"{found['MB']:6.0f} MB")  # fmt: skip
    few, many = (found["MB"] for found in results.values())
    ratio = {"value": many / few, "goal": GOAL, "at_most": True}
    print(json.dumps({"ratios": {"memory_of_all_over_a_tenth": ratio}}))


if __name__ == "__main__":
    main()
