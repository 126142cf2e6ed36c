"""A folder that ``save_to_disk`` of Hugging Face's ``datasets`` wrote.

A ``DatasetDict`` has its own splits, a ``Dataset`` has none. Columns mean what they mean in a
table: the image, the map or mask, the group; all others are labels with 1, 0 or nothing. Or one
column lists the labels of an image, as text or by class (``ClassLabel``); those that no image has
are left out.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sedn.data.arrow import STATE, ArrowContent, open_arrow
from sedn.data.description import HuggingFaceDescription
from sedn.data.formats.cells import Column, make_column
from sedn.data.formats.columns import read_columns
from sedn.data.formats.label_lists import UNSURE
from sedn.data.formats.table import MAP_COLUMNS, pick_column, read_labels, read_roles
from sedn.data.listing import Listing
from sedn.data.masks import MaskImage, parse_values
from sedn.data.splits import split_name
from sedn.errors import UserError, did_you_mean


@dataclass(frozen=True)
class _Part:
    """A ``Dataset``: all of the data, or one split."""

    folder: Path
    split: str
    rows: Any

    def values(self, column: str) -> list[Any]:
        """What the column holds, by row."""
        return list(self.rows[column])


def read_hugging_face(description: HuggingFaceDescription, folder: Path) -> Listing:
    """Read and check a saved data set.

    Raises:
        UserError: it cannot be opened, or a column or value is wrong.
    """
    root = folder / description.root
    parts = _open_parts(root)
    columns = _columns(parts, root)
    image_column = description.image_column or "image"
    if image_column not in columns:
        hint = did_you_mean(image_column, columns)
        raise UserError(f"{root}: no column '{image_column}' with the images{hint}")
    images = [c for part in parts for c in _contents(part, image_column)]
    map_column = pick_column(columns, description.map_column, MAP_COLUMNS, str(root))
    masks = [c for part in parts for c in _contents(part, map_column)] if map_column else []
    values = parse_values(description.regions, str(root))
    maps = [None if mask is None else MaskImage(mask, values) for mask in masks]
    rest = [column for column in columns if column not in (image_column, map_column)]
    gathered = {column: _gather(parts, column) for column in rest}
    reading = read_columns(gathered, description, str(root))
    classes = _classes(parts[0].rows.features[reading.listed]) if reading.listed else ()
    labels, targets, cells = read_labels(gathered, reading, description, root, classes)
    splits, groups, said = read_roles(gathered, reading, len(images))
    return Listing(
        source=root,
        labels=labels,
        regions=tuple(description.regions) or ("region",),
        images=tuple(_present(images, parts, image_column)),
        maps=tuple(maps) if map_column else (None,) * len(images),
        targets=targets,
        splits=splits if reading.splits else _of_parts(parts),
        groups=groups,
        said=(
            f"images: column '{image_column}'",
            *((f"maps: column '{map_column}'",) if map_column else ()),
            *(*cells, *said, *reading.said()),
        ),
    )


def _of_parts(parts: list[_Part]) -> tuple[str, ...]:
    return tuple(part.split for part in parts for _ in range(len(part.rows)))


def _open_parts(root: Path) -> list[_Part]:
    path = root / "dataset_dict.json"
    if not path.is_file():
        if not (root / STATE).is_file():
            raise UserError(f"{root}: no saved data set: neither {path.name} nor {STATE} is in it")
        parts = [_Part(root, "", open_arrow(root))]
    else:
        try:
            names = json.loads(path.read_text(encoding="utf-8"))["splits"]
        except (OSError, ValueError, KeyError, TypeError):
            raise UserError(f"{path}: cannot be read; expected a list of splits") from None
        parts = [
            _Part(root / name, split_name(name, str(path)), open_arrow(root / name))
            for name in names
        ]
    if not sum(len(part.rows) for part in parts):
        raise UserError(f"{root}: holds no rows; expected one for each image")
    return parts


def _columns(parts: list[_Part], root: Path) -> list[str]:
    """Those that all parts have."""
    columns: list[str] = parts[0].rows.column_names
    for part in parts:
        if part.rows.features != parts[0].rows.features:
            raise UserError(
                f"{root}: splits '{parts[0].folder.name}' and '{part.folder.name}' differ in their "
                f"columns"
            )
    return columns


def _contents(part: _Part, column: str) -> list[ArrowContent | None]:
    """Where the images of a column lie; ``None`` where there is none."""
    import pyarrow.compute as pc

    feature = part.rows.features[column]
    if type(feature).__name__ != "Image":
        raise UserError(
            f"{part.folder}: column '{column}' is no Image but {type(feature).__name__}; cast it "
            f"with cast_column('{column}', Image())"
        )
    # ``save_to_disk`` takes the bytes of all files in.
    batches = part.rows.with_format("arrow").select_columns([column]).iter(1000)
    there = [
        is_valid
        for batch in batches
        for is_valid in pc.struct_field(batch[column], "bytes").is_valid().to_pylist()
    ]
    folder = str(part.folder)
    return [ArrowContent(folder, column, row) if t else None for row, t in enumerate(there)]


def _present(
    images: list[ArrowContent | None], parts: list[_Part], column: str
) -> list[ArrowContent]:
    """All of the images, none of which may be missing."""
    present = [image for image in images if image is not None]
    if len(present) < len(images):
        row = images.index(None)
        for part in parts:
            if row < len(part.rows):
                break
            row -= len(part.rows)
        raise UserError(f"{part.folder}: row {row} has no image in column '{column}'")
    return present


def _gather(parts: list[_Part], name: str) -> Column:
    """A column of all parts, with the names of classes in place of their numbers."""
    places = [(part, row) for part in parts for row in range(len(part.rows))]

    def where(row: int) -> str:
        part, at = places[row]
        return f"{part.folder}: row {at}"

    values = [value for part in parts for value in part.values(name)]
    classes = _classes(parts[0].rows.features[name])
    if classes:
        values = [_named(value, classes, f"{where(r)}: {name}") for r, value in enumerate(values)]
    return make_column(name, values, str(parts[0].folder), where)


def _classes(feature: Any) -> Sequence[str]:
    """The names of a column's classes, alone in a cell or in a list; none if they have none."""
    inner = feature[0] if isinstance(feature, list) else getattr(feature, "feature", None)
    return getattr(inner or feature, "names", None) or ()


def _named(value: Any, classes: Sequence[str], where: str) -> list[str] | str | None:
    """The labels of one image; a single one need not be in a list."""
    if value is None:
        return None
    if value == -1:  # the class of what is not labelled
        return UNSURE
    items = value if isinstance(value, list) else [value]
    wrong = [item for item in items if item not in range(len(classes))]
    if wrong:
        raise UserError(f"{where}: there is no class {wrong[0]} of {len(classes)}")
    return [classes[item] for item in items]
