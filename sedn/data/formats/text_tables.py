"""Tables as text, of any usual separator and encoding."""

import csv
import gzip
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sedn.data.faults import Faults
from sedn.errors import UserError
from sedn.seen import read_file
from sedn.style import count_of

if TYPE_CHECKING:
    import pyarrow as pa

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE = 1 << 16


@dataclass(frozen=True)
class RawTable:
    """The cells of a table as they are written."""

    names: list[str]
    """The names of the columns, as the header has them."""
    columns: list[Any]
    """A list or an array of Arrow each."""
    numbers: NDArray[np.int64]
    """``(rows,)``: the number of each row in the file, as a spreadsheet counts them."""
    skipped: int = 0
    """Rows that do not have the cells of the header."""


def decode(path: Path) -> str:
    """The text of a file in UTF-8 or UTF-16, compressed or not.

    Raises:
        UserError: the file is no such text.
        OSError: the file cannot be read.
    """
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


def read_text_table(path: Path, faults: Faults) -> RawTable:
    """The cells of a text.

    Args:
        path: of the text, which may be compressed.
        faults: the faults noted so far; rows that are longer or shorter than the header are added.

    Raises:
        UserError: the text is no table, or has no rows.
    """
    import pyarrow as pa

    text = decode(path)
    spoken = re.match(r"sep=(.)\r?\n", text)
    if spoken:
        text = text[spoken.end() :]
    delimiter = spoken[1] if spoken else _find_delimiter(text[:_SAMPLE])
    names, header_lines = _read_header(text, delimiter, path)
    encoded = text.encode()
    del text
    wrong = _Wrong()
    try:
        table = _parse(encoded, delimiter, header_lines, len(names), wrong)
        if wrong.width > len(names) and not len(table):
            # Each row ends with separators that the header has not.
            names += [""] * (wrong.width - len(names))
            wrong = _Wrong()
            table = _parse(encoded, delimiter, header_lines, len(names), wrong)
            _check_surplus(path, names, table)
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            raise UserError(f"{path}: holds no rows; expected one for each image") from None
        raise UserError(f"{path}: cannot be read as CSV: {' '.join(str(error).split())}") from None
    wrong.note(path, len(names), faults)
    if wrong.numbers and not len(table):
        raise UserError(f"{path}: no row has as many cells as the header")
    numbers = np.setdiff1d(np.arange(2, len(table) + len(wrong.numbers) + 2), wrong.numbers)
    return RawTable(names, table.columns, numbers, len(wrong.numbers))


def _read_header(text: str, delimiter: str, path: Path) -> tuple[list[str], int]:
    """The names of the columns, and how many lines they take."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        names = next((row for row in reader if row), [])
    except csv.Error as error:
        raise UserError(f"{path}: cannot be read as CSV: {error}") from None
    if not names:
        raise UserError(f"{path}: holds no rows; expected one for each image")
    return names, reader.line_num


def _parse(
    encoded: bytes, delimiter: str, header_lines: int, width: int, wrong: "_Wrong"
) -> "pa.Table":
    """The rows of as many cells, all as text; others are taken by ``wrong``."""
    import pyarrow as pa
    import pyarrow.csv as pc

    columns = [str(index) for index in range(width)]
    return pc.read_csv(
        io.BytesIO(encoded),
        # The numbers of rows are known to one thread alone.
        read_options=pc.ReadOptions(
            column_names=columns, skip_rows=header_lines, use_threads=False
        ),
        parse_options=pc.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, invalid_row_handler=wrong.take
        ),
        convert_options=pc.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False
        ),
    )


@dataclass
class _Wrong:
    """Rows that have more or fewer cells than the header."""

    numbers: list[int] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    """How many each has."""
    first: str = ""
    """The text of the first."""

    def take(self, row: Any) -> str:
        """Keep the message on a row; the row is skipped."""
        if not self.numbers:
            self.first = row.text
        self.numbers.append(row.number)
        self.cells.append(row.actual_columns)
        return "skip"

    @property
    def width(self) -> int:
        """Cells of all of them; 0 if they differ."""
        return self.cells[0] if len(set(self.cells)) == 1 else 0

    def note(self, path: Path, width: int, faults: Faults) -> None:
        """Note each as a fault.

        Raises:
            UserError: the rest of the file is within a quote.
        """
        if self.first.count('"') % 2:
            raise UserError(
                f"{path}: cannot be read as CSV: row {self.numbers[0]} opens a quote that is not "
                f"closed"
            )
        for number, cells in zip(self.numbers, self.cells, strict=True):
            faults.add(
                "bad row",
                f"{path}: row {number} has {count_of(cells, 'cell')}, but the header names "
                f"{count_of(width, 'column')}",
            )


def _check_surplus(path: Path, names: Sequence[str], table: Any) -> None:
    surplus = [index for index, name in enumerate(names) if not name]
    for index in surplus:
        if any(cell.strip() for cell in table.column(index).to_pylist()):
            width = len(names) - len(surplus)
            raise UserError(
                f"{path}: each row has {len(names)} cells, but the header names {width} columns; "
                f"name the others too"
            )


def _find_delimiter(text: str) -> str:
    """The delimiter that the header has, and the rows as often as the header."""
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
