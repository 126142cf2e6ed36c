"""What the embedding costs: a training step of SE-DNN beside one of the plain timm model.

SE-DNN has the map at two stages, each followed by squeeze-and-excitation of ratio 16; both have
the same backbone and head, and take the same images, of 224 px. A step is forward, loss, backward
and optimiser, in the memory format and precision of training. The two take turns, each first in
every other one, so that a slow moment of the machine strikes both; the ratio is the median of
those of one turn. On the CPU the times are those of one thread's processor, which other processes
do not lengthen.

    python benchmarks/network.py [--placement stage2+stage3] [--repetitions 15] [--batch 4]
        [--size 224] [--backbones resnet50 convnext_tiny]
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import timm
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from sedn.config import (
    AttentionConfig,
    BackboneConfig,
    DataConfig,
    EmbeddingConfig,
    TrainingConfig,
)
from sedn.network import build_network
from sedn.training.device import autocast

BACKBONES = ("resnet50", "convnext_tiny")
GOAL_RATIO = 1.10
LABELS, REGIONS = 20, 2


class Plain(nn.Module):
    """timm's own model, which is given the map and ignores it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.model = timm.create_model(name, num_classes=LABELS)

    def forward(self, images: Tensor, maps: Tensor) -> Tensor:
        """Logits (B, labels)."""
        logits: Tensor = self.model(images)
        return logits


@dataclass(frozen=True)
class Cost:
    """Of one network."""

    milliseconds: float
    parameters: int
    flops: int


def embedded(name: str, placement: str, size: int) -> nn.Module:
    return build_network(
        TrainingConfig(
            data=DataConfig(image_size=size),
            backbone=BackboneConfig(name=name, pretrained=False),
            embedding=EmbeddingConfig(placement=placement),
            attention=AttentionConfig(kind="se", reduction_ratio=16),
        ),
        LABELS,
        REGIONS,
    )


def training_step(
    network: nn.Module, device: torch.device, batch: int, size: int
) -> Callable[[], None]:
    """One step on a fixed batch, done when it returns."""
    network.to(device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters(), fused=device.type == "cuda")
    images = torch.randn(batch, 3, size, size, device=device)
    images = images.contiguous(memory_format=torch.channels_last)
    maps = torch.rand(batch, REGIONS, size, size, device=device)
    targets = torch.randint(2, (batch, LABELS), device=device).float()

    def step() -> None:
        with autocast(device):
            logits = network(images, maps)
        loss = nn.functional.binary_cross_entropy_with_logits(logits.float(), targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return step


def take_turns(
    steps: list[Callable[[], None]], clock: Callable[[], float], repetitions: int
) -> list[list[float]]:
    """Milliseconds of each step in each turn, after two turns to warm up."""
    times: list[list[float]] = [[] for _ in steps]
    turns = list(zip(steps, times, strict=True))
    for repetition in range(-2, repetitions):
        for step, seen in turns if repetition % 2 else turns[::-1]:
            started = clock()
            step()
            if repetition >= 0:
                seen.append(1000 * (clock() - started))
    return times


def count_flops(network: nn.Module, device: torch.device, size: int) -> int:
    """Floating-point operations of one image, forward."""
    network.eval()
    images = torch.zeros(1, 3, size, size, device=device)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(images, torch.zeros(1, REGIONS, size, size, device=device))
    return counter.get_total_flops()


def measure(
    name: str, placement: str, size: int, device: torch.device, batch: int, repetitions: int
) -> tuple[list[Cost], float]:
    """Costs of the plain model and of SE-DNN, and the ratio of their times."""
    networks = [Plain(name), embedded(name, placement, size)]
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    steps = [training_step(network, device, batch, size) for network in networks]
    times = take_turns(steps, clock, repetitions)
    costs = [
        Cost(
            statistics.median(seen),
            sum(parameter.numel() for parameter in network.parameters()),
            count_flops(network, device, size),
        )
        for network, seen in zip(networks, times, strict=True)
    ]
    return costs, statistics.median(ours / plain for plain, ours in zip(*times, strict=True))


def main() -> None:
    """Measure on every device at hand, print a table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--placement", default="stage2+stage3")
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--batch", type=int, default=4, help="images in a step on the CPU")
    parser.add_argument("--gpu-batch", type=int, default=64, help="images in a step on the GPU")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--backbones", nargs="+", default=BACKBONES)
    at_hand = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    parser.add_argument("--devices", nargs="+", choices=at_hand, default=at_hand)
    options = parser.parse_args()
    torch.set_num_threads(1)
    sizes = {"cpu": options.batch, "cuda": options.gpu_batch}
    batches = {device: sizes[device] for device in options.devices}
    ratios = {}
    columns = f"{'ms per step':>12} {'parameters':>12} {'GFLOP':>8} {'ratio':>6}"
    print(f"{'device':6} {'network':24} {columns}")
    for device, batch in batches.items():
        for name in options.backbones:
            costs, value = measure(
                name,
                options.placement,
                options.size,
                torch.device(device),
                batch,
                options.repetitions,
            )
            for label, cost, ratio in zip((name, "  + SE-DNN"), costs, (1, value), strict=True):
                print(
                    f"{device:6} {label:24} {cost.milliseconds:12.1f} {cost.parameters:12,} "
                    f"{cost.flops / 1e9:8.3f} {ratio:6.3f}",
                    flush=True,
                )
            ratios[f"{name}_{device}"] = {"value": value, "goal": GOAL_RATIO, "at_most": True}
    print(json.dumps({"ratios": ratios}))


if __name__ == "__main__":
    main()
