"""A batch of images with its maps, and what its changes draw by chance."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

_KEPT = 3
_kept: dict[tuple[int, ...], list[NDArray[np.float32]]] = {}


@dataclass(frozen=True)
class Batch:
    """Images, and what is known of where their regions lie.

    Images, maps and masks go from 0 to 1; before :func:`augment` they may be of type uint8 and go
    from 0 to 255, as the cache holds them.
    """

    images: Tensor
    """``(batch, 3, H, W)``."""
    maps: Tensor
    """``(batch, regions, H, W)``: the semantic maps that the network is to see."""
    known: Tensor
    """``(batch,)``, bool: whether the map of an image is known; where not, it is zero."""
    masks: Tensor
    """``(batch, regions, H, W)``: the data set's own masks, whatever ``maps`` holds."""
    masks_known: Tensor
    """``(batch,)``, bool: whether the data set has a mask of an image."""


def change_planes(batch: Batch, change: Callable[[Tensor], Tensor]) -> Batch:
    """The batch after one change of images, maps and masks; maps that are the masks stay so."""
    maps = change(batch.maps)
    masks = maps if batch.masks is batch.maps else change(batch.masks)
    return replace(batch, images=change(batch.images), maps=maps, masks=masks)


def as_fraction(planes: Tensor) -> Tensor:
    """0 to 1 from bytes of 0 to 255; what is no bytes stays as it is."""
    return planes.float().div_(255) if planes.dtype == torch.uint8 else planes


def fractions(batch: Batch) -> Batch:
    """The batch with images, maps and masks from 0 to 1."""
    planes = (batch.images, batch.maps, batch.masks)
    if any(part.dtype == torch.uint8 for part in planes):
        return change_planes(batch, as_fraction)
    return batch


def room_for(planes: Tensor) -> Tensor:
    """Floats of the shape and on the device of ``planes``, yet to be written.

    On a CPU the memory of an earlier batch is taken again when nothing refers to it any more: the
    kernel clears fresh memory, which costs as much as half of a crop.
    """
    if planes.device.type != "cpu":
        return torch.empty(planes.shape, device=planes.device)
    shape = tuple(planes.shape)
    kept = _kept.setdefault(shape, [])
    # A tensor refers to the array that it was made from, as long as it or a view of it lives.
    for array, references in zip(kept, _references(kept), strict=True):
        if references == _UNUSED:
            return torch.from_numpy(array)
    # By numpy, which asks for huge pages.
    array = np.empty(shape, np.float32)
    kept.append(array)
    del kept[:-_KEPT]
    return torch.from_numpy(array)


def _references(arrays: list[NDArray[np.float32]]) -> list[int]:
    """How many refer to each array."""
    return [sys.getrefcount(array) for array in arrays]


# Measured, as what the list, the loop and the call add is not the same in each Python.
_UNUSED = _references([np.empty(1, np.float32)])[0]


def parts(planes: Tensor) -> list[slice]:
    """Cuts a batch into what is best changed at once: a few images on a CPU, else all.

    What lies between two steps then stays in a processor's cache and takes no fresh memory: twice
    as fast as a whole batch of 224 x 224 pixels.
    """
    step = 4 * torch.get_num_threads() if planes.device.type == "cpu" else len(planes)
    return [slice(start, start + step) for start in range(0, len(planes), step)]


def draw(count: int, size: int, generator: Generator) -> Tensor:
    """``(count, size)`` numbers of 0 to 1, on the generator's device."""
    return torch.rand((count, size), generator=generator, device=generator.device)


def send(drawn: Tensor, device: torch.device) -> Tensor:
    """Copy random draws to the device of the images, without waiting for a GPU."""
    if device.type == "cuda" and drawn.device.type == "cpu":
        return drawn.pin_memory().to(device, non_blocking=True)
    return drawn.to(device)


def choose(like: Tensor, share: float, generator: Generator) -> Tensor:
    """``(batch,)``, bool: each image with chance ``share``, on the device of ``like``."""
    uniform = torch.rand(len(like), generator=generator, device=generator.device)
    return send(uniform < share, like.device)


def others(size: int, generator: Generator) -> Tensor:
    """``(size,)``: for each image another one of the batch, on the generator's device."""
    step = 1 + torch.randint(size - 1, (size,), generator=generator, device=generator.device)
    return (torch.arange(size, device=step.device) + step) % size
