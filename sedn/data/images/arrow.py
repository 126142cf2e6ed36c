"""Images in the columns of an Arrow data set that Hugging Face's ``datasets`` saved."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sedn.data.images.content import stamp_of
from sedn.errors import UserError
from sedn.extras import check_extra
from sedn.seen import FileState, file_state, see_tree

STATE = "state.json"
"""Written anew with each data set that is saved to its folder."""


@dataclass(frozen=True, slots=True)
class ArrowContent:
    """The image in one row of a column of an Arrow file."""

    folder: str
    """The folder of a ``Dataset``, which is one split of a ``DatasetDict``."""
    column: str
    row: int

    @property
    def name(self) -> str:
        """``data/train/image 12``: folder, column and row, the first row being 0."""
        return f"{self.folder}/{self.column} {self.row}"

    def read(self) -> bytes:
        """Read the bytes as they are saved in the column."""
        rows = _open(self.folder, self.column, _state(self.folder))
        stored: bytes = rows[self.row][self.column]["bytes"]
        return stored

    def stamp(self) -> str:
        """Folder, column, row, and when a data set was last saved to the folder."""
        return stamp_of(self.name, _state(self.folder))


def open_arrow(folder: Path) -> Any:
    """The ``Dataset`` saved to the folder, with its images as bytes and paths.

    Raises:
        UserError: the data set cannot be opened, or ``datasets`` is not installed.
    """
    check_extra(str(folder), "huggingface")
    import datasets
    import pyarrow as pa

    see_tree(folder)
    try:
        # It may have been saved to give tensors.
        dataset = datasets.load_from_disk(str(folder)).with_format(None)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{folder}: cannot be read as a saved data set: {reason}") from None
    for column, feature in dataset.features.items():
        if isinstance(feature, datasets.Image):
            dataset = dataset.cast_column(column, datasets.Image(decode=False))
    return dataset


def _state(folder: str) -> FileState:
    return file_state((Path(folder) / STATE).stat())


@lru_cache(maxsize=16)
def _open(folder: str, column: str, _state: FileState) -> Any:
    """Open an Arrow file once in each process, and again when the file has changed."""
    return open_arrow(Path(folder)).select_columns([column])
