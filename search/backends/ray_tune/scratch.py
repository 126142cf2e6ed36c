"""The temporary folders of Ray Tune; imports little, as it is asked for when a process ends."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

_PREFIX = "sedn-tune-"
_LOCK = "lock"
"""A file of each folder, which the process that uses the folder holds locked to its end."""


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A temporary folder of this process, removed in the end; those that killed processes left are
    removed first.
    """
    _remove_abandoned()
    folder, lock = _make_folder()
    with lock:
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_scratch() -> None:
    """Remove the scratch folders that this process has left."""
    for scratch in Path(tempfile.gettempdir()).glob(f"{_own_prefix()}*"):
        shutil.rmtree(scratch, ignore_errors=True)


def _own_prefix() -> str:
    return f"{_PREFIX}{os.getpid()}-"


def _make_folder() -> tuple[Path, IO[bytes]]:
    """A new folder, and its lock, which closing the file releases."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_own_prefix()))
        lock = (folder / _LOCK).open("wb")
        if _locks(lock) and (folder / _LOCK).exists():
            return folder, lock
        # Another process took the folder for one that was left, before there was the lock.
        lock.close()


def _remove_abandoned() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        # One without a lock is being made; one of another account is that account's.
        with suppress(OSError):
            if folder.stat().st_uid != os.getuid():
                continue
            with (folder / _LOCK).open("rb") as lock:
                if _locks(lock):
                    shutil.rmtree(folder, ignore_errors=True)


def _locks(file: IO[bytes]) -> bool:
    """Lock a file, if no process holds it; the kernel unlocks the file when the process ends."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
