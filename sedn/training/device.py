"""The device that a network is trained on, and the precision."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache

import torch
from torch import Tensor

from sedn.network import SemanticNetwork
from sedn.network.backbone import pixel_statistics


def pick_device() -> torch.device:
    """The GPU that this process may use, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def threads(number: int | None) -> Iterator[None]:
    """Let torch compute with so many threads within; ``None`` leaves their number as it is."""
    before = torch.get_num_threads()
    if number is not None:
        torch.set_num_threads(number)
    try:
        yield
    finally:
        if number is not None:
            torch.set_num_threads(before)


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 where the device computes it natively, for the forward pass of training; float32
    elsewhere.
    """
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=has_bfloat16(device))


@lru_cache
def has_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16, rather than an emulation."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def normalise(images: Tensor, network: SemanticNetwork) -> Tensor:
    """Images (B, 3, H, W) from 0..1 to the mean and deviation that the backbone was made for."""
    mean, deviation = pixel_statistics(network.backbone)
    on_device = _statistics(mean, deviation, images.device)
    return (images - on_device[0]).div_(on_device[1])


@lru_cache(maxsize=8)
def _statistics(
    mean: tuple[float, ...], deviation: tuple[float, ...], device: torch.device
) -> tuple[Tensor, Tensor]:
    """Both as (3, 1, 1); kept, as a copy to a GPU would wait for it at each batch."""
    # Not of the kind made for inference alone: training takes them too.
    with torch.inference_mode(False):
        return (
            torch.tensor(mean, device=device).view(-1, 1, 1),
            torch.tensor(deviation, device=device).view(-1, 1, 1),
        )
