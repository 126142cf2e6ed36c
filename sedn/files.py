"""Writing files so that a reader finds the old content or the new, never a half."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sedn.errors import UserError


def make_folder(folder: Path) -> None:
    """Make the folder, and those it lies in, where they are not there.

    Raises:
        UserError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made: {error.strerror}") from None


def check_folder(folder: Path) -> None:
    """See that files can be written to the folder, which may have to be made; nothing is.

    Raises:
        UserError: they cannot.
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
    """Write beside ``path`` and rename; the name is a short one, as ``path``'s may be long."""
    part = path.with_name(f".sedn-{secrets.token_hex(8)}.part")
    try:
        # Not by tempfile, whose files only their owner may read.
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
