"""What each column of a data set means: labels, splits, groups, or nothing that is trained on.

Names and cells are looked at together. Where one reading stands out it is taken, and said in a
line; where two are plausible the data is refused with the option that chooses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sedn.data.description import ColumnsDescription
from sedn.data.faults import OPTION, SHOWN, Faults
from sedn.data.formats.cells import (
    BLANK,
    Column,
    as_number,
    given_words,
    is_binary,
    judge,
    plain_name,
    share_of_words,
    texts,
)
from sedn.data.formats.soft_labels import MEASUREMENTS, are_labels, is_share, soft_question
from sedn.data.formats.split_columns import find_split_columns
from sedn.errors import Question, UserError, did_you_mean, some_of

LIST_COLUMNS = (
    "labels", "label", "tags", "tag", "classes", "class", "categories", "category", "classname",
    "classnames", "labelname", "labelnames", "findinglabels", "findings", "attributes", "targets",
    "target", "choice", "choices",
)  # fmt: skip
_GROUPS = ("group", "groupid", "patient", "patientid", "subject", "subjectid", "person", "personid",
           "case", "caseid", "product", "productid", "itemid", "sku")  # fmt: skip
_BOOKKEEPING = frozenset({
    "reviewed", "isreviewed", "verified", "isverified", "approved", "isapproved", "labeled",
    "labelled", "islabeled", "islabelled", "annotated", "isannotated", "completed", "iscompleted",
    "processed", "isprocessed", "deleted", "isdeleted", "skipped", "isskipped", "published",
    "ispublished", "archived", "isarchived", "ignored", "excluded", "iscrowd", "fold", "index",
    "idx", "id", "row", "confidence", "score",
})  # fmt: skip
"""What is noted of an image's annotation, not of what it shows."""
_NEARLY_ALL = 0.9
"""Of the rows of a column that have to be 1, 0 or nothing before the others count as faulty."""


@dataclass(frozen=True)
class Reading:
    """What the columns were taken for; the image and its map are not among them."""

    splits: tuple[str, ...]
    """One column, or several flags."""
    group: str | None
    listed: str | None
    """The column that lists the labels; ``None`` if each label has a column."""
    labels: tuple[str, ...]
    """Columns of 1 and 0."""
    soft: tuple[str, ...]
    """Those of the labels that have numbers between."""
    left_out: dict[str, str]
    """Why each of the others is no label."""

    def fields(self) -> dict[str, str]:
        """Fields of a description that say which columns hold splits and groups."""
        splits = {"split_column": self.splits[0]} if len(self.splits) == 1 else {}
        return splits | ({"group_column": self.group} if self.group else {})

    def said(self) -> tuple[str, ...]:
        """The columns that are not read, a line for all of them."""
        if not self.left_out:
            return ()
        return ("left out: " + some_of(f"'{n}' ({why})" for n, why in self.left_out.items()),)


def read_columns(
    columns: Mapping[str, Column],
    description: ColumnsDescription,
    source: str,
    faults: Faults,
    image: Column | None = None,
) -> Reading:
    """Tell what the columns mean.

    Args:
        columns: all but the image and its map.
        description: what it says is taken as it is.
        source: names the data in messages.
        faults: says whether rows with wrong cells are to be left out.
        image: the column of the images, where one may have several rows.

    Raises:
        UserError: a named column is not there, two readings are plausible, or there is no label.
    """
    said = _said_columns(columns, description, source)
    splits = find_split_columns(columns, getattr(description, "split_column", None), said, source)
    rest = {n: c for n, c in columns.items() if n not in (*splits, *description.leave_out)}
    group = _find_group(rest, description, source, image)
    rest.pop(group or "", None)
    left_out = dict.fromkeys(description.leave_out, "leave_out")
    listed = description.label_list
    if listed is None and description.labels and set(description.labels) <= set(rest):
        labels = tuple(description.labels)
    else:
        labels, reasons = _binary_labels(rest, listed, description, source, skip=faults.skip)
        left_out |= reasons
        listed = listed or _find_list(rest, labels, description, source)
        labels = () if listed else labels
    if not listed and not labels:
        raise UserError(
            f"{source}: no label column: none holds 1 and 0, and none lists labels; name one that "
            f"lists them with label_list:"
        )
    used = (*labels, listed)
    left_out |= {n: _kind(c) for n, c in rest.items() if n not in used and n not in left_out}
    left_out = {n: why for n, why in left_out.items() if n not in used}
    given = given_words(description.values)
    soft = tuple(n for n in labels if is_share(columns[n], given, named=True))
    return Reading(splits, group, listed, labels, soft, left_out)


