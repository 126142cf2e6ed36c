"""A table of images, CSV or Parquet: a row for each image, a column for each label.

Further columns have a meaning of their own: ``image``, the path; ``map`` (or ``mask``), the mask of
the regions; ``split``; ``group``. All others are labels with 1, 0, or nothing where the truth is
unknown. Or one column lists an image's labels by name, and all that it does not list are 0.
"""

import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sedn.data.content import find_file
from sedn.data.description import TableDescription
from sedn.data.listing import Listing
from sedn.data.masks import MaskImage, parse_values
from sedn.data.splits import split_name
from sedn.errors import UserError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

MAP_COLUMNS = ("map", "mask")
LIST_COLUMNS = ("labels", "tags")
_VALUES = {
    "1": 1.0, "1.0": 1.0, "true": 1.0, "0": 0.0, "0.0": 0.0, "false": 0.0,
    "": np.nan, "nan": np.nan, "none": np.nan, "<na>": np.nan,
}  # fmt: skip


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
    columns = [column for column in frame.columns if column not in roles]
    labels, targets = read_labels(frame, columns, description, path)
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
    frame: "pd.DataFrame", columns: Sequence[str], description: Any, path: Path
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Labels and targets ``(rows, labels)``: one column for each label, or one that lists them.

    Args:
        frame: the table.
        columns: those of its columns that may hold labels.
        description: has ``labels`` and ``label_list``.
        path: names the table in messages.

    Raises:
        UserError: a value is wrong, or there is no label.
    """
    named = description.label_list
    listed = pick_column(columns, named, LIST_COLUMNS, str(path))
    if listed and (named or not _is_binary(frame[listed])):
        return _from_lists(frame[listed], path)
    wanted = description.labels or columns
    for label in wanted:
        if label not in columns:
            raise UserError(f"{path}: no column for label '{label}'{did_you_mean(label, columns)}")
    if not wanted:
        raise UserError(
            f"{path}: no label column; every column but image, map, split, group is one"
        )
    return tuple(wanted), np.stack([_targets(frame[label], path) for label in wanted], axis=1)


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


def _is_binary(column: "pd.Series[Any]") -> bool:
    return all(isinstance(v, str | bool | int | float) and str(v).strip().lower() in _VALUES
               for v in column)  # fmt: skip


def _targets(column: "pd.Series[Any]", path: Path) -> NDArray[np.float32]:
    """``(rows,)``: 1, 0, or NaN."""
    text = column.astype(str).str.strip().str.lower()
    values = text.map(_VALUES)
    wrong = ~text.isin(list(_VALUES))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise UserError(
            f"{path}: row {row + 2}: label '{column.name}' is '{column.iloc[row]}'; "
            f"expected 1, 0, or nothing where it is unknown"
        )
    return values.to_numpy(dtype=np.float32)


def _from_lists(
    column: "pd.Series[Any]", path: Path
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """All labels that occur, by name, and which image lists which; no list at all is unknown."""
    lists = [_names(value, f"{path}: row {row + 2}: {column.name}")
             for row, value in enumerate(column)]  # fmt: skip
    labels = tuple(sorted({name for names in lists if names for name in names}))
    if not labels:
        raise UserError(f"{path}: column '{column.name}' lists no label at all")
    position = {label: index for index, label in enumerate(labels)}
    targets = np.zeros((len(lists), len(labels)), dtype=np.float32)
    for row, names in enumerate(lists):
        if names is None:
            targets[row] = np.nan
        else:
            targets[row, [position[name] for name in names]] = 1
    return labels, targets


def _names(value: Any, where: str) -> list[str] | None:
    """The labels of one image, from a list, a JSON list, or ``red; striped``."""
    if isinstance(value, str):
        if value.lstrip().startswith("["):
            try:
                value = json.loads(value)
            except ValueError:
                raise UserError(f"{where}: '{value}' is no JSON list") from None
        else:
            return [name.strip() for name in value.split(";") if name.strip()]
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, Mapping) or not isinstance(value, Iterable):
        raise UserError(f"{where}: {value!r} is no list of labels")
    return [str(name).strip() for name in value]


def _splits(frame: "pd.DataFrame", column: str, path: Path) -> tuple[str, ...]:
    if column not in frame.columns:
        return ("",) * len(frame)
    return tuple(
        split_name(name, f"{path}: row {row + 2}") for row, name in enumerate(_text(frame[column]))
    )


def _groups(frame: "pd.DataFrame", column: str) -> tuple[str, ...]:
    return tuple(_text(frame[column])) if column in frame.columns else ()
