"""Labels, splits and groups of the rows, from columns whose meaning is known."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedn.data.dataset import SOFT
from sedn.data.faults import Faults
from sedn.data.formats.columns.cells import (
    Column,
    absent_minus_one,
    given_words,
    judge,
    read_flags,
    word_of,
)
from sedn.data.formats.columns.columns import Reading, read_groups
from sedn.data.formats.columns.description import ColumnsDescription
from sedn.data.formats.columns.label_lists import check_names, read_label_lists
from sedn.data.formats.columns.split_columns import read_splits
from sedn.errors import Question, UserError, did_you_mean, some_of
from sedn.style import count_of

MAP_COLUMNS = ("map", "mask")
_PLAIN = ("1", "0", "true", "false")
_WORDS = 8
"""Most words for present, absent and unknown that a note names."""


def pick_column(
    columns: Iterable[str], named: str | None, usual: Sequence[str], where: str
) -> str | None:
    """The column that is named, or one of the usual ones that is there; ``None`` if none is.

    Raises:
        UserError: the named one is not there, or two of the usual ones are.
    """
    columns = list(columns)
    if named is not None:
        if named not in columns:
            raise UserError(f"{where}: no column '{named}'{did_you_mean(named, columns)}")
        return named
    there = [column for column in usual if column in columns]
    if len(there) > 1:
        raise UserError(f"{where}: columns '{there[0]}' and '{there[1]}' mean the same; keep one")
    return there[0] if there else None


def read_labels(
    columns: Mapping[str, Column],
    reading: Reading,
    description: ColumnsDescription,
    source: Path,
    faults: Faults,
    classes: Sequence[str] = (),
) -> tuple[tuple[str, ...], NDArray[np.float32], tuple[str, ...], dict[str, Any]]:
    """Labels, targets ``(rows, labels)``, how they were read, and the fields that say so.

    Args:
        columns: all but the image and its map.
        reading: what they mean.
        description: decides what is not clear.
        source: names the data in messages.
        faults: the faults noted so far, to which wrong cells are added.
        classes: the order of labels that are listed, where the data has one.

    Raises:
        UserError: two readings are plausible, or there is no label.
    """
    if reading.listed:
        lists = read_label_lists(columns[reading.listed], description, faults, classes)
        note = f"labels: column '{reading.listed}', {', '.join(lists.notes)}"
        fields = {"label_list": reading.listed, **lists.fields}
        return lists.labels, lists.targets, (note,), fields
    labels = reading.labels
    check_names(labels, str(source), description.labels or ())
    flags = [columns[label] for label in labels]
    given = given_words(description.values)
    words = absent_minus_one(flags, given)
    targets = np.stack(
        [read_flags(c, words, faults, soft=c.name in reading.soft) for c in flags], axis=1
    )
    if not (targets < 1).any() and any(None in column.cells for column in flags):
        raise _only_ones(labels, source)
    note = f"labels: {count_of(len(labels), 'column')} of 1 and 0"
    note += _say_words(flags, words)
    if soft := some_of(f"'{name}'" for name in reading.soft):
        note += f", with numbers between in {soft}: {SOFT}"
    if "" not in given:
        note += _say_blank(flags)
    return labels, targets, (note,), {"labels": [*labels]}


def _only_ones(labels: Sequence[str], source: Path) -> Question:
    several = len(labels) > 1
    return Question(
        f"{source}: {'columns' if several else 'column'} '{labels[0]}'{', …' if several else ''} "
        f"hold 1 and nothing, but no 0; if nothing means 0, say so with values: {{'': 0}}",
        [{"values": {"": 0}}],
    )


def _say_blank(flags: Sequence[Column]) -> str:
    """How many cells are blank, and what that means; nothing if none is."""
    blank = sum(
        int(column.counts()[column.cells.index(None)]) for column in flags if None in column.cells
    )
    if not blank:
        return ""
    cells = "cell means" if blank == 1 else "cells mean"
    return f", {blank:,} blank {cells} unknown ('values: {{'': 0}}' in data.yaml reads them as 0)"


def _say_words(flags: Sequence[Column], given: Mapping[str, float]) -> str:
    """Describe the meaning of words other than 1, 0 and nothing."""
    meanings: dict[str, float] = {}
    for column in flags:
        for cell, meaning in zip(column.cells, judge(column, given), strict=True):
            if cell is not None and meaning is not None and word_of(cell) not in _PLAIN:
                meanings.setdefault(word_of(cell), meaning)
    meant = [
        f"{word if word.lstrip('-').isdigit() else repr(word)} means "
        f"{'unknown' if meaning != meaning else f'{meaning:g}'}"
        for word, meaning in sorted(meanings.items(), key=lambda item: (item[1] != 1, item[1] != 0))
    ]
    return "".join(f", {text}" for text in meant[:_WORDS])


def read_roles(
    columns: Mapping[str, Column], reading: Reading, rows: int, faults: Faults
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The split and the group of each row, and notes on how the cells were read; a cell that is no
    split is noted as a fault.
    """
    splits: tuple[str, ...] = ("",) * rows
    groups: tuple[str, ...] = ()
    notes = []
    if reading.splits:
        splits, how = read_splits([columns[name] for name in reading.splits], faults)
        notes.append(f"splits: {how}")
    if reading.group:
        groups, how = read_groups(columns[reading.group])
        notes.append(f"groups: {how}")
    return splits, groups, tuple(notes)
