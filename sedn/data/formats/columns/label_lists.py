"""A column that lists the labels of each image: names, JSON, Python's lists, or a 1 or 0 for each.

All cells are read first and judged together: at what the names are split, what means that no label
applies, and what a cell without a value means.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedn.data.dataset import SOFT
from sedn.data.faults import Faults
from sedn.data.formats.columns.cells import Column, note_cells
from sedn.data.formats.columns.description import ColumnsDescription
from sedn.data.formats.columns.label_cells import UNSURE, Bits, as_bits, parse_cells
from sedn.data.formats.columns.separators import (
    NONE,
    SPOKEN,
    find_separator,
    fold_name,
    separator_word,
    split_names,
    spoken,
)
from sedn.data.formats.targets import target_matrix
from sedn.errors import Question, UserError

NOTHING = frozenset(
    {"none", "no finding", "no findings", "no label", "no labels", "no tag", "no tags", "nothing"}
)
"""Words, in small letters, that say of an image that it has none of the labels."""
Names = tuple[str, ...] | None
"""The labels of an image; ``None`` where they are unknown."""


@dataclass(frozen=True)
class LabelLists:
    """The labels and targets of a column of lists."""

    labels: tuple[str, ...]
    targets: NDArray[np.float32]
    """``(rows, labels)``: 1, 0, or NaN where the truth is unknown."""
    notes: tuple[str, ...]
    """How its cells were read."""
    fields: Mapping[str, Any]
    """Fields of a description that say so outright."""


def read_label_lists(
    column: Column, description: ColumnsDescription, faults: Faults, classes: Sequence[str] = ()
) -> LabelLists:
    """Read the labels that a column lists, and the targets of each row.

    Args:
        column: of lists.
        description: its ``separator``, ``blank`` and ``labels`` decide what is not clear.
        faults: the faults noted so far; cells that cannot be read are added.
        classes: the order of the labels, where the data has one.

    Raises:
        UserError: two readings are plausible, or no label is listed.
    """
    if not any(cell is not None for cell in column.cells):
        raise UserError(f"{column.source}: column '{column.name}' lists no label at all")
    parsed, wrong = parse_cells(column)
    bits = as_bits(column, parsed, wrong)
    for index, items in enumerate(parsed if bits is None else ()):
        if odd := [item for item in items or () if item is None or isinstance(item, float)]:
            wrong[index] = f"{'null' if odd[0] is None else odd[0]} is no name of a label"
            parsed[index] = None
    note_cells(faults, column, wrong, lambda cell: f"{column.name}: {wrong[cell]}")
    if bits:
        return _multi_hot(column, bits, description.labels)
    lists, notes, fields = _names_of(column, parsed, description, wrong)
    if description.merge_names:
        lists = _merged(column, lists)
    names_listed = {name for names in lists if names for name in names}
    labels = (
        tuple(n for n in classes if n in names_listed) if classes else tuple(sorted(names_listed))
    )
    if not labels:
        raise UserError(f"{column.source}: column '{column.name}' lists no label at all")
    check_names(labels, column.source, description.labels or (), listed=True)
    of_cell = target_matrix(
        [None if names is None else dict.fromkeys(names, 1.0) for names in lists], labels
    )
    return LabelLists(labels, of_cell[column.codes], notes, fields)


def check_names(
    labels: Sequence[str], where: str, meant: Collection[str], *, listed: bool = False
) -> None:
    """See that no two labels are the same name written in two ways, such as ``Red`` and ``red``.

    Args:
        labels: the names.
        where: names the data in messages.
        meant: names that the description lists, which are meant as they are.
        listed: whether cells list them, so that they can be merged.

    Raises:
        Question: two are.
    """
    plain: dict[str, str] = {}
    for label in labels:
        other = plain.setdefault(fold_name(label), label)
        if other != label and not {other, label} <= set(meant):
            raise Question(
                f"{where}: labels '{other}' and '{label}' differ only in how they are written; "
                f"{'say merge_names: true if they are one' if listed else 'rename one'}, or list "
                f"both under labels: if they are two",
                [{"merge_names": True}, {"labels": [*labels]}] if listed else (),
                None if listed else "labels",
            )


def _merged(column: Column, lists: Sequence[Names]) -> list[Names]:
    """Each name as most rows write it."""
    rows: dict[str, Counter[str]] = {}
    for names, count in zip(lists, column.counts().tolist(), strict=True):
        for name in names or ():
            rows.setdefault(fold_name(name), Counter())[name] += count
    usual = {plain: counts.most_common(1)[0][0] for plain, counts in rows.items()}
    return [n if n is None else tuple(usual[fold_name(name)] for name in n) for n in lists]


def _multi_hot(column: Column, bits: Sequence[Bits], labels: Sequence[str] | None) -> LabelLists:
    width = next(len(cell) for cell in bits if cell is not None)
    if labels is None or len(labels) != width:
        raise Question(
            f"{column.source}: column '{column.name}' holds {width} values of 1 and 0 without "
            f"names; name them in order with labels: (expected {width} names, got "
            f"{len(labels or ())})",
            field="labels",
        )
    blank = (float("nan"),) * width
    of_cell = np.array([blank if cell is None else cell for cell in bits], dtype=np.float32)
    soft = bool(((of_cell > 0) & (of_cell < 1)).any())
    notes = [f"a number from 0 to 1 for each of labels:, {SOFT}" if soft else
            "a 1 or 0 for each of labels:"]  # fmt: skip
    if any(cell is not None and np.isnan(cell).any() for cell in bits):
        notes.append("null in a list means unknown")
    return LabelLists(tuple(labels), of_cell[column.codes], tuple(notes), {"labels": [*labels]})


def _names_of(
    column: Column,
    parsed: Sequence[tuple[Any, ...] | str | None],
    description: ColumnsDescription,
    wrong: Collection[int],
) -> tuple[list[Names], tuple[str, ...], dict[str, Any]]:
    """The names in each different cell, how they were read, and the fields that say so."""
    text = {c: t for c, t in enumerate(parsed) if isinstance(t, str) and t != UNSURE}
    separator = _separator(column, text, description)
    lists: list[Names] = []
    for cell in parsed:
        if cell is None or cell == UNSURE:
            lists.append(None)
        elif isinstance(cell, str):
            lists.append(split_names(cell, separator))
        else:
            if isinstance(next(iter(cell), ""), int) and len(set(cell)) < len(cell):
                raise UserError(
                    f"{column.at(len(lists))}: {list(cell)[:20]} holds a number twice, so the "
                    f"numbers are no classes, but the lists are not of one length either"
                )
            lists.append(tuple(str(item) for item in cell if str(item)))
    notes = [f"split at {spoken(separator)}" if separator else "a list or one name each"]
    lists, nothing = _without_words_for_nothing(lists)
    notes += [f"'{word}' means none" for word in nothing]
    blank = _fill_blanks(column, lists, bool(nothing), description.blank, wrong)
    fields = {"separator": separator_word(separator)} if text else {}
    if blank:
        rows = int(
            column.counts()[[n is None and c not in wrong for c, n in enumerate(parsed)]].sum()
        )
        other = "unknown" if blank == "none" else "none"
        cells = "cell means" if rows == 1 else "cells mean"
        notes.append(
            f"{rows:,} blank {cells} {blank} ('blank: {other}' in data.yaml reads them so)"
        )
        fields["blank"] = blank
    return lists, tuple(notes), fields


def _separator(
    column: Column, text: Mapping[int, str], description: ColumnsDescription
) -> str | None:
    """The separator of the names in cells of ``text``: described, or else by the evidence."""
    if description.separator == NONE:
        return None
    if description.separator is not None:
        return SPOKEN.get(description.separator, description.separator)
    counts = column.counts()
    listed = {cell: t for cell, t in text.items() if t.lower() not in NOTHING}
    rows = int(sum(counts[cell] for cell in listed))
    where = f"{column.source}: column '{column.name}'"
    return find_separator(list(listed.values()), rows, where)


def _without_words_for_nothing(lists: list[Names]) -> tuple[list[Names], list[str]]:
    """``No Finding`` alone in its cells is no label; where other names are with it, it is one."""
    beside = {name for names in lists if names and len(names) > 1 for name in names}
    words = sorted({n[0] for n in lists if n and len(n) == 1 and n[0].lower() in NOTHING} - beside)
    return [
        () if names and len(names) == 1 and names[0] in words else names for names in lists
    ], words


def _fill_blanks(
    column: Column,
    lists: list[Names],
    has_word: bool,
    blank: str | None,
    wrong: Collection[int],
) -> str | None:
    """What cells without a value mean: that no label applies, unless the column has a word for
    that; then they are unknown. Where most cells are without a name, where no image has two labels
    (so that each may have one of them), or where other cells hold an empty list, it is a question.
    """
    missing = [
        cell
        for cell, names in enumerate(lists)
        if names is None and column.cells[cell] != UNSURE and cell not in wrong
    ]
    rows = int(column.counts()[missing].sum())
    if rows and blank is None:
        several = any(names and len(names) > 1 for names in lists)
        empty = int(column.counts()[[names == () for names in lists]].sum())
        if not has_word and (empty or not several or rows > len(column) / 2):
            beside = f", and {empty} hold an empty list" if empty else ""
            raise Question(
                f"{column.at(missing[0])}: {rows} of {len(column)} cells are blank{beside}; say "
                f"what blank means with blank: none (no label applies) or unknown",
                [{"blank": "none"}, {"blank": "unknown"}],
            )
        blank = "unknown" if has_word else "none"
    for cell in missing:
        lists[cell] = () if blank == "none" else None
    return blank if rows else None
