"""A folder that ``save_to_disk`` of Hugging Face's ``datasets`` wrote, or Parquet of the hub.

A ``DatasetDict`` has its own splits, a ``Dataset`` has none. Columns mean what they mean in a
table: the image, the map or mask, the group; all others are labels with 1, 0 or nothing. Or one
column lists the labels of an image, as text or by class (``ClassLabel``); those that no image has
are left out.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sedn.data.content import Content
from sedn.data.description import HuggingFaceDescription
from sedn.data.formats.cells import Column, make_column
from sedn.data.formats.columns import read_columns
from sedn.data.formats.label_lists import UNSURE
from sedn.data.formats.maps import read_maps
from sedn.data.formats.saved_parts import SavedPart, open_parts
from sedn.data.formats.table import MAP_COLUMNS, pick_column, read_labels, read_roles
from sedn.data.listing import Listing
from sedn.errors import UserError, did_you_mean


def read_hugging_face(description: HuggingFaceDescription, folder: Path) -> Listing:
    """Read and check a saved data set.

    Raises:
        UserError: it cannot be opened, or a column or value is wrong.
    """
    root = folder / description.root
    parts = open_parts(root)
    columns = _columns(parts, root)
    image_column = description.image_column or _image_column(parts[0], columns)
    if image_column not in columns:
        hint = did_you_mean(image_column, columns)
        raise UserError(f"{root}: no column '{image_column}' with the images{hint}")
    images = [c for part in parts for c in _contents(part, image_column)]
    map_column = pick_column(columns, description.map_column, MAP_COLUMNS, str(root))
    masks = [c for part in parts for c in _contents(part, map_column)] if map_column else []
    regions, maps, kind = read_maps(masks or [None] * len(images), description, str(root))
    rest = [column for column in columns if column not in (image_column, map_column)]
    gathered = {column: _gather(parts, column) for column in rest}
    reading = read_columns(gathered, description, str(root))
    classes = parts[0].classes(reading.listed) if reading.listed else ()
    labels, targets, cells, fields = read_labels(gathered, reading, description, root, classes)
    splits, groups, said = read_roles(gathered, reading, len(images))
    return Listing(
        source=root,
        labels=labels,
        regions=regions,
        images=tuple(_present(images, parts, image_column)),
        maps=maps,
        targets=targets,
        splits=splits if reading.splits else _of_parts(parts),
        groups=groups,
        said=(
            f"images: column '{image_column}'",
            *(
                (", ".join(filter(None, (f"maps: column '{map_column}'", kind))),)
                if map_column
                else ()
            ),
            *(*cells, *said, *reading.said()),
        ),
        fields={
            "image_column": image_column,
            **({"map_column": map_column} if map_column else {}),
            **fields,
            **({"group_column": reading.group} if reading.group else {}),
        },
    )


def _image_column(part: SavedPart, columns: list[str]) -> str:
    """``image``, or the only column of images that are no maps."""
    found = [c for c in columns if part.kind(c) == "Image" and c not in MAP_COLUMNS]
    return found[0] if len(found) == 1 else "image"


def _of_parts(parts: list[SavedPart]) -> tuple[str, ...]:
    return tuple(part.split for part in parts for _ in range(len(part)))


def _columns(parts: list[SavedPart], root: Path) -> list[str]:
    """Those that all parts have."""
    first = parts[0]
    for part in parts:
        if part.features != first.features:
            raise UserError(
                f"{root}: splits '{first.split}' and '{part.split}' differ in their columns"
            )
    return list(first.features)


def _contents(part: SavedPart, column: str) -> list[Content | None]:
    """Where the images of a column lie; ``None`` where there is none."""
    if (kind := part.kind(column)) != "Image":
        raise UserError(
            f"{part.place}: column '{column}' is no Image but {kind}; cast it with "
            f"cast_column('{column}', Image())"
        )
    return part.contents(column)


def _present(images: list[Content | None], parts: list[SavedPart], column: str) -> list[Content]:
    """All of the images, none of which may be missing."""
    present = [image for image in images if image is not None]
    if len(present) < len(images):
        row = images.index(None)
        for part in parts:
            if row < len(part):
                break
            row -= len(part)
        raise UserError(f"{part.place}: row {row} has no image in column '{column}'")
    return present


def _gather(parts: list[SavedPart], name: str) -> Column:
    """A column of all parts, with the names of classes in place of their numbers."""
    places = [(part, row) for part in parts for row in range(len(part))]

    def where(row: int) -> str:
        part, at = places[row]
        return f"{part.place}: row {at}"

    values = [value for part in parts for value in part.values(name)]
    classes = parts[0].classes(name)
    if classes:
        values = [_named(value, classes, f"{where(r)}: {name}") for r, value in enumerate(values)]
    return make_column(name, values, str(parts[0].place), where)


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
