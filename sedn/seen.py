"""The state of files and folders at the time of a reading, to tell later whether its result is
still valid.

A reading looks at files through the functions of this module, or says here what it lets another
library look at. A :class:`Sighting` of each file, folder and path is held beside the listing that
was read; while all of them are still so, reading again would give the same.

A file whose size, times and inode are what they were is what it was, but not where it was changed
shortly before it was looked at: within one tick of the clock of a disk two contents have one time.
Such a file is compared by its content, and so is one that was touched or replaced.
"""

import hashlib
import os
import stat
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

Kind = Literal["file", "folder", "nothing"]
FileState = tuple[int, int, int]
"""Size, and the times of the last change of content and inode, in nanoseconds."""
Stamp = tuple[int, int, int, int]
"""A :data:`FileState` and the inode."""
UNSURE: Stamp = (-1, -1, -1, -1)
"""Equals no stamp: the content must be compared."""
_TICK = 3 * 10**9
"""Nanoseconds; the coarsest clock in use, FAT's, ticks every two seconds."""
_PIECE = 1 << 20


def file_state(status: os.stat_result) -> FileState:
    """What changes whenever the content of a file may have changed. A copy may keep the time of the
    last change of the content (``cp -p``, ``rsync``, an archive), and the size with it; the time of
    the inode no copy keeps.
    """
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


class Sighting(NamedTuple):
    """The state of a path when a reading saw the path; a named tuple, since there may be a
    million.
    """

    path: str
    kind: Kind
    stamp: Stamp | None = None
    """``None`` where it was looked at no more than what is there."""
    digest: bytes = b""
    """SHA-256 of the content of a file, or of the names in a folder; nothing where another stamp
    is taken for another content."""

    def renewed(self) -> "Sighting | None":
        """A copy with the current stamp; ``None`` if the path has changed."""
        now, status = time.time_ns(), _find(self.path)
        if _kind(status) != self.kind:
            return None
        if status is None or self.stamp is None or _stamp(status) == self.stamp:
            return self
        if not self.digest:
            return None
        digest, steady = _digest(self.path, self.kind)
        if digest != self.digest:
            return None
        return self._replace(stamp=_stamp(status) if steady and _is_old(status, now) else UNSURE)


@dataclass(frozen=True, slots=True)
class _Look:
    """A look at the content of a file or folder, before it was read."""

    status: os.stat_result
    hashed: bool
    early: bytes | None
    """Its digest then, where its time would not tell that it was changed while it was read."""

    def settle(self, path: str, kind: Kind) -> Sighting | None:
        """The sighting after the read; ``None`` if the path changed since the look."""
        now = time.time_ns()
        digest, steady = _digest(path, kind) if self.hashed else (b"", self.early is None)
        status = _find(path)
        if status is None or _stamp(status) != _stamp(self.status):
            return None
        if self.hashed and self.early is not None and self.early != digest:
            return None
        return Sighting(
            path, kind, _stamp(status) if steady and _is_old(status, now) else UNSURE, digest
        )


class Seen:
    """The sightings of one reading."""

    def __init__(self) -> None:
        self._kinds: dict[str, Kind] = {}
        self._looks: dict[str, _Look] = {}

    def note(self, path: str, *, content: bool = False, hashed: bool = True) -> None:
        """Say that ``path`` is looked at: what is there, or also what it holds."""
        if path in self._looks or (path in self._kinds and not content):
            return
        now = time.time_ns()
        status = _find(path)
        kind = self._kinds.setdefault(path, _kind(status))
        if content and status is not None:
            early = None
            if not _is_old(status, now):
                early = _digest(path, kind)[0] if hashed else b""
            self._looks[path] = _Look(status, hashed, early)

    @property
    def contents(self) -> tuple[str, ...]:
        """Files and folders of which the content was looked at, or that were not there."""
        return (*self._looks, *(path for path, kind in self._kinds.items() if kind == "nothing"))

    def sightings(self, known: Collection[str] = ()) -> tuple[Sighting, ...] | None:
        """All that was seen; ``None`` where it changed while it was read.

        Args:
            known: files that are known to be there, so that it need not be held.
        """
        settled = []
        for path, kind in self._kinds.items():
            if path in self._looks:
                sighting = self._looks[path].settle(path, kind)
            elif kind == "file" and path in known:
                continue
            else:
                sighting = Sighting(path, kind).renewed()
            if sighting is None:
                return None
            settled.append(sighting)
        return tuple(settled)


