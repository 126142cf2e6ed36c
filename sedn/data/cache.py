"""Decoded images on disk, as arrays that all processes of a node map and share.

An entry is built in a folder beside its place and renamed into it, so a reader sees all of it or
nothing; of several processes that want it at once, one builds and the others wait.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sedn.data.dataset import SPLITS, Dataset, Split
from sedn.errors import UserError

_ARRAYS = ("images", "maps", "map_known", "targets")


def cache_folder() -> Path:
    """``SEDN_CACHE``, else ``sedn-search`` in the user's folder for caches."""
    if named := os.environ.get("SEDN_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sedn-search"


def cached_dataset(key: str, build: Callable[[Path], Dataset]) -> Dataset:
    """The data set cached under ``key``; ``build`` makes it first where it is not there.

    ``build`` gets a folder on the cache's disk for the arrays that it makes piece by piece.

    Raises:
        UserError: the folder cannot be written to.
    """
    entry = cache_folder() / key
    build_once(entry, lambda: _build(entry, build), "the image cache")
    return _open(entry)


def build_once(path: Path, build: Callable[[], None], what: str) -> None:
    """Call ``build`` to make ``path`` where it is not there; of all processes, one does.

    Raises:
        UserError: ``path`` cannot be written; ``what`` says what it is.
    """
    if path.exists():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.with_suffix(".lock")):
            if not path.exists():
                build()
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"{path.parent}: {what} cannot be written: {reason}; "
            f"set SEDN_CACHE to a folder with room"
        ) from error


def _build(entry: Path, build: Callable[[Path], Dataset]) -> None:
    with tempfile.TemporaryDirectory(prefix=".building-", dir=entry.parent) as scratch:
        draft = Path(scratch) / "entry"
        draft.mkdir()
        dataset = build(Path(scratch))
        for name, split in dataset.splits.items():
            for array in _ARRAYS:
                np.save(draft / f"{name}.{array}.npy", getattr(split, array))
        described = {
            "name": dataset.name,
            "labels": dataset.labels,
            "regions": dataset.regions,
            "fingerprint": dataset.fingerprint,
        }
        (draft / "dataset.json").write_text(json.dumps(described))
        shutil.move(draft, entry)


def _open(entry: Path) -> Dataset:
    described = json.loads((entry / "dataset.json").read_text())
    splits = {
        name: Split(
            images=np.load(entry / f"{name}.images.npy", mmap_mode="r"),
            maps=np.load(entry / f"{name}.maps.npy", mmap_mode="r"),
            map_known=np.load(entry / f"{name}.map_known.npy"),
            targets=np.load(entry / f"{name}.targets.npy"),
        )
        for name in SPLITS
    }
    return Dataset(
        name=described["name"],
        labels=tuple(described["labels"]),
        regions=tuple(described["regions"]),
        fingerprint=described["fingerprint"],
        splits=splits,
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock that the kernel releases when this process ends, however it ends."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
