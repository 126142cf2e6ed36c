"""Where the bytes of an image lie: in a file, or in a column of an Arrow data set."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sedn.errors import UserError
from sedn.seen import is_file


class Content(Protocol):
    """The bytes of one image, read when they are wanted."""

    @property
    def name(self) -> str:
        """What a message calls it: its path, as a rule."""

    def read(self) -> bytes:
        """All of its bytes.

        Raises:
            OSError: they cannot be read.
        """

    def stamp(self) -> str:
        """Changes whenever the bytes may have changed; found without reading them.

        Raises:
            OSError: it is not there any more.
        """


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file."""

    path: str

    @property
    def name(self) -> str:
        """Its path."""
        return self.path

    def read(self) -> bytes:
        """All of its bytes."""
        with open(self.path, "rb") as file:  # noqa: PTH123 (a Path for each read costs as much)
            return file.read()

    def stamp(self) -> str:
        """Path, size and time of the last change."""
        found = os.stat(self.path)  # noqa: PTH116
        return f"{self.path} {found.st_size} {found.st_mtime_ns}"


def find_file(root: Path, name: str, where: str) -> FileContent:
    """The file called ``name`` under the folder ``root``.

    A name cannot lead out of the folder, which a table from elsewhere could abuse. A link can: it
    is followed, as data are often linked to another disk, and ``sedn data check`` lists it.

    Args:
        root: the folder that names are relative to.
        name: a relative path, or an absolute one that lies in ``root``.
        where: what a message says before the name, ``"products.csv: row 3: image"``.

    Raises:
        UserError: there is no such file, or it lies outside ``root``.
    """
    if not name or "\0" in name:
        raise UserError(f"{where}: no file is named; expected a path relative to {root}")
    base = os.path.normpath(root)
    path = os.path.normpath(os.path.join(base, name))  # noqa: PTH118
    if base != "." and not path.startswith(base.rstrip(os.sep) + os.sep):
        raise UserError(f"{where} '{name}' lies outside of {root}; images must lie in that folder")
    if base == "." and path.startswith((os.pardir, os.sep)):
        raise UserError(f"{where} '{name}' lies outside of {root}; images must lie in that folder")
    if is_file(path):
        return FileContent(path)
    try:
        os.stat(path)  # noqa: PTH116
    except OSError as error:
        raise UserError(f"{where} '{name}': {_reason(error)}") from None
    raise UserError(f"{where} '{name}': not a file")


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "no such file"
    return error.strerror or str(error)
