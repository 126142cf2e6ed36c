"""Large data: a table of 100,000 small images, and COCO's JSON of 118,000.

Images and a table are generated on the spot. A fresh process goes through check, cache and first
batch with a tenth of them, another one with all; the greatest resident memory of both is compared.
COCO's JSON of half a gigabyte is generated too, and opened by fresh processes one after the other:
one that reads it, and five that find what the first has kept, of which the fastest and the largest
count.

    python benchmarks/large_data.py [--images 100000] [--side 64] [--coco-images 118000]
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
from large_coco import open_in_process, write_coco
from PIL import Image

from sedn.config import TrainingConfig, build_config
from sedn.data import load_dataset, prepare_dataset
from sedn.data.check import check_data
from sedn.training.inputs.batches import plan_epoch, training_batches, view_split

GOAL = 1.2
SECONDS_GOAL, MEMORY_GOAL = 1.0, 300.0
"""Of the second process that opens COCO's JSON; of its memory in megabytes."""
TURNS = 5
BEST = {"seconds": min, "MB": max, "imported": max}
"""Of so many processes that find what the first has kept, the fastest and the largest."""
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


def measure_table(scratch: Path, images: int, side: int) -> dict[int, dict[str, float]]:
    """What a tenth of the images and all of them take."""
    context = multiprocessing.get_context("spawn")
    starts = range(0, images, 1000)
    for start in starts:
        (scratch / f"{start // 1000:04d}").mkdir()
    with ProcessPoolExecutor(mp_context=context) as pool:
        stops = [min(start + 1000, images) for start in starts]
        list(pool.map(partial(write_images, scratch, side), starts, stops))
    results = {}
    for count in (images // 10, images):
        table = str(write_table(scratch, count))
        with context.Pool(1) as pool_of_one:
            results[count] = pool_of_one.apply(go_through, (table, side))
    return results


def measure_coco(scratch: Path, images: int) -> dict[str, dict[str, float]]:
    """What it takes to open COCO's JSON twice."""
    folder = scratch / "coco"
    folder.mkdir()
    size = write_coco(folder, images)
    print(f"COCO's JSON of {images:,} images, {size / 1e6:.0f} MB")
    first = open_in_process(folder, images)
    later = [open_in_process(folder, images) for _ in range(TURNS)]
    second = {name: measure(turn[name] for turn in later) for name, measure in BEST.items()}
    return {"first": first, "second": second}


def main() -> None:
    """Generate, measure, print tables and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--coco-images", type=int, default=118_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["SEDN_CACHE"] = f"{scratch}/cache"
        opened = measure_coco(Path(scratch), options.coco_images)
        for name, found in opened.items():
            print(f"{name:>9} open {found['seconds']:8.2f} s {found['MB']:6.0f} MB, "
                  f"of which {found['imported']:.0f} MB after the imports")  # fmt: skip
        results = measure_table(Path(scratch), options.images, options.side)
    print(f"{'images':>9} {'check':>16} {'cache':>16} {'first batch':>12} {'memory':>9}")
    for images, found in results.items():
        rates = [
            f"{found[step]:6.1f} s {images / found[step]:5.0f}/s" for step in ("check", "cache")
        ]
        print(f"{images:9,} {rates[0]:>16} {rates[1]:>16} {found['first batch']:10.2f} s "
              f"{found['MB']:6.0f} MB")  # fmt: skip
    few, many = (found["MB"] for found in results.values())
    values = {
        "memory_of_all_over_a_tenth": (many / few, GOAL),
        "seconds_of_the_second_open": (opened["second"]["seconds"], SECONDS_GOAL),
        "MB_of_the_second_open": (opened["second"]["MB"], MEMORY_GOAL),
    }
    ratios = {n: {"value": v, "goal": goal, "at_most": True} for n, (v, goal) in values.items()}
    print(json.dumps({"ratios": ratios}))


if __name__ == "__main__":
    main()
