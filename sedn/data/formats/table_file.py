"""The file of a table, read raw: text of any usual separator and encoding, JSON lines, Parquet.

The header is read before anything is made of it, so that no name is changed on the way: a name that
is there twice, or is missing, is said.
"""

import csv
import gzip
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sedn.errors import UserError
from sedn.seen import read_file, see_content

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".jsonl")
"""Of tables; with ``.gz`` behind it, a text is compressed."""
_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE = 1 << 16
_SHOWN = 5


@dataclass(frozen=True)
class TableFile:
    """The rows of a table that are not blank."""

    path: Path
    cells: dict[str, Any]
    """The cells of each column, in the order of the header: a list, or an array of Arrow."""
    numbers: NDArray[np.int64]
    """``(rows,)``: the number of each row in the file, as a spreadsheet counts them."""
    said: tuple[str, ...] = ()
    """What was left out."""

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


def read_table_file(path: Path) -> TableFile:
    """Read a table, its cells as they are written: text stays text.

    Raises:
        UserError: it cannot be read, its header is unclear, or it has no rows.
    """
    try:
        names, columns, first = _READERS.get(_suffix(path), _read_text)(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such table") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    blank = _blank_rows(columns)
    kept = np.flatnonzero(~blank)
    if not len(kept):
        raise UserError(f"{path}: holds no rows; expected one for each image")
    said = []
    if len(kept) < len(blank):
        said.append(f"{count_of(len(blank) - len(kept), 'blank row')} left out")
        columns = [_take(column, kept) for column in columns]
    cells, dropped = _named(path, names, columns)
    return TableFile(path, cells, kept + first, (*said, *dropped))


def read_frame(path: Path) -> "pd.DataFrame":
    """A table as a frame.

    Raises:
        UserError: as of :func:`read_table_file`.
    """
    import pandas as pd

    cells = read_table_file(path).cells
    return pd.DataFrame(
        {n: c if isinstance(c, list) else c.to_pandas() for n, c in cells.items()}, dtype=object
    )


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


Raw = tuple[list[str], list[Any], int]
"""Names and cells of the columns, and the number of the first row."""


def _read_parquet(path: Path) -> Raw:
    import pyarrow as pa
    import pyarrow.parquet as pq

    see_content(path)
    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowException, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: cannot be read as Parquet: {reason}") from None
    names = [name for name in table.column_names if not name.startswith("__index_level_")]
    return names, [table.column(name) for name in names], 2


def _read_lines(path: Path) -> Raw:
    """An object of JSON in each line."""
    rows = []
    for number, line in enumerate(_decode(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}: line {number}: cannot be read as JSON: {error}") from None
        if not isinstance(row, dict):
            raise UserError(f'{path}: line {number}: expected an object such as {{"image": …}}')
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return names, [[row.get(name) for row in rows] for name in names], 1


def _decode(path: Path) -> str:
    data = read_file(path)
    if path.name.lower().endswith(".gz"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, ValueError) as error:
            raise UserError(f"{path}: cannot be decompressed: {error}") from None
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        kind = "UTF-16" if wide else "UTF-8"
        raise UserError(f"{path}: not {kind} at byte {error.start}; save it as UTF-8") from None


def _read_text(path: Path) -> Raw:
    import pyarrow as pa
    import pyarrow.csv as pc

    text = _decode(path)
    spoken = re.match(r"sep=(.)\r?\n", text)
    if spoken:
        text = text[spoken.end() :]
    delimiter = spoken[1] if spoken else _find_delimiter(text[:_SAMPLE])
    header_reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        names = next((row for row in header_reader if row), [])
    except csv.Error as error:
        raise UserError(f"{path}: cannot be read as CSV: {error}") from None
    if not names:
        raise UserError(f"{path}: holds no rows; expected one for each image")
    encoded = text.encode()
    del text
    wrong = _Wrong()

    def read(width: int) -> "pa.Table":
        columns = [str(index) for index in range(width)]
        return pc.read_csv(
            io.BytesIO(encoded),
            # The numbers of rows are known to one thread alone.
            read_options=pc.ReadOptions(
                column_names=columns, skip_rows=header_reader.line_num, use_threads=False
            ),
            parse_options=pc.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=wrong.take
            ),
            convert_options=pc.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False
            ),
        )

    try:
        table = read(len(names))
        if wrong.width > len(names) and not len(table):
            # Each row ends with separators that the header has not.
            names += [""] * (wrong.width - len(names))
            wrong = _Wrong()
            table = read(len(names))
            _check_surplus(path, names, table)
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            raise UserError(f"{path}: holds no rows; expected one for each image") from None
        raise UserError(f"{path}: cannot be read as CSV: {' '.join(str(error).split())}") from None
    wrong.refuse(path, len(names))
    return names, table.columns, 2