def read_groups(column: Column) -> tuple[tuple[str, ...], str]:
    """The group of each row, ``""`` for none, and how it was told."""
    groups = tuple("" if name.lower() in BLANK | {"none"} else name for name in texts(column))
    words = sorted({name for name in texts(column) if name and name.lower() in BLANK | {"none"}})
    none = "".join(f", '{word}' means none" for word in words)
    return groups, f"column '{column.name}'{none}"


def _said_columns(
    columns: Mapping[str, Column], description: ColumnsDescription, source: str
) -> list[str]:
    """Columns that the description takes for something, all of which are there."""
    given: dict[str, list[str | None]] = {
        "label_list": [description.label_list],
        "group_column": [description.group_column],
        "leave_out": [*description.leave_out],
    }
    for field, names in given.items():
        for name in names:
            if name is not None and name not in columns:
                hint = did_you_mean(name, columns)
                raise UserError(f"{source}: no column '{name}', which {field} names{hint}")
    named = [name for names in given.values() for name in names if name is not None]
    return [*named, *(label for label in description.labels or () if label in columns)]


def _find_group(
    columns: Mapping[str, Column],
    description: ColumnsDescription,
    source: str,
    image: Column | None,
) -> str | None:
    if description.group_column is not None:
        return description.group_column
    found = []
    for name, column in columns.items():
        plain = plain_name(name)
        if name in (description.labels or ()) or plain not in _GROUPS:
            continue
        counts = _images_in(column, image)
        if plain == "group" or (1 < counts.max() <= max(2, counts.sum() * 0.2)):
            found.append(name)
    found.sort(key=lambda name: len(columns[name].cells))
    for finer in found[1:]:
        if not _nests(columns[found[0]], columns[finer]):
            raise Question(
                f"{source}: columns '{found[0]}' and '{finer}' may both hold the images together "
                f"that must not be parted; say which with group_column:",
                [{"group_column": name} for name in found],
            )
    return found[0] if found else None


def _images_in(column: Column, image: Column | None) -> NDArray[np.int64]:
    """``(cells,)``: how many images each cell stands for."""
    if image is None:
        return column.counts()
    pairs = np.unique(np.stack([column.codes, image.codes]), axis=1)
    return np.bincount(pairs[0], minlength=len(column.cells))


def _nests(coarse: Column, fine: Column) -> bool:
    """Whether each cell of one column lies within one cell of the other."""
    return len(set(zip(coarse.codes.tolist(), fine.codes.tolist(), strict=True))) == len(fine.cells)


