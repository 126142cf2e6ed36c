"""Telling the tables of a folder: one, or one for each split."""

from pathlib import Path
from typing import Any

from sedn.data.dataset import SPLITS
from sedn.data.folders import files_of, folders_of
from sedn.data.formats.table_file import is_table
from sedn.data.splits.cutting import is_split, split_name
from sedn.errors import UserError
from sedn.seen import is_folder

_USUAL = ("_classes", "metadata", "labels", "data", "annotations")
"""Names without suffix by which a table is preferred to others beside it."""
_WORKBOOKS = (".xlsx", ".xls", ".ods", ".numbers")


def recognise_table_file(path: Path) -> dict[str, Any] | None:
    """The fields of a ``data.yaml`` for a file; ``None`` if its name is not that of a table.

    Raises:
        UserError: the file is a workbook.
    """
    if path.suffix.lower() in _WORKBOOKS:
        raise UserError(f"{path}: a workbook; save its sheet as CSV, and give the path of that")
    return {"format": "table", "table": path.name} if is_table(path) else None


def recognise_tables(path: Path) -> dict[str, Any] | None:
    """The fields of a ``data.yaml`` for a folder of tables; ``None`` if it has none.

    Raises:
        UserError: the folder has several tables, and which of these holds the images is not clear.
    """
    if not is_folder(path):
        return None
    own = _tables(path)
    by_name = {_stem(table): table.name for table in own if is_split(_stem(table))}
    if len(by_name) > 1 and len(by_name) == len(own):
        return {"format": "table", "table": _splits(path, by_name)}
    if table := _choose(path, own):
        return {"format": "table", "table": table.name}
    folders = [f for f in folders_of(path) if is_split(f.name)] if not own else []
    chosen = {f.name: t for f in folders if (t := _choose(f, _tables(f)))}
    if len(chosen) == 1:
        ((folder, table),) = chosen.items()
        return {"format": "table", "table": f"{folder}/{table.name}", "images": folder}
    if chosen:
        relative = {name: str(table.relative_to(path)) for name, table in chosen.items()}
        return {"format": "table", "table": _splits(path, relative)}
    return None


def _tables(folder: Path) -> list[Path]:
    return [file for file in files_of(folder) if is_table(file) and ".txt" not in file.name]


def _choose(folder: Path, tables: list[Path]) -> Path | None:
    usual = [table for table in tables if _stem(table) in _USUAL]
    candidates = usual if len(usual) == 1 else tables
    if len(candidates) > 1:
        some = ", ".join(table.name for table in candidates[:5])
        raise UserError(f"{folder}: holds several tables ({some}); give the path of one")
    return candidates[0] if candidates else None


def _stem(table: Path) -> str:
    return table.name.lower().partition(".")[0]


def _splits(where: Path, paths: dict[str, str]) -> dict[str, str]:
    named: dict[str, str] = {}
    for name, path in paths.items():
        other = named.setdefault(split_name(name, name), path)
        if other != path:
            raise UserError(
                f"{where}: {other} and {path} are both of split '{split_name(name, name)}'"
            )
    return {split: named[split] for split in SPLITS if split in named}
