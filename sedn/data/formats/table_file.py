"""The file of a table, read raw: text, JSON lines, Parquet.

The header is read before anything is made of it, so that no name is changed on the way: a name that
is there twice, or is missing, is noted.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sedn.data.faults import Faults
from sedn.data.formats.text_tables import RawTable, decode, read_text_table
from sedn.data.near_names import near_name
from sedn.errors import UserError
from sedn.seen import see_content
from sedn.style import count_of

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".jsonl")
"""Suffixes of tables; a further ``.gz`` marks a compressed text."""


@dataclass(frozen=True)
class TableFile:
    """The rows of a table that are not blank."""

    path: Path
    cells: dict[str, Any]
    """The cells of each column, in the order of the header: a list, or an array of Arrow."""
    numbers: NDArray[np.int64]
    """``(rows,)``: the number of each row in the file, as a spreadsheet counts them."""
    notes: tuple[str, ...] = ()
    """Notes of the rows and columns that were left out."""
    skipped: int = 0
    """Rows that do not have the cells of the header."""

    def __len__(self) -> int:
        return len(self.numbers)

    def where(self, row: int) -> str:
        """Names a row in messages."""
        return f"{self.path}: row {self.numbers[row]}"

    def values(self, name: str) -> list[Any]:
        """The cells of one column."""
        return _plain(self.cells[name])


def is_table(path: Path) -> bool:
    """Whether the name of a file is that of a table."""
    return _suffix(path) in SUFFIXES


def read_table_file(path: Path, faults: Faults) -> TableFile:
    """Read a table, its cells as they are written: text stays text.

    Args:
        path: of the table.
        faults: the faults noted so far; rows that do not have the cells of the header are added.

    Raises:
        UserError: the table cannot be read, has no clear header, or no rows.
    """
    try:
        raw = _READERS.get(_suffix(path), read_text_table)(path, faults)
    except FileNotFoundError:
        raise UserError(f"{path}: no such table{near_name(str(path))}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    columns = raw.columns
    blank = _blank_rows(columns)
    kept = np.flatnonzero(~blank)
    if not len(kept):
        raise UserError(f"{path}: holds no rows; expected one for each image")
    notes = []
    if len(kept) < len(blank):
        notes.append(f"{count_of(len(blank) - len(kept), 'blank row')} left out")
        columns = [_take(column, kept) for column in columns]
    cells, dropped = _named(path, raw.names, columns)
    return TableFile(path, cells, raw.numbers[kept], (*notes, *dropped), raw.skipped)


def read_frame(path: Path, faults: Faults) -> "pd.DataFrame":
    """A table as a frame, its index the numbers of the rows.

    Raises:
        UserError: as of :func:`read_table_file`.
    """
    import pandas as pd

    file = read_table_file(path, faults)
    cells = {n: c if isinstance(c, list) else c.to_pandas() for n, c in file.cells.items()}
    frame = pd.DataFrame(cells, dtype=object)
    frame.index = pd.Index(file.numbers)
    return frame


def _suffix(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def _is_blank(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _plain(column: Any) -> list[Any]:
    cells: list[Any] = column if isinstance(column, list) else column.to_pylist()
    return cells


def _take(column: Any, rows: NDArray[np.int64]) -> Any:
    return [column[row] for row in rows] if isinstance(column, list) else column.take(rows)


def _blank_rows(columns: Sequence[Any]) -> NDArray[np.bool_]:
    """``(rows,)``: whether all cells of a row are blank."""
    if not columns:
        return np.zeros(0, dtype=bool)
    candidates = np.arange(len(columns[0]))
    for column in columns:
        cells = _plain(_take(column, candidates) if len(candidates) < len(column) else column)
        candidates = candidates[[_is_blank(cell) for cell in cells]]
        if not len(candidates):
            break
    blank = np.zeros(len(columns[0]), dtype=bool)
    blank[candidates] = True
    return blank


def _read_parquet(path: Path, _: Faults) -> RawTable:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        see_content(path)
        table = pq.ParquetFile(path).read()
    except (pa.ArrowException, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: cannot be read as Parquet: {reason}") from None
    names = [name for name in table.column_names if not name.startswith("__index_level_")]
    return RawTable(names, [table.column(name) for name in names], np.arange(len(table)) + 2)


def _read_lines(path: Path, faults: Faults) -> RawTable:
    """An object of JSON in each line."""
    rows, numbers = [], []
    skipped = 0
    for number, line in enumerate(decode(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if not isinstance(row, dict):
                raise TypeError(f'expected an object such as {{"image": …}}, got {line:.40}')
        except (ValueError, TypeError, RecursionError) as error:
            faults.add("bad row", f"{path}: line {number}: cannot be read as JSON: {error}")
            skipped += 1
            continue
        rows.append(row)
        numbers.append(number)
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = [[row.get(name) for row in rows] for name in names]
    return RawTable(names, columns, np.array(numbers, dtype=np.int64), skipped)


def _named(
    path: Path, names: Sequence[str], columns: Sequence[Any]
) -> tuple[dict[str, Any], list[str]]:
    """Columns by name; those without one are left out if they are empty or number the rows."""
    cells: dict[str, Any] = {}
    notes = []
    for place, (name, values) in enumerate(zip(names, columns, strict=True), 1):
        plain = str(name).strip()
        if plain in cells:
            first = [str(n).strip() for n in names].index(plain) + 1
            raise UserError(
                f"{path}: columns {first} and {place} are both named '{plain}'; rename one"
            )
        if plain:
            cells[plain] = values
            continue
        values = _plain(values)
        if all(map(_is_blank, values)):
            notes.append(f"column {place} left out: it has no name and no values")
        elif _numbers_rows(values):
            notes.append(f"column {place} left out: it has no name and numbers the rows")
        else:
            raise UserError(f"{path}: column {place} has no name in the header; name it")
    return cells, notes


def _numbers_rows(values: Sequence[Any]) -> bool:
    try:
        numbers = [int(value) for value in values]
    except (TypeError, ValueError):
        return False
    return len(set(numbers)) == len(numbers)


_READERS: dict[str, Callable[[Path, Faults], RawTable]] = {
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
    ".jsonl": _read_lines,
}
