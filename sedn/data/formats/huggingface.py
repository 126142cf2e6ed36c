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

import numpy as np
from numpy.typing import NDArray

from sedn.data.arrow import STATE, ArrowContent, open_arrow
from sedn.data.description import HuggingFaceDescription
from sedn.data.formats.table import LIST_COLUMNS, MAP_COLUMNS, pick_column
from sedn.data.listing import Listing
from sedn.data.masks import MaskImage, parse_values
from sedn.data.splits import split_name
from sedn.errors import UserError, did_you_mean

Labels = tuple[tuple[str, ...], NDArray[np.float32]]
"""Names, and targets ``(images, labels)``."""


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
    if description.image_column not in columns:
        hint = did_you_mean(description.image_column, columns)
        raise UserError(f"{root}: no column '{description.image_column}' with the images{hint}")
    images = [c for part in parts for c in _contents(part, description.image_column)]
    map_column = pick_column(columns, description.map_column, MAP_COLUMNS, str(root))
    masks = [c for part in parts for c in _contents(part, map_column)] if map_column else []
    values = parse_values(description.regions, str(root))
    maps = [None if mask is None else MaskImage(mask, values) for mask in masks]
    grouped = description.group_column in columns
    roles = (description.image_column, map_column, description.group_column)
    labels, targets = _labels(parts, [c for c in columns if c not in roles], description, root)
    return Listing(
        source=root,
        labels=labels,
        regions=tuple(description.regions) or ("region",),
        images=tuple(_present(images, parts, description.image_column)),
        maps=tuple(maps) if map_column else (None,) * len(images),
        targets=targets,
        splits=tuple(part.split for part in parts for _ in range(len(part.rows))),
        groups=_groups(parts, description.group_column) if grouped else (),
    )


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


def _labels(
    parts: list[_Part], columns: list[str], description: HuggingFaceDescription, root: Path
) -> Labels:
    listed = pick_column(columns, description.label_list, LIST_COLUMNS, str(root))
    features = parts[0].rows.features
    if listed and (description.label_list or _inner(features[listed]) is not None):
        return _from_lists(parts, listed, _inner(features[listed]) or features[listed])
    wanted = description.labels or columns
    for label in wanted:
        if label not in columns:
            raise UserError(f"{root}: no column for label '{label}'{did_you_mean(label, columns)}")
    if not wanted:
        raise UserError(f"{root}: no label column; every column but image, map, group is one")
    return tuple(wanted), np.stack([_targets(parts, label) for label in wanted], axis=1)


def _inner(feature: Any) -> Any:
    """What a list is a list of; ``None`` if it is no list."""
    return feature[0] if isinstance(feature, list) else getattr(feature, "feature", None)


def _targets(parts: list[_Part], label: str) -> NDArray[np.float32]:
    """``(rows,)``: 1, 0, or NaN."""
    targets = []
    for part in parts:
        for row, value in enumerate(part.values(label)):
            if value is None or value != value:
                targets.append(np.nan)
            elif isinstance(value, int | float) and value in (0, 1):
                targets.append(float(value))
            else:
                raise UserError(
                    f"{part.folder}: row {row}: label '{label}' is {value!r:.40}; expected 1, 0, "
                    f"or nothing where it is unknown"
                )
    return np.array(targets, dtype=np.float32)


def _from_lists(parts: list[_Part], column: str, item: Any) -> Labels:
    """The labels that are listed; no list at all is unknown."""
    names: Sequence[str] | None = getattr(item, "names", None)
    lists = [
        _listed(value, names, f"{part.folder}: row {row}: {column}")
        for part in parts
        for row, value in enumerate(part.values(column))
    ]
    found = {name for listed in lists if listed for name in listed}
    labels = tuple(name for name in names if name in found) if names else tuple(sorted(found))
    if not labels:
        raise UserError(f"{parts[0].folder}: column '{column}' lists no label at all")
    position = {label: index for index, label in enumerate(labels)}
    targets = np.zeros((len(lists), len(labels)), dtype=np.float32)
    for row, listed in enumerate(lists):
        if listed is None:
            targets[row] = np.nan
        else:
            targets[row, [position[name] for name in listed]] = 1
    return labels, targets


def _listed(value: Any, names: Sequence[str] | None, where: str) -> list[str] | None:
    """The labels of one image; a single one need not be in a list."""
    if value is None or value == -1:  # the class of what has none
        return None
    items = value if isinstance(value, list) else [value]
    if names is not None:
        wrong = [item for item in items if item not in range(len(names))]
        if wrong:
            raise UserError(f"{where}: there is no class {wrong[0]} of {len(names)}")
        return [names[item] for item in items]
    if not all(isinstance(item, str) for item in items):
        raise UserError(f"{where}: {value!r:.40} is no list of names")
    return items


def _groups(parts: list[_Part], column: str) -> tuple[str, ...]:
    return tuple(
        "" if value is None else str(value) for part in parts for value in part.values(column)
    )
