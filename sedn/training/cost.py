"""The costs of using a network: operations, and time for one image and for a batch."""

import time
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from sedn.measures import COSTS
from sedn.network import SemanticNetwork
from sedn.training.memory import is_out_of_memory

_SECONDS = 0.2
_WARM_UP = 2
_LEAST_RUNS = 3


@dataclass(frozen=True)
class Probe:
    """A network whose costs are measured."""

    network: SemanticNetwork
    image_size: int
    """Side of the images in pixels."""
    map_channels: int
    """Channels of the maps, with the indicator if there is one."""


def measure_costs(probe: Probe) -> dict[str, float | None]:
    """Measure the costs of the network in evaluation mode and float32, as when scoring images.

    Measured on the network's own device, with what else runs there at the time. The network's mode
    is left as it was, and nothing random is drawn.
    """
    training = probe.network.training
    probe.network.eval()
    try:
        return {name: one.measure(probe) for name, one in COSTS.items() if one.measure is not None}
    finally:
        probe.network.train(training)


def count_flops(probe: Probe) -> int:
    """Floating-point operations for one image, a multiplication and an addition counted as two:
    convolutions, matrix products and attention, as torch counts them.
    """
    # Not in inference mode: torch's counter cannot follow a bare parameter there.
    with FlopCounterMode(display=False) as counter:
        probe.network(*_inputs(probe, 1))
    return int(counter.get_total_flops())


@torch.inference_mode()
def latency_ms(probe: Probe, batch: int) -> float | None:
    """Milliseconds for a batch of images, by the median of several runs; ``None`` where the memory
    does not suffice for the batch.
    """
    try:
        return _latency(probe.network, _inputs(probe, batch))
    except RuntimeError as error:
        if batch == 1 or not is_out_of_memory(error):
            raise
        return None


def _inputs(probe: Probe, count: int) -> tuple[Tensor, Tensor]:
    device, size = next(probe.network.parameters()).device, probe.image_size
    images = torch.full((count, 3, size, size), 0.5, device=device)
    maps = torch.ones((count, probe.map_channels, size, size), device=device)
    return images.contiguous(memory_format=torch.channels_last), maps


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
