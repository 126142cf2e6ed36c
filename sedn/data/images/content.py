"""The place of an image's bytes: a file, or a row of an Arrow data set."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sedn.data.near_names import near_name, slash_variants
from sedn.errors import UserError
from sedn.seen import FileState, file_state, is_file


class Content(Protocol):
    """The bytes of one image, read on demand."""

    @property
    def name(self) -> str:
        """The name that messages show: the path, as a rule."""

    def read(self) -> bytes:
        """All bytes of the content.

        Raises:
            OSError: the bytes cannot be read.
        """

    def stamp(self) -> str:
        """Changes whenever the bytes may have changed; found without reading them.

        Raises:
            OSError: the file is not there any more.
        """


def stamp_of(name: str, state: FileState) -> str:
    """The stamp of the content called ``name``, which lies in a file of that state."""
    size, changed, inode_changed = state
    return f"{name} {size} {changed} {inode_changed}"


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file."""

    path: str

    @property
    def name(self) -> str:
        """Its path."""
        return self.path

    def read(self) -> bytes:
        """All bytes of the file."""
        with open(self.path, "rb") as file:  # noqa: PTH123 (a Path for each read costs as much)
            return file.read()

    def stamp(self) -> str:
        """Path, and the state of the file."""
        return stamp_of(self.path, file_state(os.stat(self.path)))  # noqa: PTH116


def find_file(root: Path, name: str, where: str) -> FileContent:
    r"""The file called ``name`` under the folder ``root``.

    A name cannot lead out of the folder, which a table from elsewhere could abuse. A link can:
    links are followed, as data are often linked to another disk, and ``sedn data check`` lists
    them. Where there is no such file, but one with ``/`` for ``\`` or the reverse, the latter is
    meant.

    Args:
        root: the folder that names are relative to.
        name: a relative path, or an absolute one that lies in ``root``.
        where: what a message says before the name, ``"products.csv: row 3: image"``.

    Raises:
        UserError: there is no such file, or it lies outside ``root``.
    """
    if not name or "\0" in name:
        raise UserError(f"{where}: no file is named; expected a path relative to {root}")
    path = _inside(root, name)
    if path is None:
        raise UserError(f"{where} '{name}' lies outside of {root}; images must lie in that folder")
    if "\\" not in name and is_file(path):
        return FileContent(path)
    candidates = [p for p in (path, *_other_slashes(root, name)) if is_file(p)]
    if len(candidates) > 1:
        raise UserError(
            f"{where} '{name}' may be the file {candidates[0]} or {candidates[1]}; keep one"
        )
    if not candidates:
        raise UserError(f"{where} '{name}': {_reason(path, root)}")
    return FileContent(candidates[0])


def has_file(root: Path, name: str) -> bool:
    """Whether :func:`find_file` finds a file of that name."""
    if not name or "\0" in name:
        return False
    path = _inside(root, name)
    return path is not None and (is_file(path) or len(_other_slashes(root, name)) == 1)


def _inside(root: Path, name: str) -> str | None:
    """The path of a name; ``None`` if the name leads out of the folder."""
    base = os.path.normpath(root)
    path = os.path.normpath(os.path.join(base, name))  # noqa: PTH118
    if base == os.curdir:
        return None if path.startswith((os.pardir, os.sep)) else path
    return path if path.startswith(base.rstrip(os.sep) + os.sep) else None


def _other_slashes(root: Path, name: str) -> list[str]:
    """The files that a name means with other slashes."""
    paths = [_inside(root, variant) for variant in slash_variants(name)]
    return [path for path in paths if path is not None and is_file(path)]


def _reason(path: str, root: Path) -> str:
    """Why there is no file at a path."""
    try:
        os.stat(path)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return f"no such file{near_name(path, str(root))}"
    except OSError as error:
        return error.strerror or str(error)
    return "not a file"
