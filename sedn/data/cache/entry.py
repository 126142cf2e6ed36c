"""A data set in the cache: a folder of arrays, which all processes of a node map and share."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sedn.data.dataset import SPLITS, Dataset, Split

LAYOUT = 2
"""Raised whenever an entry is written in another way."""


class ArrayFile:
    """An array of bytes on disk, ``.npy``, of which items are written in any order.

    Not by a map of memory: its pages would count as this process's own, and a full disk would
    kill it without a word.
    """

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        self._item = int(np.prod(shape[1:]))
        is_new = not path.exists()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if is_new:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            with os.fdopen(os.dup(self._file), "wb") as file:
                np.lib.format.write_array_header_1_0(file, header)
        with path.open("rb") as file:
            np.lib.format.read_magic(file)
            np.lib.format.read_array_header_1_0(file)
            self._start = file.tell()
        if is_new:
            # Takes the room at once, so that a full disk is known before hours of work.
            os.posix_fallocate(self._file, 0, self._start + shape[0] * self._item)

    def write(self, index: int, item: NDArray[np.uint8]) -> None:
        """Write the item at ``index``; several threads may."""
        content = memoryview(item.tobytes())
        place = self._start + index * self._item
        while content:
            written = os.pwrite(self._file, content, place)
            content, place = content[written:], place + written

    def read(self, index: int, count: int = 1) -> NDArray[np.uint8]:
        """``count`` items from ``index`` on, flat."""
        content = os.pread(self._file, count * self._item, self._start + index * self._item)
        return np.frombuffer(content, dtype=np.uint8)

    def flush(self) -> None:
        """Wait until all written bytes are on the disk."""
        os.fsync(self._file)

    def close(self) -> None:
        """No more is written."""
        os.close(self._file)


def describe_entry(
    folder: Path,
    dataset: Dataset,
    counts: dict[str, int],
    map_known: NDArray[np.bool_],
    targets: NDArray[np.float32],
    names: Sequence[str],
) -> None:
    """Write what an entry holds beside the pixels.

    Args:
        folder: the entry, or its draft.
        dataset: for its names; its splits are not read.
        counts: images of each split; those of train come first in the arrays, those of test last.
        map_known: ``(images,)``.
        targets: ``(images, labels)``.
        names: of the images.
    """
    (folder / "names.json").write_text(json.dumps(names), encoding="utf-8")
    np.save(folder / "map_known.npy", map_known)
    np.save(folder / "targets.npy", targets)
    described = {
        "name": dataset.name,
        "labels": dataset.labels,
        "regions": dataset.regions,
        "fingerprint": dataset.fingerprint,
        "skipped": dataset.skipped,
        "counts": counts,
    }
    (folder / "dataset.json").write_text(json.dumps(described), encoding="utf-8")


def write_entry(folder: Path, dataset: Dataset) -> None:
    """Write a data set that is in memory."""
    splits = [dataset.splits[name] for name in SPLITS]
    for name in ("images", "maps"):
        np.save(folder / f"{name}.npy", np.concatenate([getattr(split, name) for split in splits]))
    counts = {name: len(dataset.splits[name]) for name in SPLITS}
    map_known = np.concatenate([split.map_known for split in splits])
    targets = np.concatenate([split.targets for split in splits])
    names = [name for split in splits for name in split.names]
    describe_entry(folder, dataset, counts, map_known, targets, names)


def open_entry(folder: Path) -> Dataset:
    """Map an entry."""
    described = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    images, maps = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("images", "maps"))
    map_known, targets = (np.load(folder / f"{name}.npy") for name in ("map_known", "targets"))
    names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
    splits, start = {}, 0
    for name in SPLITS:
        rows = slice(start, start + described["counts"][name])
        splits[name] = Split(
            images[rows], maps[rows], map_known[rows], targets[rows], tuple(names[rows])
        )
        start = rows.stop
    return Dataset(
        name=described["name"],
        labels=tuple(described["labels"]),
        regions=tuple(described["regions"]),
        fingerprint=described["fingerprint"],
        splits=splits,
        skipped=described["skipped"],
    )
