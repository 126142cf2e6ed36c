"""A table of images, CSV or Parquet: a row for each image, a column for each label.

Further columns have a meaning of their own: ``image``, the path; ``map`` (or ``mask``), the mask of
the regions; ``split``; ``group``. All others are labels with 1, 0, or nothing where the truth is
unknown. Or one column lists an image's labels by name, and all that it does not list are 0.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sedn.data.content import find_file
from sedn.data.description import ColumnsDescription, TableDescription
from sedn.data.formats.cells import Column, judge, read_flags, texts
from sedn.data.formats.label_lists import check_names, read_label_lists
from sedn.data.formats.table_file import TableFile, read_table_file
from sedn.data.listing import Listing
from sedn.data.masks import MaskImage, parse_values
from sedn.data.splits import split_name
from sedn.errors import UserError, did_you_mean

MAP_COLUMNS = ("map", "mask")
LIST_COLUMNS = ("labels", "tags")


def read_table(description: TableDescription, folder: Path) -> Listing:
    """Read and check a table.

    Raises:
        UserError: the table cannot be read, a column or value is wrong, or a file is missing.
    """
    table = read_table_file(folder / description.table)
    path = table.path
    image_column = _image_column(table, description.image_column)
    root = folder / description.images
    images = tuple(
        find_file(root, name, f"{table.where(row)}: image")
        for row, name in enumerate(texts(image_column))
    )
    map_column = pick_column(table.cells, description.map_column, MAP_COLUMNS, str(path))
    values = parse_values(description.regions, str(path))
    regions = tuple(description.regions) or ("region",)
    maps = [
        MaskImage(find_file(root, name, f"{table.where(row)}: map"), values) if name else None
        for row, name in enumerate(texts(table.column(map_column)))
    ] if map_column else [None] * len(table)  # fmt: skip
    roles = (description.image_column, map_column, description.split_column,
             description.group_column)  # fmt: skip
    columns = [table.column(name) for name in table.cells if name not in roles]
    labels, targets = read_labels(columns, description, path)
    return Listing(
        source=path,
        labels=labels,
        regions=regions,
        images=images,
        maps=tuple(maps),
        targets=targets,
        splits=_splits(table, description.split_column),
        groups=_groups(table, description.group_column),
    )


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
    columns: Sequence[Column], description: ColumnsDescription, source: Path
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Labels and targets ``(rows, labels)``: one column for each label, or one that lists them.

    Args:
        columns: those that may hold labels.
        description: says what cannot be told.
        source: names the data in messages.

    Raises:
        UserError: a value is wrong, two readings are plausible, or there is no label.
    """
    by_name = {column.name: column for column in columns}
    listed = pick_column(by_name, description.label_list, LIST_COLUMNS, str(source))
    if listed and (description.label_list or not _is_binary(by_name[listed])):
        lists = read_label_lists(by_name[listed], description)
        return lists.labels, lists.targets
    wanted = description.labels or list(by_name)
    for label in wanted:
        if label not in by_name:
            raise UserError(
                f"{source}: no column for label '{label}'{did_you_mean(label, by_name)}"
            )
    if not wanted:
        raise UserError(
            f"{source}: no label column; every column but image, map, split, group is one"
        )
    check_names(wanted, str(source), description.labels or ())
    return tuple(wanted), np.stack([read_flags(by_name[label], {}) for label in wanted], axis=1)


def _image_column(table: TableFile, name: str) -> Column:
    if name not in table.cells:
        hint = did_you_mean(name, table.cells)
        raise UserError(f"{table.path}: no column '{name}' with the paths of the images{hint}")
    column = table.column(name)
    counts = column.counts()
    if counts.max() > 1:
        cell = column.cells[int(np.argmax(counts > 1))]
        row = np.flatnonzero(column.codes == column.cells.index(cell))[1]
        raise UserError(f"{table.where(row)}: image '{cell or ''}' is there twice")
    return column


def _is_binary(column: Column) -> bool:
    meanings = judge(column, {})
    return None not in meanings and any(m == m for m in meanings)


def _splits(table: TableFile, column: str) -> tuple[str, ...]:
    if column not in table.cells:
        return ("",) * len(table)
    return tuple(
        split_name(name, table.where(row)) for row, name in enumerate(texts(table.column(column)))
    )


def _groups(table: TableFile, column: str) -> tuple[str, ...]:
    return tuple(texts(table.column(column))) if column in table.cells else ()
