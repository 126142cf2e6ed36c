"""The columns of a table that name the images and their maps, by name and by the files."""

from collections.abc import Sequence
from pathlib import Path

from sedn.data.formats.columns.cells import Column, is_binary, plain_name
from sedn.data.formats.paths import PathRule, Rule, find_rule
from sedn.data.formats.table.description import TableDescription
from sedn.data.formats.table.table_parts import TableRows
from sedn.data.images.names import SUFFIXES
from sedn.errors import Question, UserError, did_you_mean

_IMAGES = (
    "image", "imagepath", "imagefile", "imagefilename", "imagename", "img", "imgpath", "imgname",
    "imgfile", "filepath", "filename", "fname", "file", "path", "images", "imageindex", "photo",
    "picture", "imageid", "imgid", "id",
)  # fmt: skip
_MAPS = ("map", "mask", "mappath", "maskpath", "mapfile", "maskfile", "segmentation",
         "segmentationpath")  # fmt: skip


def find_image_column(
    table: TableRows, description: TableDescription, root: Path
) -> tuple[Column, Rule]:
    """The column that names the images, and how its cells become files.

    Raises:
        UserError: there is none, or two may be it.
    """
    if named := description.image_column:
        if named not in table.names:
            hint = did_you_mean(named, table.names)
            raise UserError(
                f"{table.source}: no column '{named}' with the paths of the images{hint}"
            )
        return _with_rule(table, named, root)
    _refuse_missing_header(table)
    taken = {description.map_column, *(n for n in table.names if plain_name(n) in _MAPS)}
    usual = sorted(
        (
            name
            for name in table.names
            if plain_name(name) in _IMAGES
            and name not in taken
            # A column of 1 and 0 is a label, though there may be a file 1.png.
            and (name == "image" or not is_binary(table.paths(name)))
        ),
        key=lambda name: (name != "image", _IMAGES.index(plain_name(name))),
    )
    for name in usual:
        if rule := _rule(table.paths(name), root, table):
            return table.paths(name), rule
    rest = [name for name in table.names if name not in usual and name not in taken]
    if by_files := _find_by_files(table, rest, root):
        return by_files
    paths = [name for name in usual if _look_like_paths(table.paths(name))]
    if not (paths or usual[:1] == ["image"]):
        hint = did_you_mean("image", table.names)
        raise UserError(f"{table.source}: no column 'image' with the paths of the images{hint}")
    return table.paths((paths or usual)[0]), PathRule()


def _find_by_files(
    table: TableRows, names: Sequence[str], root: Path
) -> tuple[Column, Rule] | None:
    """The only column that names files; ``None`` if no column does.

    Raises:
        Question: several do.
    """
    rules = {
        name: rule
        for name in names
        # A 1 is no name of the file 1.png, unless the column is called so.
        if not _has_numbers(table.paths(name)) and (rule := _rule(table.paths(name), root, table))
    }
    if len(rules) > 1:
        some = " and ".join(f"'{name}'" for name in rules)
        raise Question(
            f"{table.source}: columns {some} name files; say which are the images with "
            f"image_column:",
            [{"image_column": name} for name in rules],
        )
    return next(((table.paths(name), rule) for name, rule in rules.items()), None)


def find_map_column(
    table: TableRows, description: TableDescription, root: Path
) -> tuple[Column, Rule] | None:
    """The column that names the maps, if there is one, and how its cells become files.

    Raises:
        UserError: the one that is named is not there, or two may be it.
    """
    if named := description.map_column:
        if named not in table.names:
            raise UserError(
                f"{table.source}: no column '{named}'{did_you_mean(named, table.names)}"
            )
        return _with_rule(table, named, root, maps=True)
    # A mask may be worn, too: 1 and 0 are no paths.
    candidates = [
        name
        for name in table.names
        if plain_name(name) in _MAPS and not is_binary(table.paths(name))
        and name not in (*(description.labels or ()), *description.leave_out)
    ]  # fmt: skip
    if len(candidates) > 1:
        raise Question(
            f"{table.source}: columns '{candidates[0]}' and '{candidates[1]}' mean the same; keep "
            f"one, or say which with map_column:",
            [{"map_column": name} for name in candidates],
        )
    return _with_rule(table, candidates[0], root, maps=True) if candidates else None


def _with_rule(
    table: TableRows, name: str, root: Path, *, maps: bool = False
) -> tuple[Column, Rule]:
    column = table.paths(name)
    return column, _rule(column, root, table, maps=maps) or PathRule()


def _rule(column: Column, root: Path, table: TableRows, *, maps: bool = False) -> Rule | None:
    where = f"{table.source}: column '{column.name}'"
    return find_rule(_names(column), root, where, maps=maps)


def _names(column: Column) -> list[str]:
    if any(isinstance(cell, tuple | float) for cell in column.cells):
        return []
    return [str(cell) for cell in column.cells if cell is not None]


def _has_numbers(column: Column) -> bool:
    return any(name.replace(".", "", 1).lstrip("-").isdigit() for name in _names(column))


def _look_like_paths(column: Column) -> bool:
    names = _names(column)
    return sum(name.lower().endswith(SUFFIXES) for name in names) * 2 > len(names)


def _refuse_missing_header(table: TableRows) -> None:
    """A first row of cells is taken for names, and would be lost."""
    names: Sequence[str] = [name for name in table.names if name.lower().endswith(SUFFIXES)]
    if names:
        raise UserError(
            f"{table.source}: the first row holds '{names[0]}'; expected the names of the columns"
        )