def _binary_labels(
    columns: Mapping[str, Column],
    listed: str | None,
    description: ColumnsDescription,
    source: str,
    *,
    skip: bool,
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Columns of 1 and 0, or of shares between, and why others that are nearly so are none.

    Raises:
        Question: a column may hold soft labels or measurements, or is nearly one of 1 and 0,
            unless few cells are wrong and ``skip`` leaves them out.
    """
    labels, left_out = [], {}
    nearly: dict[str, Sequence[float | None]] = {}
    soft: list[Column] = []
    given = given_words(description.values)
    has_list = bool(_named_lists(columns, ()))
    for name, column in columns.items():
        plain = plain_name(name)
        if name == listed:
            continue
        meanings = judge(column, given)
        if is_binary(column, given):
            if plain in _BOOKKEEPING:
                left_out[name] = "says nothing of what an image shows"
            elif plain == "nofinding" and 0.0 not in meanings:
                left_out[name] = "says that no other label applies"
            else:
                labels.append(name)
        elif (
            listed is None
            and plain not in (*LIST_COLUMNS, *_BOOKKEEPING)
            and not (has_list and _kind(column) == "numbers")
        ):
            if plain not in MEASUREMENTS and is_share(column, given):
                soft.append(column)
                continue
            share = share_of_words(column, meanings)
            if skip and share >= _NEARLY_ALL:
                labels.append(name)
            elif share >= 0.5:
                nearly[name] = meanings
    if nearly:
        raise _nearly_binary([columns[name] for name in nearly], [*nearly.values()])
    if soft:
        names = {*labels, *(column.name for column in soft)}
        labels = [name for name in columns if name in names]
        if not are_labels(soft):
            raise soft_question(soft, labels, source)
    return tuple(labels), left_out


def _nearly_binary(
    columns: Sequence[Column], meanings: Sequence[Sequence[float | None]]
) -> Question:
    """Of columns of 1 and 0 with other cells among them it is said where those are."""
    places = sorted(
        (
            (row, column, column.cells[code])
            for column, of_cells in zip(columns, meanings, strict=True)
            for row, code in enumerate(column.codes.tolist())
            if of_cells[code] is None
        ),
        key=lambda place: place[0],
    )
    row, column, cell = places[0]
    others = ", ".join(
        f"{column.where(row).rpartition(': ')[2]} '{column.name}': '{str(cell)[:20]}'"
        for row, column, cell in places[1:SHOWN]
    )
    more = f" ({len(places)} such cells: also {others}{', …' * (len(places) > SHOWN)})"
    names = some_of(column.name for column in columns)
    few = all(share_of_words(c, m) >= _NEARLY_ALL for c, m in zip(columns, meanings, strict=True))
    skip = f", or leave such rows out with {OPTION}" if few else ""
    return Question(
        f"{column.where(row)}: label '{column.name}' is '{str(cell)[:40]}'; expected 1, 0, or "
        f"nothing where it is unknown{more if others else ''}; say what words mean with values:"
        f"{skip}; a column that is no label is named under leave_out: [{names}]",
        [{"leave_out": [column.name for column in columns]}],
    )


def _find_list(
    columns: Mapping[str, Column],
    labels: Sequence[str],
    description: ColumnsDescription,
    source: str,
) -> str | None:
    """The column that lists the labels, if one does."""
    named = _named_lists(columns, labels)
    if len(named) > 1:
        named = _one_of_equals(columns, named)
    if len(named) > 1:
        raise Question(
            f"{source}: columns '{named[0]}' and '{named[1]}' both may list the labels; say which "
            f"with label_list:",
            [{"label_list": name} for name in named],
        )
    if description.labels and not named:
        missing = next(label for label in description.labels if label not in columns)
        hint = did_you_mean(missing, columns)
        raise UserError(f"{source}: no column for label '{missing}'{hint}")
    if named and labels and not description.labels:
        some = ", ".join(labels[:3]) + (", …" if len(labels) > 3 else "")
        raise Question(
            f"{source}: the labels may be listed in column '{named[0]}', or be the "
            f"{len(labels)} columns of 1 and 0 ({some}); say which with label_list: {named[0]}, or "
            f"with leave_out: [{named[0]}]",
            [{"label_list": named[0]}, {"leave_out": [named[0]]}],
        )
    if named or labels:
        return named[0] if named else None
    repeating = [n for n, c in columns.items() if _kind(c) == "text" and plain_name(n) not in
                 _BOOKKEEPING]  # fmt: skip
    if len(repeating) > 1:
        some = "' or '".join(repeating[:5])
        raise Question(
            f"{source}: no label column: none holds 1 and 0; the labels may be listed in "
            f"'{some}'; say where with label_list:",
            [{"label_list": name} for name in repeating],
        )
    return repeating[0] if repeating else None


def _named_lists(columns: Mapping[str, Column], labels: Sequence[str]) -> list[str]:
    """Columns that are called so, hold something, and are no labels themselves."""
    return [
        name
        for name, column in columns.items()
        if plain_name(name) in LIST_COLUMNS and name not in labels and not is_binary(column)
        and any(cell is not None for cell in column.cells)
    ]  # fmt: skip


def _one_of_equals(columns: Mapping[str, Column], names: Sequence[str]) -> list[str]:
    """Of columns that say the same, such as the name and the number of a class, the name."""
    first = columns[names[0]]
    for name in names[1:]:
        other = columns[name]
        if not _nests(first, other) or len(first.cells) != len(other.cells):
            return list(names)
    texts_first = sorted(
        names, key=lambda n: all(as_number(c) is not None for c in columns[n].cells)
    )
    return texts_first[:1]


def _kind(column: Column) -> str:
    """What the cells of a column are, in a word or two."""
    cells = [cell for cell in column.cells if cell is not None]
    if not cells:
        return "blank"
    if all(isinstance(cell, tuple) for cell in cells):
        return "lists"
    if all(as_number(cell) is not None for cell in cells):
        return "numbers"
    counts = column.counts()
    return "text" if counts.max() > 1 and len(cells) * 2 <= len(column) else "another in each row"
