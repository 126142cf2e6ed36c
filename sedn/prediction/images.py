"""The images that are named on a command line, or lie in folders named there."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from sedn.data.folders import is_stray
from sedn.data.images.names import EXPECTED, is_image
from sedn.errors import UserError
from sedn.files import is_same


def find_images(paths: Iterable[Path], leave_out: Path | None = None) -> Iterator[Path]:
    """Each file of ``paths``, and the images in each folder and the folders below it, by name.

    Nothing is read ahead, so that ``paths`` may be an endless list. A file is an image whatever it
    is called; in a folder the suffix decides, as for training, and hidden files and links to
    folders are passed over. So is the folder ``leave_out``, such as that of masks, below another
    one.

    Raises:
        UserError: there is no image at all, none in a folder, or a folder cannot be read.
    """
    path = None
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        image = None
        for image in _walk(path, leave_out):
            yield image
        if image is None:
            raise UserError(f"{path}: holds no image; expected {EXPECTED} files in it")
    if path is None:
        raise UserError("no image: name files or folders, or give a list of paths on stdin")


def _walk(folder: Path, leave_out: Path | None) -> Iterator[Path]:
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        raise UserError(f"{folder}: cannot be read: {error.strerror}") from None
    for entry in entries:
        if is_stray(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            if leave_out is None or not is_same(folder / entry.name, leave_out):
                yield from _walk(folder / entry.name, leave_out)
        elif is_image(entry.name) and entry.is_file():
            yield folder / entry.name
