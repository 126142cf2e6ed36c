"""The arrays of batches: copied out of the cache, or decoded by loader processes."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from itertools import repeat
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from sedn.data import Split
from sedn.data.dataset import Pixels
from sedn.data.images.on_demand import is_decoded_on_demand

Rows = NDArray[np.int64]
T = TypeVar("T")

AHEAD = 2
"""Batches that are read for a GPU while it works on another."""


@dataclass(frozen=True)
class View:
    """A split as a configuration sees it: its semantic maps may not be the data set's masks."""

    split: Split
    maps: Pixels
    """``(images, regions, height, width)``, 0 to 255."""
    known: NDArray[np.bool_]
    """``(images,)``: whether the map of an image is known."""
    order: NDArray[np.int64]
    """``(images,)``: the image whose map each image sees; its own, but under a control."""
    constant: bool
    """Whether all images see the same map instead."""


@dataclass(frozen=True)
class Arrays:
    """A batch of arrays in the types of the cache."""

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    masks_known: NDArray[np.bool_]
    maps: NDArray[np.uint8] | None
    """``None`` where the maps that the network sees are the masks."""
    known: NDArray[np.bool_]
    targets: NDArray[np.float32]


def fetch_tensors(
    view: View, batches: Sequence[Rows], device: torch.device
) -> Iterator[Mapping[str, Tensor]]:
    """The tensors of each batch of rows on the device, in order, by the names in :class:`Arrays`.

    For a GPU they are read by a thread into pinned memory, and copied while the GPU works.
    """
    arrays = fetch(view, batches)
    if device.type != "cuda":
        yield from map(_tensors, arrays)
        return
    for tensors in read_ahead(map(_pinned, arrays), AHEAD):
        yield {name: value.to(device, non_blocking=True) for name, value in tensors.items()}


def read_ahead(items: Iterator[T], count: int) -> Iterator[T]:
    """The items in order; a thread takes up to ``count`` of them ahead."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
    try:
        for future in ask_ahead((pool.submit(next, items, None) for _ in repeat(None)), count):
            if (item := future.result()) is None:
                return
            yield item
    finally:
        pool.shutdown(cancel_futures=True)


def ask_ahead(futures: Iterable[Future[T]], count: int) -> Iterator[Future[T]]:
    """The futures in order; ``count`` more are requested ahead of each."""
    waiting: deque[Future[T]] = deque()
    for future in futures:
        waiting.append(future)
        if len(waiting) > count:
            yield waiting.popleft()
    yield from waiting


def _tensors(arrays: Arrays) -> dict[str, Tensor]:
    values = {field.name: getattr(arrays, field.name) for field in fields(arrays)}
    return {name: torch.from_numpy(v) for name, v in values.items() if v is not None}


def _pinned(arrays: Arrays) -> dict[str, Tensor]:
    return {name: value.pin_memory() for name, value in _tensors(arrays).items()}


def fetch(view: View, batches: Sequence[Rows]) -> Iterator[Arrays]:
    """The arrays of each batch of rows, in order.

    Images that are decoded on demand are so in as many other processes as torch has threads, which
    is what Ray grants a trial; they work ahead while this one trains.
    """
    if not is_decoded_on_demand(view.split.images):
        return (_read(view, rows) for rows in batches)
    loader: DataLoader[Arrays] = DataLoader(
        _Batches(view, batches),
        batch_size=None,
        shuffle=False,
        num_workers=min(torch.get_num_threads(), len(batches)),
        # Its own: the draw of a seed for the workers must not move the network's.
        generator=torch.Generator(),
    )
    return iter(loader)


@dataclass(frozen=True)
class _Batches(torch.utils.data.Dataset[Arrays]):
    """Batches by number, for torch's loader."""

    view: View
    rows: Sequence[Rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> Arrays:
        return _read(self.view, self.rows[number])


def _read(view: View, rows: Rows) -> Arrays:
    split, seen = view.split, view.order[rows]
    given = view.maps is split.maps and np.array_equal(seen, rows)
    return Arrays(
        images=split.images[rows],
        masks=split.maps[rows],
        masks_known=split.map_known[rows],
        maps=None if given else view.maps[seen],
        known=view.known[seen],
        targets=split.targets[rows],
    )