_watching: list[Seen] = []
"""Readings that go on; of two in different threads each notes all files, never too few."""


@contextmanager
def watching() -> Iterator[Seen]:
    """Note what is looked at meanwhile, by this thread or another one of this process."""
    seen = Seen()
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.remove(seen)


def is_file(path: str | Path) -> bool:
    """Whether there is a file, or a link to one."""
    _note(path)
    return os.path.isfile(path)  # noqa: PTH113 (of very many paths)


def is_folder(path: str | Path) -> bool:
    """Whether there is a folder, or a link to one."""
    _note(path)
    return os.path.isdir(path)  # noqa: PTH112


def exists(path: str | Path) -> bool:
    """Whether there is a file or a folder, or a link to one."""
    _note(path)
    return os.path.exists(path)  # noqa: PTH110


def read_file(path: str | Path) -> bytes:
    """All bytes of a file.

    Raises:
        OSError: the file cannot be read.
    """
    see_content(path)
    with open(path, "rb") as file:  # noqa: PTH123 (a Path for each read costs as much)
        return file.read()


def see_content(path: str | Path, *, hashed: bool = True) -> None:
    """Say that a file is read, or a folder listed, before that is done by other means.

    Args:
        path: of the file or folder, which may be missing.
        hashed: whether one with another time but the old content is worth reading again to see it;
            not, where it holds images.
    """
    _note(path, content=True, hashed=hashed)


def see_tree(folder: str | Path) -> None:
    """Say that the files of a folder are read by other means, whichever they are."""
    see_content(folder)
    if os.path.isdir(folder):  # noqa: PTH112
        for name in sorted(os.listdir(folder)):  # noqa: PTH208
            see_content(os.path.join(folder, name), hashed=False)  # noqa: PTH118


def _note(path: str | Path, *, content: bool = False, hashed: bool = True) -> None:
    for seen in tuple(_watching):
        seen.note(os.fspath(path), content=content, hashed=hashed)


def _find(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None


def _kind(status: os.stat_result | None) -> Kind:
    if status is None:
        return "nothing"
    if stat.S_ISDIR(status.st_mode):
        return "folder"
    return "file" if stat.S_ISREG(status.st_mode) else "nothing"


def _stamp(status: os.stat_result) -> Stamp:
    return *file_state(status), status.st_ino


def _is_old(status: os.stat_result, now: int) -> bool:
    """Whether a change from ``now`` on would have another time."""
    return max(status.st_mtime_ns, status.st_ctime_ns) < now - _TICK


def _digest(path: str, kind: Kind) -> tuple[bytes, bool]:
    """SHA-256 of what is there, and whether a change of it would change the stamp."""
    digest, steady = hashlib.sha256(), True
    try:
        if kind == "nothing":
            raise OSError
        if kind == "folder":
            with os.scandir(path) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
            # What a link leads to may change, and the folder of the link stays as it was.
            steady = not any(entry.is_symlink() for entry in entries)
            names = [(entry.name, entry.is_dir(), entry.is_file()) for entry in entries]
            digest.update(repr(names).encode("utf-8", "surrogatepass"))
        else:
            with open(path, "rb") as file:  # noqa: PTH123
                while piece := file.read(_PIECE):
                    digest.update(piece)
    except OSError:
        return b"unreadable".ljust(32), False
    return digest.digest(), steady
