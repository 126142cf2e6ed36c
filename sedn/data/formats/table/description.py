"""Fields of the ``data.yaml`` of a table."""

from typing import Literal

from sedn.data.formats.columns.description import ColumnsDescription
from sedn.data.formats.description import BySplit


class TableDescription(ColumnsDescription):
    """A table with a row for each image, or for each label of an image."""

    format: Literal["table"] = "table"
    table: BySplit
    """With a table for each split, paths in it are relative to its own folder."""
    images: str = "."
    """The folder that the paths of images and masks are relative to."""
    maps: BySplit | None = None
    """A folder of masks that are named as their images, or one for each split, where no column
    names masks."""
    split_column: str | None = None
    """by default ``split``, ``is_valid`` and the like."""
