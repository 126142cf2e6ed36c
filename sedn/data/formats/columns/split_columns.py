"""The columns that give the split of each image: a column of words, or flags such as
``is_valid``."""

import re
from collections.abc import Mapping, Sequence

from sedn.data.faults import Faults
from sedn.data.formats.columns.cells import (
    Column,
    is_binary,
    note_cells,
    plain_name,
    read_flags,
)
from sedn.data.splits.cutting import is_split, split_name
from sedn.errors import Question, UserError, did_you_mean

_NAMES = ("split", "splits", "subset", "partition", "set", "datasplit", "phase", "fold")
_FLAG = re.compile(r"(?:is_?)(train|training|val|valid|validation|dev|test|testing)", re.IGNORECASE)
_BARE = re.compile(r"train|training|val|valid|validation|dev|test|testing", re.IGNORECASE)
"""A flag as well, or a label: there are photographs of a train."""


def find_split_columns(
    columns: Mapping[str, Column], named: str | None, meant: Sequence[str], source: str
) -> tuple[str, ...]:
    """The column of the splits, or several flags; nothing if the data says nothing of splits.

    Args:
        columns: those that may be.
        named: by the description.
        meant: columns that the description takes for something else.
        source: names the data in messages.

    Raises:
        UserError: the named one is not there, or two readings are plausible.
    """
    if named is not None:
        if named not in columns:
            raise UserError(f"{source}: no column '{named}'{did_you_mean(named, columns)}")
        return (named,)
    free = {name: column for name, column in columns.items() if name not in meant}
    words = [name for name, column in free.items() if _is_split(column)]
    binary = [name for name, column in free.items() if is_binary(column)]
    flags = [name for name in binary if _FLAG.fullmatch(name.strip())]
    bare = [name for name in binary if _BARE.fullmatch(name.strip())]
    if len(bare) > 1 and _is_one_of(free, bare):
        flags, bare = [*flags, *bare], []
    if bare:
        raise Question(
            f"{source}: column '{bare[0]}' may be a label, or say which images are of a split; "
            f"say which with split_column: {bare[0]}, with labels: and all labels, or with "
            f"leave_out: [{bare[0]}]",
            [
                {"split_column": bare[0]},
                {"labels": [name for name in binary if name not in flags]},
                {"leave_out": [bare[0]]},
            ],
        )
    if len(words) + bool(flags) > 1:
        rivals = [*words, *flags]
        raise Question(
            f"{source}: columns '{rivals[0]}' and '{rivals[1]}' both say the split of an image; "
            f"say which counts with split_column:",
            [{"split_column": name} for name in rivals],
        )
    return tuple(words or flags)


def read_splits(columns: Sequence[Column], faults: Faults) -> tuple[tuple[str, ...], str]:
    """The split of each row, and a note on how the cells were read; a cell that names no
    split, and flags that contradict each other, are noted as faults.
    """
    first = columns[0]
    if not _flag_of(first):
        names, wrong = [], {}
        for index, cell in enumerate(first.cells):
            try:
                names.append(split_name("" if cell is None else str(cell), first.name))
            except UserError as error:
                names.append("")
                wrong[index] = str(error)
        note_cells(faults, first, wrong, lambda cell: wrong[cell])
        return tuple(names[code] for code in first.codes.tolist()), f"column '{first.name}'"
    flags = {_flag_of(column): read_flags(column, {}, faults) for column in columns}
    rest = next((s for s in ("train", "test", "validation") if s not in flags), "")
    splits = []
    for row in range(len(first)):
        values = [flag[row] for flag in flags.values()]
        there = [split for split, flag in flags.items() if flag[row] == 1]
        if any(value != value for value in values) or len(there) > 1 or not (there or rest):
            flagged = ", ".join(f"{c.name} {c.cells[c.codes[row]]}" for c in columns)
            faults.add("bad cell", f"{first.where(row)}: {flagged}: that is no split", row)
        splits.append(there[0] if there else rest)
    meanings = ", ".join(f"'{c.name}' means {_flag_of(c)}" for c in columns)
    others = f"; the others are {rest}" if rest else ""
    return tuple(splits), f"column {meanings}{others}"


def _flag_of(column: Column) -> str:
    """The split of the images that a flag marks; ``""`` if the column is no flag."""
    name = column.name.strip()
    match = _FLAG.fullmatch(name)
    word = match[1] if match else name if _BARE.fullmatch(name) else ""
    return split_name(word, column.source) if word and is_binary(column) else ""


def _is_split(column: Column) -> bool:
    """Whether the cells name splits; under a usual name half of them suffice, so that a wrong one
    among them is reported.
    """
    cells = [str(cell) for cell in column.cells if cell is not None]
    counts = column.counts()[[cell is not None for cell in column.cells]]
    known = sum(n for cell, n in zip(cells, counts.tolist(), strict=True) if is_split(cell))
    name = plain_name(column.name)
    if name == "split":
        return bool(cells)
    if name in _NAMES:
        return bool(known * 2 >= counts.sum() > 0)
    return len(cells) > 1 and bool(known == counts.sum())


def _is_one_of(columns: Mapping[str, Column], names: Sequence[str]) -> bool:
    """Whether exactly one of the flags is set in each row."""
    flags = [read_flags(columns[name], {}, Faults("")) for name in names]
    return all(sum(row) == 1 for row in zip(*flags, strict=True))
