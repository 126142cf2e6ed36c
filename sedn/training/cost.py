"""What a network costs to use: operations, and time for one image and for a batch."""

import time
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from sedn.network import SemanticNetwork
from sedn.training.memory import is_out_of_memory

BATCH = 32
_SECONDS = 0.2
_WARM_UP = 2
_LEAST_RUNS = 3


@dataclass(frozen=True)
class Cost:
    """Of the network in evaluation mode and float32, as it scores images."""

    flops: int
    """Floating-point operations for one image, a multiplication and an addition counted as two:
    convolutions, matrix products and attention, as torch counts them."""
    latency_ms: float
    """Milliseconds for one image, by the median of several runs."""
    latency_32_ms: float | None
    """Milliseconds for a batch of 32; ``None`` where the memory does not suffice for it."""


def measure_cost(network: SemanticNetwork, image_size: int, map_channels: int) -> Cost:
    """Measure on the network's own device, with what else runs there at the time.

    Args:
        network: its mode is left as it was, and nothing random is drawn.
        image_size: side of the images in pixels.
        map_channels: channels of the maps, with the indicator if there is one.
    """
    training = network.training
    network.eval()
    try:
        one = _inputs(network, 1, image_size, map_channels)
        # Not in inference mode: torch's counter cannot follow a bare parameter there.
        with FlopCounterMode(display=False) as counter:
            network(*one)
        with torch.inference_mode():
            return Cost(
                flops=int(counter.get_total_flops()),
                latency_ms=_latency(network, one),
                latency_32_ms=_batch_latency(network, image_size, map_channels),
            )
    finally:
        network.train(training)


def _inputs(
    network: SemanticNetwork, count: int, image_size: int, map_channels: int
) -> tuple[Tensor, Tensor]:
    device = next(network.parameters()).device
    images = torch.full((count, 3, image_size, image_size), 0.5, device=device)
    maps = torch.ones((count, map_channels, image_size, image_size), device=device)
    return images.contiguous(memory_format=torch.channels_last), maps


def _batch_latency(network: SemanticNetwork, image_size: int, map_channels: int) -> float | None:
    try:
        return _latency(network, _inputs(network, BATCH, image_size, map_channels))
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return None


def _latency(network: SemanticNetwork, inputs: tuple[Tensor, Tensor]) -> float:
    """Milliseconds of a forward pass."""
    times: list[float] = []
    deadline = time.perf_counter() + _SECONDS
    while len(times) < _WARM_UP + _LEAST_RUNS or time.perf_counter() < deadline:
        started = time.perf_counter()
        network(*inputs)
        if inputs[0].is_cuda:
            torch.cuda.synchronize()
        times.append(1000 * (time.perf_counter() - started))
    return median(times[_WARM_UP:])
