"""A table of images, CSV or Parquet: a row for each image, a column for each label.

Further columns have a meaning of their own: ``image``, the path; ``map`` (or ``mask``), the mask of
the regions; ``split``; ``group``. All others are labels with 1, 0, or nothing where the truth is
unknown. Or one column lists an image's labels by name, and all that it does not list are 0.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedn.data.dataset import SOFT
from sedn.data.description import ColumnsDescription, TableDescription
from sedn.data.faults import Faults
from sedn.data.formats.cells import (
    Column,
    absent_minus_one,
    given_words,
    judge,
    note_cells,
    read_flags,
    texts,
    word_of,
)
from sedn.data.formats.columns import Reading, read_columns, read_groups
from sedn.data.formats.image_columns import find_image_column, find_map_column
from sedn.data.formats.label_lists import check_names, read_label_lists
from sedn.data.formats.long_tables import first_rows, merge_rows
from sedn.data.formats.maps import read_maps
from sedn.data.formats.paths import Rule, find_files
from sedn.data.formats.split_columns import read_splits
from sedn.data.formats.table_parts import TableRows, read_table_rows
from sedn.data.formats.text_tables import count_of
from sedn.data.images.content import FileContent
from sedn.data.listing import Listing
from sedn.errors import Question, UserError, did_you_mean, some_of

MAP_COLUMNS = ("map", "mask")
_PLAIN = ("1", "0", "true", "false")
_WORDS = 8
"""Words for present, absent and unknown that are said."""


def read_table(description: TableDescription, folder: Path, faults: Faults) -> Listing:
    """Read and check a table; an image of which a row has a fault is left out.

    Raises:
        UserError: the table cannot be read, a column is wrong, or no image is left.
    """
    table = read_table_rows(description, folder, faults)
    path = table.source
    root = folder / description.images
    image, image_rule = find_image_column(table, description, root)
    mapped = find_map_column(table, description, root)
    roles = (image.name, mapped[0].name if mapped else None)
    columns = {name: table.column(name) for name in table.names if name not in roles}
    reading = read_columns(columns, description, str(path), faults, image)
    labels, targets, cells, fields = read_labels(columns, reading, description, path, faults)
    splits, groups, told = read_roles(columns, reading, len(table), faults)
    splits = _combine(table, splits, bool(reading.splits), faults)
    same = [*(columns[name] for name in (*reading.splits, reading.group) if name),
            *((mapped[0],) if mapped else ())]  # fmt: skip
    images = _find_all(table, image, image, image_rule, root, "image", faults)
    masks = _find_all(table, image, *mapped, root, "map", faults) if mapped else None
    merged = merge_rows(image, targets, same, table.where, faults, long=reading.listed is not None)
    found = [images[index] for index in merged.images.tolist()]
    regions, maps, kind = read_maps(
        [masks[index] if masks else None for index in merged.images.tolist()],
        description,
        str(path),
    )
    rows: list[int] = merged.rows.tolist()
    return Listing(
        source=path,
        labels=labels,
        regions=regions,
        images=tuple(content for content in found if content is not None),
        maps=maps,
        targets=merged.targets,
        splits=tuple(splits[row] for row in rows),
        groups=tuple(groups[row] for row in rows) if groups else (),
        skipped=table.skipped + _count_images(image) - len(rows),
        said=(
            _said("images", image, image_rule),
            *((", ".join(filter(None, (_said("maps", *mapped), kind))),) if mapped else ()),
            *(*cells, *told, *merged.said, *reading.said(), *table.said),
        ),
        fields={
            "image_column": image.name,
            **({"map_column": mapped[0].name} if mapped else {}),
            **fields,
            **reading.fields(),
        },
    )


def _find_all(
    table: TableRows,
    image: Column,
    column: Column,
    rule: Rule,
    root: Path,
    what: str,
    faults: Faults,
) -> list[FileContent | None]:
    """The file that the first row of each image names in a column."""
    rows = first_rows(image).tolist()
    names = texts(column)
    if what == "image":
        blank = [cell for cell, value in enumerate(column.cells) if value is None]
        note_cells(faults, column, blank, lambda _: "image: no file is named")
    return find_files(
        [names[row] for row in rows],
        rule,
        root,
        lambda index: f"{table.where(rows[index])}: {what}",
        lambda index, error: faults.add("missing file", error, rows[index]),
    )


def _count_images(image: Column) -> int:
    """How many images there are; each row that names none counts as one."""
    counts = image.counts()
    return sum(
        1 if cell is not None else int(count)
        for cell, count in zip(image.cells, counts, strict=True)
    )


def _combine(
    table: TableRows, told: tuple[str, ...], has_column: bool, faults: Faults
) -> tuple[str, ...]:
    """The split of each row by its table, which a column may repeat but not contradict."""
    splits = table.row_splits()
    if not splits:
        return told
    for row, (of_table, of_column) in enumerate(zip(splits, told, strict=True)):
        if has_column and of_table != of_column:
            said = f"split '{of_column}' in a table of split '{of_table}'"
            faults.add("bad cell", f"{table.where(row)}: {said}", row)
    return splits


def _said(what: str, column: Column, rule: Rule) -> str:
    return ", ".join(filter(None, (f"{what}: column '{column.name}'", rule.said())))


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
    found = [column for column in usual if column in columns]
    if len(found) > 1:
        raise UserError(f"{where}: columns '{found[0]}' and '{found[1]}' mean the same; keep one")
    return found[0] if found else None


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
        description: says what cannot be told.
        source: names the data in messages.
        faults: what was found so far, to which wrong cells are added.
        classes: the order of labels that are listed, where the data has one.

    Raises:
        UserError: two readings are plausible, or there is no label.
    """
    if reading.listed:
        lists = read_label_lists(columns[reading.listed], description, faults, classes)
        said = f"labels: column '{reading.listed}', {', '.join(lists.said)}"
        fields = {"label_list": reading.listed, **lists.fields}
        return lists.labels, lists.targets, (said,), fields
    labels = reading.labels
    check_names(labels, str(source), description.labels or ())
    flags = [columns[label] for label in labels]
    given = given_words(description.values)
    words = absent_minus_one(flags, given)
    targets = np.stack(
        [read_flags(c, words, faults, soft=c.name in reading.soft) for c in flags], axis=1
    )
    if not (targets < 1).any() and any(None in column.cells for column in flags):
        raise Question(
            f"{source}: {'columns' if len(labels) > 1 else 'column'} '{labels[0]}'"
            f"{', …' if len(labels) > 1 else ''} hold 1 and nothing, but no 0; if nothing means 0, "
            f"say so with values: {{'': 0}}",
            [{"values": {"": 0}}],
        )
    told = f"labels: {count_of(len(labels), 'column')} of 1 and 0"
    told += _say_words(flags, words)
    if soft := some_of(f"'{name}'" for name in reading.soft):
        told += f", with numbers between in {soft}: {SOFT}"
    blank = sum(
        int(column.counts()[column.cells.index(None)]) for column in flags if None in column.cells
    )
    if blank and "" not in given:
        cells = "cell means" if blank == 1 else "cells mean"
        told += (
            f", {blank:,} blank {cells} unknown ('values: {{'': 0}}' in data.yaml reads them as 0)"
        )
    return labels, targets, (told,), {"labels": [*labels]}


