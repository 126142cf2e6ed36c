"""The names of images: what results, splits and the fingerprint of a data set call an image."""

import os
from collections.abc import Sequence
from pathlib import Path


def relative_names(paths: Sequence[str], folder: Path) -> tuple[str, ...]:
    """The paths relative to the folder of a data set, with ``../`` where they lie beside it.

    A name depends neither on the working directory nor on how the path of the data is spelled
    (``../products.csv``), and stays where all of it moves. A path that shares no folder with the
    data, as on another disk, stays absolute.
    """
    base = os.path.normpath(folder)
    heads: dict[str, str] = {}
    names = []
    for path in paths:
        head, tail = os.path.split(path)
        if head not in heads:
            heads[head] = _relative(head, base)
        names.append(heads[head] + tail)
    return tuple(names)


def _relative(head: str, base: str) -> str:
    """What stands before the names of a folder's files."""
    there, here = os.path.abspath(head), os.path.abspath(base)  # noqa: PTH100 (takes out "..")
    if os.path.commonpath([there, here]) == os.sep != here:
        return os.path.join(there, "")  # noqa: PTH118
    way = os.path.relpath(there, here)
    return "" if way == os.curdir else f"{way}/"
