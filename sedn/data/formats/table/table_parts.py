"""The rows of one table, or of one table for each split."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sedn.data.faults import Faults
from sedn.data.formats.columns.cells import Column, make_column
from sedn.data.formats.parts import by_split
from sedn.data.formats.table.description import TableDescription
from sedn.data.formats.table_file import TableFile, read_table_file
from sedn.errors import UserError


@dataclass(frozen=True)
class TableRows:
    """The rows of all tables, one after the other."""

    source: Path
    """The table, or the folder of several."""
    files: tuple[TableFile, ...]
    splits: tuple[str, ...]
    """The split of each table; ``""`` where there is only one table."""
    folders: tuple[str, ...]
    """The folder to which the paths in each table are relative, from the folder of the images."""

    def __len__(self) -> int:
        return sum(map(len, self.files))

    @property
    def skipped(self) -> int:
        """Rows that were left out since they cannot be split into cells."""
        return sum(file.skipped for file in self.files)

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return list(self.files[0].cells)

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes of the rows and columns that were left out of the tables."""
        several = len(self.files) > 1
        return tuple(
            f"{file.path}: {note}" if several else note
            for file in self.files
            for note in file.notes
        )

    def where(self, row: int) -> str:
        """Names a row in messages."""
        for file in self.files:
            if row < len(file):
                break
            row -= len(file)
        return file.where(row)

    def column(self, name: str) -> Column:
        """A column of all tables."""
        values = [value for file in self.files for value in file.values(name)]
        return make_column(name, values, str(self.source), self.where)

    def paths(self, name: str) -> Column:
        """A column of paths, each from the folder of the images."""
        values = [
            f"{folder}/{value}" if folder and isinstance(value, str) and value.strip() else value
            for file, folder in zip(self.files, self.folders, strict=True)
            for value in file.values(name)
        ]
        return make_column(name, values, str(self.source), self.where)

    def row_splits(self) -> tuple[str, ...]:
        """The split of each row; nothing where there is but one table."""
        if len(self.files) == 1 and not self.splits[0]:
            return ()
        return tuple(
            split
            for file, split in zip(self.files, self.splits, strict=True)
            for _ in range(len(file))
        )


def read_table_rows(description: TableDescription, folder: Path, faults: Faults) -> TableRows:
    """Read the table, or the table of each split; rows without the cells of the header are faults.

    Raises:
        UserError: one cannot be read, or they differ in their columns.
    """
    if isinstance(description.table, str):
        file = read_table_file(folder / description.table, faults)
        return TableRows(file.path, (file,), ("",), ("",))
    named = by_split(description.table, f"{folder}: table")
    files = tuple(read_table_file(folder / path, faults) for path in named.values())
    _check_columns(files)
    root = folder / description.images
    folders = tuple(_below(root, file.path.parent) for file in files)
    return TableRows(folder, files, tuple(named), folders)


def _below(root: Path, folder: Path) -> str:
    """The folder from the root; ``""`` if it is the root, or does not lie in it."""
    relative = os.path.relpath(folder, root)
    return "" if relative.startswith((os.curdir, os.pardir)) else Path(relative).as_posix()


def _check_columns(files: Sequence[TableFile]) -> None:
    first = files[0]
    for file in files[1:]:
        odd = sorted(set(file.cells) ^ set(first.cells))
        if odd:
            there, lacking = (file, first) if odd[0] in file.cells else (first, file)
            raise UserError(
                f"{lacking.path}: no column '{odd[0]}', which {there.path} has; the tables of all "
                f"splits need the same columns"
            )
