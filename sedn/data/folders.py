"""The content of a folder, without the files that operating systems leave in folders.

macOS leaves ``.DS_Store``, ``._1.jpg`` beside ``1.jpg`` and ``__MACOSX`` in archives; Windows
leaves ``Thumbs.db`` and ``desktop.ini``.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from sedn.seen import see_content

_LEFT_BY_SYSTEMS = frozenset({"__macosx", "thumbs.db", "desktop.ini", "$recycle.bin"})


def is_stray(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or left there by an operating system."""
    return name.startswith(".") or name.lower() in _LEFT_BY_SYSTEMS


def files_of(folder: Path, suffixes: tuple[str, ...] = ()) -> list[Path]:
    """The files of a folder by name; none where it cannot be listed.

    Args:
        folder: may be missing.
        suffixes: in small letters, of which a name must end in one; any if there are none.
    """
    return [folder / entry.name for entry in _entries(folder) if entry.is_file()
            and (not suffixes or entry.name.lower().endswith(suffixes))]  # fmt: skip


def folders_of(folder: Path) -> list[Path]:
    """The folders in a folder by name; none where it cannot be listed."""
    return [folder / entry.name for entry in _entries(folder) if entry.is_dir()]


def files_below(folder: Path, suffixes: tuple[str, ...]) -> Iterator[str]:
    """The files of a folder and of those below, as paths relative to the folder, by name.

    Links to folders are not followed.
    """
    for entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from (
                f"{entry.name}/{name}" for name in files_below(folder / entry.name, suffixes)
            )
        elif entry.name.lower().endswith(suffixes) and entry.is_file():
            yield entry.name


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    see_content(folder)
    try:
        with os.scandir(folder) as entries:
            return sorted((e for e in entries if not is_stray(e.name)), key=lambda e: e.name)
    except OSError:
        return []
