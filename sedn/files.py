"""Writing files so that a reader finds the old content or the new, never a half."""

import fcntl
import hashlib
import os
import platform
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import BinaryIO

from sedn.errors import UserError
from sedn.seen import FileState, file_state

_PART = ".sedn-"


def cache_folder() -> Path:
    """``SEDN_CACHE``, else ``sedn-search`` in the user's folder for caches.

    Raises:
        UserError: the user has no home, as in a container whose user has no name.
    """
    if named := os.environ.get("SEDN_CACHE"):
        return Path(named)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sedn-search"
    except RuntimeError:
        raise UserError(
            "SEDN_CACHE: is not set, and the user has no home for the cache; set it to a folder"
        ) from None


def absolute_path(path: str) -> str:
    """A path made absolute and free of ``..``, so that every process means the same by it, from
    every working directory; as it is where there is nothing at the path.
    """
    if not os.path.exists(path):  # noqa: PTH110 (false for what can be no path)
        return path
    direct = os.path.abspath(path)  # noqa: PTH100 (takes out "..")
    # Where ".." follows a link, the way through the link counts.
    same = os.path.exists(direct) and os.path.samefile(direct, path)  # noqa: PTH110, PTH121
    return direct if same else os.path.realpath(path)


def is_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file or folder; not where one of them leads nowhere."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def file_digest(path: Path) -> str:
    """Sixteen hex digits of the SHA-256 of a file's content.

    Raises:
        OSError: the file cannot be read.
    """
    return _digest(path, file_state(path.stat()))


@lru_cache(maxsize=256)
def _digest(path: Path, _state: FileState) -> str:
    """Read once while the state of the file stays what it is."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def make_folder(folder: Path) -> None:
    """Make the folder, and those it lies in, where they are not there.

    Raises:
        UserError: the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made: {error.strerror}") from None


def check_folder(folder: Path) -> None:
    """Check that files can be written to the folder, or the folder be made; nothing is written.

    Raises:
        UserError: the folder can be neither made nor written to.
    """
    try:
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    except OSError as error:
        raise UserError(f"{folder}: cannot be made: {error.strerror}") from None
    if not there.is_dir():
        raise UserError(f"{folder}: '{there}' is a file, not a folder")
    if not os.access(there, os.W_OK | os.X_OK, effective_ids=True):
        raise UserError(f"{folder}: nothing can be written to '{there}'")


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8, as :func:`write_bytes` does."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path``, as :func:`writing` does."""
    with writing(path) as file:
        file.write(content)


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """A file to write the content of ``path`` to, piece by piece; whole or not at all.

    What was there stays until the new content is safely on the disk. A link is followed; a
    device or a pipe, such as ``/dev/stdout``, is written to as it is.

    Raises:
        UserError: the folder is missing or cannot be written, the disk is full, or ``path`` is a
            folder.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                yield file
        else:
            with _replacing(Path(os.path.realpath(path))) as file:
                yield file
    except FileNotFoundError:
        raise UserError(f"{path}: cannot be written: there is no folder '{path.parent}'") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Write beside ``path`` and rename, with what killed writers left there removed first."""
    _remove_left(path.parent)
    part, file = _open_part(path.parent)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            # While it is locked: nobody takes it for one that was left.
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _open_part(folder: Path) -> tuple[Path, BinaryIO]:
    """A new file to write to, with a short name, locked for as long as it is open."""
    while True:
        part = folder / f"{_PART}{_node()}-{secrets.token_hex(8)}.part"
        # Not by tempfile, whose files only their owner may read.
        file = part.open("xb")
        with suppress(OSError):
            # Some file systems have no locks; nothing is removed there either.
            fcntl.flock(file, fcntl.LOCK_EX)
        if part.exists():
            return part, file
        # Another process took it for one that was left before it was locked.
        file.close()


def _remove_left(folder: Path) -> None:
    """Remove the parts in ``folder`` whose writer, a process of this node, was killed.

    The kernel releases a lock when its process ends. Locks may not reach other nodes that share
    the folder, so theirs are left to them.
    """
    for part in folder.glob(f"{_PART}{_node()}-*.part"):
        with suppress(OSError), part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()


@cache
def _node() -> str:
    """Eight letters that identify this machine in file names."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]
