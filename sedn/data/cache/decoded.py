"""Decoding a data set into the cache: once, by all cores, going on where it was killed."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sedn.data.cache.entry import ArrayFile, describe_entry
from sedn.data.dataset import SPLITS, Dataset
from sedn.data.identity import Identity, Progress
from sedn.data.images.decoding import decode_sample
from sedn.data.listing import Listing
from sedn.errors import UserError

_WAITING, _DONE, _BROKEN = 0, 1, 2
_BLOCK = 512
"""Images between two marks of what is done."""

Store = Callable[[int, NDArray[np.uint8], NDArray[np.uint8]], None]
"""``store(position, image, map)``."""


BROKEN = "broken.json"
"""Why images could not be decoded, a list."""


def decode_listing(
    draft: Path, listing: Listing, identity: Identity, size: int, show: Progress
) -> None:
    """Decode every image and map to ``size`` pixels a side into a draft of a cache's entry.

    Images that cannot be decoded, and those whose map cannot be or does not fit, are left out, and
    listed.
    """
    order = split_order(identity)
    images = ArrayFile(draft / "images.npy", (len(order), size, size, 3))
    maps = ArrayFile(draft / "maps.npy", (len(order), len(listing.regions), size, size))

    def store(position: int, image: NDArray[np.uint8], region_map: NDArray[np.uint8]) -> None:
        images.write(position, image)
        maps.write(position, region_map)

    def flush() -> None:
        images.flush()
        maps.flush()

    try:
        broken = _decode_all(draft, listing, order, size, store, flush, show)
        good = np.setdiff1d(np.arange(len(order)), list(broken))
        if broken:
            _close_gaps(draft, (images, maps), good)
    finally:
        images.close()
        maps.close()
    rows = order[good]
    dataset = Dataset(
        listing.source.stem,
        listing.labels,
        listing.regions,
        identity.fingerprint,
        {},
        listing.skipped + len(broken),
    )
    known = listing.maps_known()[rows]
    counts = {name: int((identity.splits[rows] == name).sum()) for name in SPLITS}
    describe_entry(draft, dataset, counts, known, listing.targets[rows], listing.names(rows))
    (draft / BROKEN).write_text(json.dumps(list(broken.values())), encoding="utf-8")
    for name in (_MARKS, _REASONS):
        (draft / name).unlink(missing_ok=True)


def verify_listing(
    draft: Path, listing: Listing, identity: Identity, size: int, show: Progress
) -> None:
    """Decode every image and map, and keep no more than which cannot be: by position, why."""
    order = split_order(identity)
    broken = _decode_all(draft, listing, order, size, lambda *_: None, lambda: None, show)
    (draft / BROKEN).write_text(json.dumps(broken), encoding="utf-8")


def split_order(identity: Identity) -> NDArray[np.int64]:
    """The rows of a listing by split: those of train first, then validation, then test."""
    return np.concatenate([np.flatnonzero(identity.splits == name) for name in SPLITS])


_MARKS = "done.npy"
_REASONS = "broken.jsonl"


def _decode_all(
    draft: Path,
    listing: Listing,
    order: NDArray[np.int64],
    size: int,
    store: Store,
    flush: Callable[[], None],
    show: Progress,
) -> dict[int, str]:
    """Decode what the draft does not hold yet; by position, why an image cannot be decoded."""
    marks = _read_marks(draft, len(order))
    decode = partial(_decode_one, listing, order, size, store)
    waiting = np.flatnonzero(marks == _WAITING)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for start in range(0, len(waiting), _BLOCK):
            block = waiting[start : start + _BLOCK]
            reasons = list(pool.map(decode, block.tolist()))
            flush()
            _append_reasons(draft, block, reasons)
            marks[block] = [_DONE if reason is None else _BROKEN for reason in reasons]
            _write_marks(draft, marks)
            show("decoding", int((marks != _WAITING).sum()), len(order))
    return _read_reasons(draft, marks)


def _decode_one(
    listing: Listing, order: NDArray[np.int64], size: int, store: Store, position: int
) -> str | None:
    """Decode one image; returns the reason where the image cannot be decoded, else ``None``."""
    row = order[position]
    try:
        image, region_map = decode_sample(
            listing.images[row], listing.maps[row], len(listing.regions), size, listing.levels
        )
    except UserError as error:
        return str(error)
    store(position, image, region_map)
    return None


def _close_gaps(draft: Path, files: tuple[ArrayFile, ...], good: NDArray[np.int64]) -> None:
    """Move the items that were decoded to the front of their files, in their order."""
    # Whoever goes on after a kill in the middle of this decodes all again.
    (draft / _MARKS).unlink(missing_ok=True)
    for file in files:
        for place, position in enumerate(good.tolist()):
            if place != position:
                file.write(place, file.read(position))


def _read_marks(draft: Path, count: int) -> NDArray[np.uint8]:
    path = draft / _MARKS
    if path.exists():
        return np.asarray(np.load(path))
    (draft / _REASONS).unlink(missing_ok=True)
    return np.full(count, _WAITING, dtype=np.uint8)


def _write_marks(draft: Path, marks: NDArray[np.uint8]) -> None:
    part = draft / f"{_MARKS}.part"
    with part.open("wb") as file:
        np.save(file, marks)
    part.replace(draft / _MARKS)


def _append_reasons(draft: Path, block: NDArray[np.int64], reasons: list[str | None]) -> None:
    broken = [(int(p), r) for p, r in zip(block, reasons, strict=True) if r is not None]
    if broken:
        with (draft / _REASONS).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(item) + "\n" for item in broken)


def _read_reasons(draft: Path, marks: NDArray[np.uint8]) -> dict[int, str]:
    """Read the reasons of the positions that are marked as broken."""
    path = draft / _REASONS
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    reasons = dict(json.loads(line) for line in lines)
    return {int(p): reasons[int(p)] for p in np.flatnonzero(marks == _BROKEN)}