def _say_words(flags: Sequence[Column], given: Mapping[str, float]) -> str:
    """What words other than 1, 0 and nothing were taken for."""
    meanings: dict[str, float] = {}
    for column in flags:
        for cell, meaning in zip(column.cells, judge(column, given), strict=True):
            if cell is not None and meaning is not None and word_of(cell) not in _PLAIN:
                meanings.setdefault(word_of(cell), meaning)
    told = [
        f"{word if word.lstrip('-').isdigit() else repr(word)} means "
        f"{'unknown' if meaning != meaning else f'{meaning:g}'}"
        for word, meaning in sorted(meanings.items(), key=lambda item: (item[1] != 1, item[1] != 0))
    ]
    return "".join(f", {text}" for text in told[:_WORDS])


def read_roles(
    columns: Mapping[str, Column], reading: Reading, rows: int, faults: Faults
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The split and the group of each row, and how they were told; what is no split is noted as a
    fault.
    """
    splits: tuple[str, ...] = ("",) * rows
    groups: tuple[str, ...] = ()
    said = []
    if reading.splits:
        splits, told = read_splits([columns[name] for name in reading.splits], faults)
        said.append(f"splits: {told}")
    if reading.group:
        groups, told = read_groups(columns[reading.group])
        said.append(f"groups: {told}")
    return splits, groups, tuple(said)
