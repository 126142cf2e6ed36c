"""A format of data: how data of the format are described, read, and recognised by the path
alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sedn.data.faults import Faults
from sedn.data.formats.description import Description
from sedn.data.listing import Listing

Fields = dict[str, Any]
"""The fields of a ``data.yaml``."""
Recognise = Callable[[Path], Fields | None]
"""The fields of a ``data.yaml`` for a path; ``None`` if the data is not of the format.

Raises:
    UserError: the data is of the format, and wrong or not clear.
"""


def _never(_: Path) -> None:
    return None


@dataclass(frozen=True)
class DataFormat:
    """A format of data."""

    title: str
    """The name of the format in messages."""
    description: type[Description]
    """The fields of its ``data.yaml``."""
    read: Callable[[Any, Path, Faults], Listing]
    """``read(description, folder, faults)``: the folder is what paths in the description are
    relative to. What is wrong with an image is noted in the faults, and the image left out.

    Raises:
        UserError: nothing can be read, or two readings are plausible.
    """
    paths: tuple[str, ...]
    """Fields that hold a path, a list of them, or one for each split."""
    of_file: Recognise = _never
    """Recognises a file of the format."""
    of_folder: Recognise = _never
    """Recognises a folder that can be of this format alone."""
    may_be: Recognise = _never
    """Recognises a folder that may be of other formats too."""
    yields_to: tuple[str, ...] = ()
    """Formats for which such a folder is not of this one."""
    of_yaml: Callable[[Mapping[Any, Any], Path], Fields | None] = lambda fields, path: None
    """For the content of a YAML that tools of the format write, and its path."""
