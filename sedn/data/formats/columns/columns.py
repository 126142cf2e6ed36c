"""The meaning of each column of a data set: labels, splits, groups, or nothing that is trained on.

Names and cells are looked at together. Where one reading stands out it is taken, and noted in a
line; where two are plausible the data is refused with the option that chooses.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sedn.data.faults import Faults
from sedn.data.formats.columns.cells import (
    BLANK,
    Column,
    given_words,
    plain_name,
    texts,
)
from sedn.data.formats.columns.description import ColumnsDescription
from sedn.data.formats.columns.label_columns import binary_labels, find_list, kind_of, nests
from sedn.data.formats.columns.soft_labels import is_share
from sedn.data.formats.columns.split_columns import find_split_columns
from sedn.errors import Question, UserError, did_you_mean, some_of

_GROUPS = ("group", "groupid", "patient", "patientid", "subject", "subjectid", "person", "personid",
           "case", "caseid", "product", "productid", "itemid", "sku")  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """The meaning of the columns, except those of the image and its map."""

    splits: tuple[str, ...]
    """The column of the splits, or the columns that are flags of splits."""
    group: str | None
    listed: str | None
    """The column that lists the labels; ``None`` if each label has a column."""
    labels: tuple[str, ...]
    """Columns of 1 and 0."""
    soft: tuple[str, ...]
    """The label columns that have numbers between 0 and 1."""
    left_out: dict[str, str]
    """The reason why each of the other columns is no label."""

    def fields(self) -> dict[str, str]:
        """Fields of a description that say which columns hold splits and groups."""
        splits = {"split_column": self.splits[0]} if len(self.splits) == 1 else {}
        return splits | ({"group_column": self.group} if self.group else {})

    def notes(self) -> tuple[str, ...]:
        """A note of the columns that are not read; empty if all are read."""
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
    named = _named_columns(columns, description, source)
    splits = find_split_columns(columns, getattr(description, "split_column", None), named, source)
    rest = {n: c for n, c in columns.items() if n not in (*splits, *description.leave_out)}
    group = _find_group(rest, description, source, image)
    rest.pop(group or "", None)
    left_out = dict.fromkeys(description.leave_out, "leave_out")
    listed = description.label_list
    if listed is None and description.labels and set(description.labels) <= set(rest):
        labels = tuple(description.labels)
    else:
        labels, reasons = binary_labels(rest, listed, description, source, skip=faults.skip)
        left_out |= reasons
        listed = listed or find_list(rest, labels, description, source)
        labels = () if listed else labels
    if not listed and not labels:
        raise UserError(
            f"{source}: no label column: none holds 1 and 0, and none lists labels; name one that "
            f"lists them with label_list:"
        )
    used = (*labels, listed)
    left_out |= {n: kind_of(c) for n, c in rest.items() if n not in used and n not in left_out}
    left_out = {n: why for n, why in left_out.items() if n not in used}
    given = given_words(description.values)
    soft = tuple(n for n in labels if is_share(columns[n], given, named=True))
    return Reading(splits, group, listed, labels, soft, left_out)


def read_groups(column: Column) -> tuple[tuple[str, ...], str]:
    """The group of each row, ``""`` for none, and a note of how the cells were read."""
    groups = tuple("" if name.lower() in BLANK | {"none"} else name for name in texts(column))
    words = sorted({name for name in texts(column) if name and name.lower() in BLANK | {"none"}})
    none = "".join(f", '{word}' means none" for word in words)
    return groups, f"column '{column.name}'{none}"


def _named_columns(
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
    groups = []
    for name, column in columns.items():
        plain = plain_name(name)
        if name in (description.labels or ()) or plain not in _GROUPS:
            continue
        counts = _images_in(column, image)
        if plain == "group" or (1 < counts.max() <= max(2, counts.sum() * 0.2)):
            groups.append(name)
    groups.sort(key=lambda name: len(columns[name].cells))
    for finer in groups[1:]:
        if not nests(columns[groups[0]], columns[finer]):
            raise Question(
                f"{source}: columns '{groups[0]}' and '{finer}' may both hold the images together "
                f"that must not be parted; say which with group_column:",
                [{"group_column": name} for name in groups],
            )
    return groups[0] if groups else None


def _images_in(column: Column, image: Column | None) -> NDArray[np.int64]:
    """``(cells,)``: how many images each cell stands for."""
    if image is None:
        return column.counts()
    pairs = np.unique(np.stack([column.codes, image.codes]), axis=1)
    return np.bincount(pairs[0], minlength=len(column.cells))
