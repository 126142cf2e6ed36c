"""Which files are images, going by their names: one list for all that reads folders."""

import os
from pathlib import Path

from sedn.data.content import FileContent, find_file
from sedn.data.folders import files_of, is_stray
from sedn.errors import UserError
from sedn.seen import is_file

SUFFIXES = (
    ".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".jp2", ".avif",
    ".jfif", ".jpe", ".j2k", ".jpx", ".ppm", ".pgm", ".pbm", ".tga", ".heic", ".heif", ".hif",
)  # fmt: skip
"""Of images that are decoded, in small letters, the usual ones first."""
EXPECTED = "JPEG, PNG, WebP, TIFF, BMP, GIF, JPEG 2000, AVIF or HEIC"


def is_image(name: str) -> bool:
    """Whether a file is an image; hidden ones, such as ``._1.jpg`` of macOS, are none."""
    return not is_stray(name) and os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122


class ImageFolder:
    """The images of a folder by stem.

    Args:
        folder: may be missing; then it holds none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[str, dict[str, list[str]]] = {}

    def find(self, name: str, where: str, said: str = "") -> FileContent:
        """The image called so, with its suffix or without, in the folder or below.

        Args:
            name: relative to the folder.
            where: names who asks in messages.
            said: another name of the image in the same folder, for where no image or several are
                called ``name``.

        Raises:
            UserError: there is none, or two differ only in their suffix.
        """
        parent, slash, stem = name.rpartition("/")
        if parent not in self._names:
            self._names[parent] = _by_stem(self._folder / parent)
        found = [f"{parent}{slash}{base}" for base in self._names[parent].get(stem, [])]
        if not found and is_image(stem):
            found = [name]
        other = f"{parent}{slash}{said}"
        if said and len(found) != 1 and is_file(self._folder / other):
            found = [other]
        if len(found) > 1:
            raise UserError(
                f"{where} '{name}' may be {found[0]} or {found[1]} in {self._folder}; keep one"
            )
        return find_file(self._folder, found[0] if found else f"{name}{SUFFIXES[0]}", where)


def _by_stem(folder: Path) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for file in files_of(folder, SUFFIXES):
        names.setdefault(file.stem, []).append(file.name)
    return names
