"""A table of images, CSV or Parquet: a row for each image, a column for each label.

Further columns have a meaning of their own: ``image``, the path; ``map`` (or ``mask``), the mask of
the regions; ``split``; ``group``. All others are labels with 1, 0, or nothing where the truth is
unknown. Or one column lists an image's labels by name, and all that it does not list are 0.
"""

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sedn.data.content import find_file
from sedn.data.description import ColumnsDescription, TableDescription
from sedn.data.formats.cells import Column, judge, make_column, read_flags
from sedn.data.formats.label_lists import read_label_lists
from sedn.data.listing import Listing
from sedn.data.masks import MaskImage, parse_values
from sedn.data.splits import split_name
from sedn.errors import UserError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

MAP_COLUMNS = ("map", "mask")
LIST_COLUMNS = ("labels", "tags")


def read_table(description: TableDescription, folder: Path) -> Listing:
    """Read and check a table.

    Raises:
        UserError: the table cannot be read, a column or value is wrong, or a file is missing.
    """
    path = folder / description.table
    frame = read_frame(path)
    _check_images(frame, description.image_column, path)
    root = folder / description.images
    images = tuple(
        find_file(root, name, f"{path}: row {row + 2}: image")
        for row, name in enumerate(_text(frame[description.image_column]))
    )
    map_column = pick_column(frame.columns, description.map_column, MAP_COLUMNS, str(path))
    values = parse_values(description.regions, str(path))
    regions = tuple(description.regions) or ("region",)
    maps = [
        MaskImage(find_file(root, name, f"{path}: row {row + 2}: map"), values) if name else None
        for row, name in enumerate(_text(frame[map_column]))
    ] if map_column else [None] * len(frame)  # fmt: skip
    roles = (description.image_column, map_column, description.split_column,
             description.group_column)  # fmt: skip
    columns = [
        make_column(name, frame[name], str(path), lambda row: f"{path}: row {row + 2}")
        for name in frame.columns
        if name not in roles
    ]
    labels, targets = read_labels(columns, description, path)
    return Listing(
        source=path,
        labels=labels,
        regions=regions,
        images=images,
        maps=tuple(maps),
        targets=targets,
        splits=_splits(frame, description.split_column, path),
        groups=_groups(frame, description.group_column),
    )


def read_frame(path: Path) -> "pd.DataFrame":
    """A CSV, all of it text, or a Parquet table.

    Raises:
        UserError: it cannot be read, or has no rows.
    """
    import pandas as pd
    import pyarrow as pa

    parquet = path.suffix.lower() in (".parquet", ".pq")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = (
                pd.read_parquet(path)
                if parquet
                else pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
            )
    except FileNotFoundError:
        raise UserError(f"{path}: no such table") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except (OSError, ValueError, pd.errors.ParserWarning, pa.ArrowException) as error:
        kind = "Parquet" if parquet else "CSV"
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: cannot be read as {kind}: {reason}") from None
    if frame.empty:
        raise UserError(f"{path}: holds no rows; expected one for each image")
    return frame.rename(columns=str)


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
    return tuple(wanted), np.stack([read_flags(by_name[label], {}) for label in wanted], axis=1)


def _check_images(frame: "pd.DataFrame", column: str, path: Path) -> None:
    if column not in frame.columns:
        hint = did_you_mean(column, frame.columns)
        raise UserError(f"{path}: no column '{column}' with the paths of the images{hint}")
    twice = frame[column][frame[column].duplicated()]
    if len(twice):
        raise UserError(f"{path}: row {twice.index[0] + 2}: image '{twice.iloc[0]}' is there twice")


def _text(column: "pd.Series[Any]") -> list[str]:
    """Each value as text; nothing where there is none."""
    return ["" if value is None or value != value else str(value).strip() for value in column]


def _is_binary(column: Column) -> bool:
    meanings = judge(column, {})
    return None not in meanings and any(m == m for m in meanings)


def _splits(frame: "pd.DataFrame", column: str, path: Path) -> tuple[str, ...]:
    if column not in frame.columns:
        return ("",) * len(frame)
    return tuple(
        split_name(name, f"{path}: row {row + 2}") for row, name in enumerate(_text(frame[column]))
    )


def _groups(frame: "pd.DataFrame", column: str) -> tuple[str, ...]:
    return tuple(_text(frame[column])) if column in frame.columns else ()
