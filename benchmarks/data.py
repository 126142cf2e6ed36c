"""From image files to augmented batches, beside torchvision's ImageFolder and torch's DataLoader.

Both read the same JPEG files of about 500 px and give batches of 64 images of 224 px after a random
resized crop and a flip. Ours decodes once into the cache, which is timed apart, and crops what was
resized; the peer decodes in two loader processes in every epoch and crops the original. Then four
processes read the same cache at once, as four trials on a node do, and their memory is measured
beside one's: the pages of the cache that are mapped, each shared page counted once.

    python benchmarks/data.py [--images 1500] [--side 500] [--turns 3]
"""

import argparse
import json
import multiprocessing
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from sedn.config import TrainingConfig, build_config
from sedn.data import load_dataset, prepare_dataset
from sedn.training.inputs.batches import plan_epoch, training_batches, view_split

SIZE, BATCH, THREADS, TRIALS = 224, 64, 2, 4
SPEED_GOAL, MEMORY_GOAL = 5.0, 1.2


def write_files(folder: Path, images: int, side: int) -> Path:
    """Crops of photographs as JPEG, in two class folders, and a table that lists them."""
    photographs = load_sample_images().images
    (folder / "a").mkdir(parents=True)
    (folder / "b").mkdir()

    def write(index: int) -> str:
        rng = np.random.default_rng(index)
        photograph = photographs[index % 2]
        left, top = rng.integers(0, (240, 27))
        crop = Image.fromarray(photograph[top : top + 400, left : left + 400])
        name = f"{'ab'[index % 2]}/{index:06d}.jpg"
        wide, high = (rng.uniform(0.9, 1.1, 2) * side).round().astype(int).tolist()
        crop.resize((wide, high), Image.Resampling.LANCZOS).save(folder / name, quality=90)
        split = "train" if index % 10 else ("validation", "test")[index // 10 % 2]
        return f"{name},{index % 2},{index % 3 % 2},{split}"

    with ThreadPoolExecutor(THREADS) as pool:
        rows = list(pool.map(write, range(images)))
    table = folder / "table.csv"
    table.write_text("\n".join(["image,b,c,split", *rows]) + "\n")
    return table


def configure(table: Path) -> TrainingConfig:
    augmentation = {"crop_scale": 0.35, "horizontal_flip": True}
    data = {"path": str(table), "image_size": SIZE}
    fields = {"data": data, "augmentation": augmentation, "batch_size": BATCH}
    return build_config(fields, "benchmark")


def ours(config: TrainingConfig) -> Iterator[torch.Tensor]:
    view = view_split(load_dataset(config.data), "train", config)
    for batch, _ in training_batches(
        view, config, plan_epoch(view, config, 1), torch.device("cpu")
    ):
        yield batch.images


def image_folder(folder: Path) -> DataLoader[tuple[torch.Tensor, torch.Tensor]]:
    transform = v2.Compose(
        [
            v2.RandomResizedCrop(SIZE, scale=(0.35, 1.0)),
            v2.RandomHorizontalFlip(),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )
    return DataLoader(
        ImageFolder(folder, transform),
        batch_size=BATCH,
        shuffle=True,
        num_workers=THREADS,
        persistent_workers=True,
        drop_last=True,
    )


def rate(batches: Callable[[], Iterator[torch.Tensor]]) -> float:
    """Images a second over one epoch."""
    started, images = time.perf_counter(), 0
    for batch in batches():
        images += len(batch)
    return images / (time.perf_counter() - started)


def race(folder: Path, config: TrainingConfig, turns: int) -> dict[str, float]:
    """The best rate of each, in turns; a first epoch of each, in which the peer starts its
    processes, does not count.
    """
    loader = image_folder(folder)

    def peer() -> Iterator[torch.Tensor]:
        return (images for images, _ in loader)

    rates = {"peer": 0.0, "ours": 0.0}
    for turn in range(turns + 1):
        for name, batches in (("peer", peer), ("ours", lambda: ours(config))):
            reached = rate(batches)
            rates[name] = max(rates[name], reached if turn else 0.0)
    return rates


def read_epoch(
    config: TrainingConfig, barrier: Barrier, found: "multiprocessing.Queue[float]"
) -> None:
    """One trial's reading: an epoch of the cache, then the memory while all hold it."""
    torch.set_num_threads(1)
    for _ in ours(config):
        pass
    barrier.wait()
    found.put(mapped_megabytes())
    barrier.wait()


def mapped_megabytes() -> float:
    """This process's share of the cache's pages: a page that four processes map is a quarter."""
    megabytes, in_cache = 0.0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            in_cache = line.endswith(".npy")
        elif in_cache and line.startswith("Pss:"):
            megabytes += int(line.split()[1]) / 1024
    return megabytes


def memory(config: TrainingConfig, trials: int) -> float:
    """Megabytes of the cache in memory while so many trials read it."""
    context = multiprocessing.get_context("spawn")
    barrier, found = context.Barrier(trials), context.Queue()
    processes = [
        context.Process(target=read_epoch, args=(config, barrier, found)) for _ in range(trials)
    ]
    for process in processes:
        process.start()
    total = sum(found.get() for _ in processes)
    for process in processes:
        process.join()
    return total


def main() -> None:
    """Race both, weigh four trials against one, print a table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--side", type=int, default=500)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["SEDN_CACHE"] = f"{scratch}/cache"
        folder = Path(scratch) / "images"
        config = configure(write_files(folder, options.images, options.side))
        started = time.perf_counter()
        prepare_dataset(config.data)
        decoding = options.images / (time.perf_counter() - started)
        megabytes = {trials: memory(config, trials) for trials in (1, TRIALS)}
        rates = race(folder, config, options.turns)
    print(f"{options.images} JPEG files of about {options.side} px, batches of {SIZE} px")
    print(f"{'ImageFolder + DataLoader, two processes':44} {rates['peer']:8.0f} images/s")
    print(f"{'sedn, from the cache, two threads':44} {rates['ours']:8.0f} images/s")
    print(f"{'sedn, decoding into the cache, once':44} {decoding:8.0f} images/s")
    for trials, size in megabytes.items():
        print(f"{f'cache in the memory of {trials} trials':44} {size:8.0f} MB")
    ratios = {
        "images_per_second_over_peer": {
            "value": rates["ours"] / rates["peer"], "goal": SPEED_GOAL, "at_most": False,
        },
        "memory_of_4_trials_over_1": {
            "value": megabytes[TRIALS] / megabytes[1], "goal": MEMORY_GOAL, "at_most": True,
        },
    }  # fmt: skip
    print(json.dumps({"ratios": ratios}))


if __name__ == "__main__":
    main()
