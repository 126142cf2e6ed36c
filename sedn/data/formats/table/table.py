"""A table of images, CSV or Parquet: a row for each image, a column for each label.

Further columns have a meaning of their own: ``image``, the path; ``map`` (or ``mask``), the mask of
the regions; ``split``; ``group``. All others are labels with 1, 0, or nothing where the truth is
unknown. Or one column lists an image's labels by name, and all that it does not list are 0.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sedn.data.faults import Faults
from sedn.data.formats.columns.cells import (
    Column,
    note_cells,
    texts,
)
from sedn.data.formats.columns.columns import read_columns
from sedn.data.formats.columns.labels import read_labels, read_roles
from sedn.data.formats.columns.maps import read_maps
from sedn.data.formats.paths import Rule, find_files
from sedn.data.formats.table.description import TableDescription
from sedn.data.formats.table.image_columns import find_image_column, find_map_column
from sedn.data.formats.table.long_tables import first_rows, merge_rows
from sedn.data.formats.table.map_folder import masks_of_folder, tell_unread
from sedn.data.formats.table.table_parts import TableRows, read_table_rows
from sedn.data.images.content import FileContent
from sedn.data.listing import Listing
from sedn.errors import UserError
from sedn.style import count_of


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
    splits, groups, role_notes = read_roles(columns, reading, len(table), faults)
    splits = _combine(table, splits, bool(reading.splits), faults)
    same = [*(columns[name] for name in (*reading.splits, reading.group) if name),
            *((mapped[0],) if mapped else ())]  # fmt: skip
    images = _find_all(table, image, image, image_rule, root, "image", faults)
    masks, map_note = _find_masks(table, image, mapped, images, splits, description, folder, faults)
    merged = merge_rows(image, targets, same, table.where, faults, long=reading.listed is not None)
    contents = [images[index] for index in merged.images.tolist()]
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
        images=tuple(content for content in contents if content is not None),
        maps=maps,
        targets=merged.targets,
        splits=tuple(splits[row] for row in rows),
        groups=tuple(groups[row] for row in rows) if groups else (),
        skipped=table.skipped + _count_images(image) - len(rows),
        notes=(
            *filter(None, (_note("images", image, image_rule), _joined(map_note, kind))),
            *(*cells, *role_notes, *merged.notes, *reading.notes(), *table.notes),
        ),
        fields=_file_fields(image, mapped) | {**fields, **reading.fields()},
    )


def _find_masks(
    table: TableRows,
    image: Column,
    mapped: tuple[Column, Rule] | None,
    images: Sequence[FileContent | None],
    splits: Sequence[str],
    description: TableDescription,
    folder: Path,
    faults: Faults,
) -> tuple[list[FileContent | None] | None, str]:
    """The mask of each image by its column or its name, if there are any, and how masks are found.

    Raises:
        UserError: both a column and a folder are named, or a mask may be that of two images.
    """
    root, path = folder / description.images, table.source
    if description.maps is None:
        if mapped is None:
            return None, tell_unread(root, folder)
        masks = _find_all(table, image, *mapped, root, "map", faults)
        lacking = sum(mask is None for mask in masks)
        of = f"of {len(masks) - lacking:,} of {count_of(len(masks), 'image')}" if lacking else ""
        return masks, _joined(_note("maps", *mapped), of)
    if mapped is not None:
        raise UserError(
            f"{path}: maps: names a folder, and column '{mapped[0].name}' does masks; leave one out"
        )
    parts = [splits[row] for row in first_rows(image).tolist()]
    return masks_of_folder(images, parts, root, description.maps, folder, str(path))


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
    table: TableRows, of_rows: tuple[str, ...], has_column: bool, faults: Faults
) -> tuple[str, ...]:
    """The split of each row by its table, which a column may repeat but not contradict."""
    splits = table.row_splits()
    if not splits:
        return of_rows
    for row, (of_table, of_column) in enumerate(zip(splits, of_rows, strict=True)):
        if has_column and of_table != of_column:
            contradiction = f"split '{of_column}' in a table of split '{of_table}'"
            faults.add("bad cell", f"{table.where(row)}: {contradiction}", row)
    return splits


def _file_fields(image: Column, mapped: tuple[Column, Rule] | None) -> dict[str, Any]:
    """Fields of a description for the columns of images and maps."""
    return {"image_column": image.name} | ({"map_column": mapped[0].name} if mapped else {})


def _note(what: str, column: Column, rule: Rule) -> str:
    return _joined(f"{what}: column '{column.name}'", rule.describe())


def _joined(*notes: str) -> str:
    return ", ".join(filter(None, notes))
