"""A folder that ``save_to_disk`` of Hugging Face's ``datasets`` wrote, or Parquet of the hub.

A ``DatasetDict`` has its own splits, a ``Dataset`` has none. Columns mean what they mean in a
table: the image, the map or mask, the group; all others are labels with 1, 0 or nothing. Or one
column lists the labels of an image, as text or by class (``ClassLabel``); those that no image has
are left out.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

from sedn.data.faults import Faults
from sedn.data.formats.columns.cells import Column, Where, make_column
from sedn.data.formats.columns.columns import read_columns
from sedn.data.formats.columns.description import ColumnsDescription
from sedn.data.formats.columns.label_cells import UNSURE
from sedn.data.formats.columns.labels import MAP_COLUMNS, pick_column, read_labels, read_roles
from sedn.data.formats.columns.maps import read_maps
from sedn.data.formats.huggingface.saved_parts import SavedPart, open_parts
from sedn.data.images.content import Content
from sedn.data.listing import Listing
from sedn.errors import UserError, did_you_mean


class HuggingFaceDescription(ColumnsDescription):
    """A folder that ``save_to_disk`` of Hugging Face's ``datasets`` wrote."""

    format: Literal["huggingface"]
    root: str = "."


def read_hugging_face(description: HuggingFaceDescription, folder: Path, faults: Faults) -> Listing:
    """Read and check a saved data set; a row with a fault is left out.

    Raises:
        UserError: the data set cannot be opened, a column is wrong, or no row is left.
    """
    root = folder / description.root
    parts = open_parts(root)
    columns = _columns(parts, root)
    where = _places(parts)
    image_column, images = _read_images(root, parts, description, columns, faults)
    map_column = pick_column(columns, description.map_column, MAP_COLUMNS, str(root))
    masks = [c for part in parts for c in _contents(part, map_column)] if map_column else []
    rest = [column for column in columns if column not in (image_column, map_column)]
    gathered = {column: _gather(parts, column, where, faults) for column in rest}
    reading = read_columns(gathered, description, str(root), faults)
    classes = parts[0].classes(reading.listed) if reading.listed else ()
    labels, targets, cells, fields = read_labels(
        gathered, reading, description, root, faults, classes
    )
    splits, groups, notes = read_roles(gathered, reading, len(images), faults)
    splits = splits if reading.splits else _of_parts(parts)
    rows = [row for row in range(len(images)) if row not in faults.rows]
    if not rows:
        raise UserError(f"{root}: no image is left")
    of_rows = [masks[row] if masks else None for row in rows]
    regions, maps, kind = read_maps(of_rows, description, str(root))
    return Listing(
        source=root,
        labels=labels,
        regions=regions,
        images=tuple(image for row in rows if (image := images[row]) is not None),
        maps=maps,
        targets=targets[rows],
        splits=tuple(splits[row] for row in rows),
        groups=tuple(groups[row] for row in rows) if groups else (),
        skipped=len(images) - len(rows),
        notes=(
            f"images: column '{image_column}'",
            *([f"maps: column '{map_column}'{kind and f', {kind}'}"] if map_column else ()),
            *(*cells, *notes, *reading.notes()),
        ),
        fields=_column_fields(image_column=image_column, map_column=map_column)
        | fields
        | _column_fields(group_column=reading.group),
    )


def _column_fields(**columns: str | None) -> dict[str, Any]:
    """The fields of a ``data.yaml`` for the columns that there are."""
    return {field: column for field, column in columns.items() if column}


def _read_images(
    root: Path,
    parts: list[SavedPart],
    description: HuggingFaceDescription,
    columns: list[str],
    faults: Faults,
) -> tuple[str, list[Content | None]]:
    """The column of the images, and the image of each row."""
    where = _places(parts)
    name = description.image_column or _image_column(parts[0], columns)
    if name not in columns:
        hint = did_you_mean(name, columns)
        raise UserError(f"{root}: no column '{name}' with the images{hint}")
    images = [content for part in parts for content in _contents(part, name)]
    for row, image in enumerate(images):
        if image is None:
            faults.add("missing file", f"{where(row)} has no image in column '{name}'", row)
    return name, images


def _image_column(part: SavedPart, columns: list[str]) -> str:
    """``image``, or the only column of images that are no maps."""
    images = [c for c in columns if part.kind(c) == "Image" and c not in MAP_COLUMNS]
    return images[0] if len(images) == 1 else "image"


def _of_parts(parts: list[SavedPart]) -> tuple[str, ...]:
    return tuple(part.split for part in parts for _ in range(len(part)))


def _columns(parts: list[SavedPart], root: Path) -> list[str]:
    """The columns that all parts have."""
    first = parts[0]
    for part in parts:
        if part.features != first.features:
            raise UserError(
                f"{root}: splits '{first.split}' and '{part.split}' differ in their columns"
            )
    return list(first.features)


def _contents(part: SavedPart, column: str) -> list[Content | None]:
    """The content of the images of a column; ``None`` for rows without an image."""
    if (kind := part.kind(column)) != "Image":
        raise UserError(
            f"{part.place}: column '{column}' is no Image but {kind}; cast it with "
            f"cast_column('{column}', Image())"
        )
    return part.contents(column)


def _places(parts: list[SavedPart]) -> Where:
    """Names a row of all parts in messages."""
    starts = list(accumulate(map(len, parts), initial=0))

    def where(row: int) -> str:
        part = bisect_right(starts, row) - 1
        return f"{parts[part].place}: row {row - starts[part]}"

    return where


def _gather(parts: list[SavedPart], name: str, where: Where, faults: Faults) -> Column:
    """A column of all parts, with the names of classes in place of their numbers."""
    values = [value for part in parts for value in part.values(name)]
    classes = parts[0].classes(name)
    for row, value in enumerate(values if classes else ()):
        try:
            values[row] = _named(value, classes)
        except ValueError as error:
            faults.add("bad cell", f"{where(row)}: {name}: {error}", row)
            values[row] = UNSURE
    return make_column(name, values, str(parts[0].place), where)


def _named(value: Any, classes: Sequence[str]) -> list[str] | str | None:
    """The labels of one image; a single one need not be in a list.

    Raises:
        ValueError: there is no such class.
    """
    if value is None:
        return None
    if value == -1:  # the class of what is not labelled
        return UNSURE
    items = value if isinstance(value, list) else [value]
    wrong = [item for item in items if item not in range(len(classes))]
    if wrong:
        raise ValueError(f"there is no class {wrong[0]} of {len(classes)}")
    return [classes[item] for item in items]
