"""Images in the columns of Parquet files, as the Hugging Face hub keeps them."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sedn.data.images.content import stamp_of
from sedn.seen import FileState, file_state


@dataclass(frozen=True, slots=True)
class ParquetContent:
    """The image in one row of a column of a Parquet file."""

    path: str
    column: str
    group: int
    """The row group of the file, and"""
    row: int
    """the row in it."""
    number: int
    """The row in the file, the first being 0."""

    @property
    def name(self) -> str:
        """``data/train-0.parquet/image 12``: file, column and row."""
        return f"{self.path}/{self.column} {self.number}"

    def read(self) -> bytes:
        """Read the bytes as they are in the file."""
        group = _group(self.path, self.column, self.group, file_state(Path(self.path).stat()))
        stored: bytes = group[self.row].as_py()
        return stored

    def stamp(self) -> str:
        """File, column and row, and the state of the file."""
        return stamp_of(self.name, file_state(Path(self.path).stat()))


@lru_cache(maxsize=8)
def _group(path: str, column: str, group: int, _state: FileState) -> Any:
    """The bytes of one row group; of few at a time, for each may be large. Read again when the file
    has changed.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path).read_row_group(group, columns=[column])
    except pa.ArrowException as error:
        raise OSError(f"cannot be read as Parquet: {error}") from None
    return pc.struct_field(table.column(column), "bytes")
