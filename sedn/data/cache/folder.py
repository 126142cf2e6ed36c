"""Folders that a node makes once and its processes share: decoded images, predicted maps.

An entry is made in a draft beside its place and renamed into it, so a reader sees all of it or
nothing; of several processes that want it at once, one makes it and the others wait. An entry whose
bytes are not those that were written is removed and made again.
"""

import fcntl
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sedn.data.cache.checksums import find_damage, write_checksums
from sedn.errors import UserError
from sedn.files import cache_folder

_log = logging.getLogger(__name__)


def has_room(size: int) -> bool:
    """Whether ``size`` bytes more may be cached: nine tenths of the free disk, and not more than
    ``SEDN_CACHE_LIMIT`` (gigabytes) where it is set.

    Raises:
        UserError: ``SEDN_CACHE_LIMIT`` is no number.
    """
    limit = os.environ.get("SEDN_CACHE_LIMIT")
    try:
        bound = float("inf") if limit is None else float(limit) * 1e9
        if not bound >= 0:
            raise ValueError
    except ValueError:
        raise UserError(f"SEDN_CACHE_LIMIT is '{limit}'; expected gigabytes, such as 200") from None
    folder = cache_folder()
    while not folder.exists():
        folder = folder.parent
    return size <= min(bound, 0.9 * shutil.disk_usage(folder).free)


def build_folder(entry: Path, build: Callable[[Path], None], what: str) -> None:
    """Make the folder ``entry`` where it is not there, or damaged; ``build`` gets a draft of it.

    Of a large entry that is there, a sample is compared with its checksums. A draft that a killed
    process left is handed to ``build`` again, which may go on with it; one that failed is removed.

    Raises:
        UserError: the folder cannot be written; the message names the folder by ``what``.
    """

    def complete() -> None:
        draft = entry.with_name(f".{entry.name}.part")
        draft.mkdir(exist_ok=True)
        try:
            build(draft)
            write_checksums(draft)
        except Exception:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        draft.rename(entry)

    if entry.exists() and (damage := find_damage(entry)):
        remove_damaged(entry, damage)
    build_once(entry, complete, what)


def remove_damaged(entry: Path, damage: str) -> None:
    """Remove a damaged entry, which the next use makes again; who has mapped the entry keeps it.

    Raises:
        UserError: the entry cannot be removed.
    """
    try:
        with _locked(entry.with_suffix(".lock")):
            # Another process may have made it again by now.
            if not entry.exists() or not find_damage(entry, sample=None):
                return
            _log.warning("%s; removed from the cache and made again", damage)
            remove_entry(entry)
    except OSError as error:
        raise UserError(f"{damage}; the folder cannot be removed: {error.strerror}") from error


def remove_entry(entry: Path) -> None:
    """Remove an entry at once, so that nobody finds a part of it; who has mapped it keeps it.

    Raises:
        OSError: the entry cannot be removed.
    """
    aside = entry.with_name(f".{entry.name}.removed")
    shutil.rmtree(aside, ignore_errors=True)
    entry.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


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


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock that the kernel releases when this process ends, however it ends."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
