"""Images a second of one trial's training, beside a plain training loop of timm's parts.

The peer is timm's own model, loss, optimiser, schedule and loader over the same images, decoded
beforehand and held in memory, which is the fastest it can have them. Both train in channels last,
and in bfloat16 where the device has it, with the same batch and nothing augmented. Ours reads the
cache, moves maps too, and watches every loss; it trains the plain backbone, and SE-DNN with the
map at two stages. The three take turns; each ratio is the median of those of one turn.

    python benchmarks/training.py [--steps 4] [--turns 5] [--batch 16] [--size 224] [--gpu-batch 64]
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from PIL import Image
from timm.data.loader import PrefetchLoader, fast_collate
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.utils import AverageMeter
from torch import nn
from torch.utils.data import DataLoader, Dataset

from sedn.config import TrainingConfig, build_config
from sedn.data import load_dataset
from sedn.training.checkpoints.state import prepare
from sedn.training.device import autocast, pick_device
from sedn.training.optimization.step import train_epoch

BACKBONES = ("resnet50", "convnext_tiny")
PLAIN_GOAL, EMBEDDED_GOAL = 1.0, 0.9
LABELS = ("round", "striped", "dark", "wide")
Turn = Callable[[], float]
"""Trains for a number of steps and says how many images a second it took in."""


def write_data(folder: Path, images: int, size: int) -> Path:
    """Noise with a map and four labels of each image; a fifth of them is no training image."""
    random = np.random.default_rng(0)
    rows = [",".join(["image", "map", "split", *LABELS])]
    for index in range(images * 5 // 4):
        pixels = random.integers(0, 256, (size, size, 3), dtype=np.uint8)
        region = np.zeros((size, size), dtype=np.uint8)
        region[size // 4 : size // 2] = 255
        Image.fromarray(pixels).save(folder / f"{index}.jpg")
        Image.fromarray(region).save(folder / f"{index}.png")
        split = "train" if index < images else ("validation", "test")[index % 2]
        labels = random.integers(0, 2, len(LABELS)).tolist()
        rows.append(",".join([f"{index}.jpg", f"{index}.png", split, *map(str, labels)]))
    table = folder / "table.csv"
    table.write_text("\n".join(rows) + "\n")
    return table


def configure(table: Path, backbone: str, size: int, batch: int, placement: str) -> TrainingConfig:
    fields = {
        "data": {"path": str(table), "image_size": size},
        "backbone": {"name": backbone, "pretrained": False},
        "embedding": {"placement": placement},
        "attention": {"kind": "none" if placement == "none" else "se"},
        "batch_size": batch,
        "schedule": {"kind": "cosine"},
    }
    return build_config(fields, "benchmark")


def ours(config: TrainingConfig) -> Turn:
    """An epoch of a trial."""
    training = prepare(config)
    epoch = 0

    def turn() -> float:
        nonlocal epoch
        epoch += 1
        started = time.perf_counter()
        train_epoch(training, epoch)
        return training.steps * config.batch_size / (time.perf_counter() - started)

    return turn


class Held(Dataset[tuple[NDArray[np.uint8], NDArray[np.float32]]]):
    """Decoded images in memory, channels first, as timm's own data sets give them."""

    def __init__(self, images: NDArray[np.uint8], targets: NDArray[np.float32]) -> None:
        self.images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        self.targets = targets

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        return self.images[index], self.targets[index]


def plain_timm(config: TrainingConfig, device: torch.device) -> Turn:
    """An epoch of the loop in timm's ``train.py``."""
    split = load_dataset(config.data).splits["train"]
    held = Held(np.asarray(split.images[np.arange(len(split))]), split.targets)
    loader = PrefetchLoader(
        DataLoader(
            held,
            batch_size=config.batch_size,
            shuffle=True,
            drop_last=True,
            collate_fn=fast_collate,
            pin_memory=device.type == "cuda",
        ),
        device=device,
    )
    model = timm.create_model(config.backbone.name, num_classes=len(LABELS))
    model.to(device=device, memory_format=torch.channels_last)
    options = {"fused": True} if device.type == "cuda" else {}
    optimizer = create_optimizer_v2(model, "adamw", lr=1e-3, weight_decay=0.01, **options)
    scheduler, _ = create_scheduler_v2(
        optimizer, "cosine", num_epochs=40, step_on_epochs=False, updates_per_epoch=len(loader)
    )
    loss_function = nn.BCEWithLogitsLoss()
    updates = 0

    def turn() -> float:
        nonlocal updates
        started = time.perf_counter()
        losses = AverageMeter()
        model.train()
        for images, targets in loader:
            images = images.contiguous(memory_format=torch.channels_last)
            with autocast(device):
                logits = model(images)
                loss = loss_function(logits, targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            updates += 1
            scheduler.step_update(num_updates=updates)
        losses.update(loss.item(), len(targets))
        return len(loader) * config.batch_size / (time.perf_counter() - started)

    return turn


def take_turns(turns: dict[str, Turn], count: int) -> dict[str, list[float]]:
    """Images a second of each in each turn, after one turn to warm up; the order rotates."""
    seen: dict[str, list[float]] = {name: [] for name in turns}
    names = list(turns)
    for number in range(-1, count):
        for name in names[number % 3 :] + names[: number % 3]:
            speed = turns[name]()
            if number >= 0:
                seen[name].append(speed)
    return seen


def measure(
    backbone: str, table: Path, device: torch.device, size: int, batch: int, turns: int
) -> dict[str, float]:
    """Print a row for each of the three, and give the ratios to the peer."""
    plain = configure(table, backbone, size, batch, "none")
    embedded = configure(table, backbone, size, batch, "stage2+stage3")
    seen = take_turns(
        {"timm": plain_timm(plain, device), "plain": ours(plain), "SE-DNN": ours(embedded)}, turns
    )
    ratios = {}
    for name, speeds in seen.items():
        paired = [own / peer for own, peer in zip(speeds, seen["timm"], strict=True)]
        ratios[name] = statistics.median(paired)
        print(
            f"{device.type:6} {backbone:14} {name:8} {statistics.median(speeds):10.1f} "
            f"{ratios[name]:7.3f} {min(paired):7.3f} {max(paired):7.3f}",
            flush=True,
        )
    return {name: ratio for name, ratio in ratios.items() if name != "timm"}


def main() -> None:
    """Measure on the device at hand, print a table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=4, help="steps of a turn on the CPU")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--batch", type=int, default=16, help="images of a step on the CPU")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--gpu-batch", type=int, default=64, help="images of a step on the GPU")
    parser.add_argument("--gpu-steps", type=int, default=40, help="steps of a turn on the GPU")
    parser.add_argument("--backbones", nargs="+", default=BACKBONES)
    options = parser.parse_args()
    device = pick_device()
    on_gpu = device.type == "cuda"
    batch = options.gpu_batch if on_gpu else options.batch
    steps = options.gpu_steps if on_gpu else options.steps
    print(f"{'device':6} {'backbone':14} {'loop':8} {'images/s':>10} {'ratio':>7} least greatest")
    ratios = {}
    goals = {"plain": PLAIN_GOAL, "SE-DNN": EMBEDDED_GOAL}
    with tempfile.TemporaryDirectory() as folder:
        table = write_data(Path(folder), steps * batch, options.size)
        for backbone in options.backbones:
            found = measure(backbone, table, device, options.size, batch, options.turns)
            for name, value in found.items():
                key = f"{backbone}_{name}_{device.type}"
                ratios[key] = {"value": value, "goal": goals[name], "at_most": False}
    print(json.dumps({"ratios": ratios}))


if __name__ == "__main__":
    main()