@dataclass
class _Wrong:
    """Rows that have more or fewer cells than the header."""

    first: list[tuple[int, int, str]] = field(default_factory=list)
    """Number, cells and text of a few."""
    count: int = 0
    width: int = 0
    """Cells of all of them; 0 if they differ."""

    def take(self, row: Any) -> str:
        """Keep one for the message; its rows are skipped."""
        if len(self.first) < _SHOWN:
            self.first.append((row.number, row.actual_columns, row.text))
        self.width = (
            row.actual_columns if self.count == 0 or self.width == row.actual_columns else 0
        )
        self.count += 1
        return "skip"

    def refuse(self, path: Path, width: int) -> None:
        """Raise if there are any."""
        if not self.count:
            return
        number, cells, text = self.first[0]
        if text.count('"') % 2:
            raise UserError(
                f"{path}: cannot be read as CSV: row {number} opens a quote that is not closed"
            )
        rows = ", ".join(str(number) for number, _, _ in self.first[1:])
        others = f" ({self.count} such rows: also {rows}{', …' * (self.count > _SHOWN)})"
        raise UserError(
            f"{path}: row {number} has {count_of(cells, 'cell')}, but the header names "
            f"{count_of(width, 'column')}{others if rows else ''}"
        )


def _check_surplus(path: Path, names: Sequence[str], table: Any) -> None:
    surplus = [index for index, name in enumerate(names) if not name]
    for index in surplus:
        if any(not _is_blank(cell) for cell in table.column(index).to_pylist()):
            width = len(names) - len(surplus)
            raise UserError(
                f"{path}: each row has {len(names)} cells, but the header names {width} columns; "
                f"name the others too"
            )


def count_of(number: int, thing: str) -> str:
    """``1 cell``, ``2 cells``."""
    return f"{number} {thing}{'s' * (number != 1)}"


def _find_delimiter(text: str) -> str:
    """What parts the cells: the header has it, and the rows as often as the header."""
    widths = {}
    for delimiter in _DELIMITERS:
        try:
            rows = [
                row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row
            ]
        except csv.Error:
            continue
        # The sample may end within a row.
        body = rows[1:-1] if len(rows) > 2 else rows[1:]
        if rows and len(rows[0]) > 1:
            agreeing = sum(len(row) >= len(rows[0]) for row in body)
            widths[delimiter] = (agreeing / max(len(body), 1), len(rows[0]))
    return max(widths, key=lambda delimiter: widths[delimiter]) if widths else ","


def _named(
    path: Path, names: Sequence[str], columns: Sequence[Any]
) -> tuple[dict[str, Any], list[str]]:
    """Columns by name; those without one are left out if they are empty or number the rows."""
    cells: dict[str, Any] = {}
    said = []
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
            said.append(f"column {place} left out: it has no name and no values")
        elif _numbers_rows(values):
            said.append(f"column {place} left out: it has no name and numbers the rows")
        else:
            raise UserError(f"{path}: column {place} has no name in the header; name it")
    return cells, said


def _numbers_rows(values: Sequence[Any]) -> bool:
    try:
        numbers = [int(value) for value in values]
    except (TypeError, ValueError):
        return False
    return len(set(numbers)) == len(numbers)


_READERS = {".parquet": _read_parquet, ".pq": _read_parquet, ".jsonl": _read_lines}
