"""Names of image files: one list of suffixes for all code that reads folders."""

import os
from pathlib import Path

from sedn.data.folders import files_of, is_stray
from sedn.data.images.content import FileContent, find_file, has_file
from sedn.data.near_names import plain
from sedn.errors import UserError
from sedn.seen import is_file

SUFFIXES = (
    ".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".jp2", ".avif",
    ".jfif", ".jpe", ".j2k", ".jpx", ".ppm", ".pgm", ".pbm", ".tga", ".heic", ".heif", ".hif",
)  # fmt: skip
"""Suffixes of images that are decoded, in small letters, the usual ones first."""
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
        self._plain: dict[str, dict[str, str]] = {}

    def find(self, name: str, where: str, other_name: str = "") -> FileContent:
        """The image called so, with its suffix or without, in the folder or below.

        Args:
            name: relative to the folder.
            where: names who asks in messages.
            other_name: another name of the image in the same folder, for where no image or several
                are called ``name``.

        Raises:
            UserError: there is none, or two differ only in their suffix.
        """
        if "\\" in name and not has_file(self._folder, name):
            name = name.replace("\\", "/")
        parent, slash, stem = name.rpartition("/")
        if parent not in self._names:
            self._names[parent] = _by_stem(self._folder / parent)
        paths = [f"{parent}{slash}{base}" for base in self._names[parent].get(stem, [])]
        if not paths and is_image(stem):
            paths = [name]
        other = f"{parent}{slash}{other_name}"
        if other_name and len(paths) != 1 and is_file(self._folder / other):
            paths = [other]
        if len(paths) > 1:
            raise UserError(
                f"{where} '{name}' may be {paths[0]} or {paths[1]} in {self._folder}; keep one"
            )
        return find_file(self._folder, paths[0] if paths else self._missing(name), where)

    def _missing(self, name: str) -> str:
        """A name with the suffix of a file that is called nearly so, or with the usual one."""
        parent, _, stem = name.rpartition("/")
        if parent not in self._plain:
            self._plain[parent] = {plain(s): f[0] for s, f in self._names[parent].items()}
        near = self._plain[parent].get(plain(stem))
        return f"{name}{os.path.splitext(near)[1] if near else SUFFIXES[0]}"  # noqa: PTH122


def _by_stem(folder: Path) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for file in files_of(folder, SUFFIXES):
        names.setdefault(file.stem, []).append(file.name)
    return names
