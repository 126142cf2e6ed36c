"""Telling a data set's format from its path alone."""

from pathlib import Path
from typing import Any

from sedn.data.formats.coco_recognition import recognise_coco_file, recognise_coco_folder
from sedn.data.formats.saved_parts import has_images, parquet_files
from sedn.data.formats.table_file import is_table
from sedn.data.formats.table_recognition import recognise_tables
from sedn.errors import UserError


def recognise(path: Path) -> tuple[dict[str, Any], Path]:
    """The fields of a ``data.yaml`` for the data at ``path``, and the folder they are relative to.

    Raises:
        UserError: the format cannot be told.
    """
    if path.is_file():
        if path.suffix.lower() in (".parquet", ".pq") and has_images(path):
            return {"format": "huggingface", "root": path.name}, path.parent
        if path.suffix.lower() in (".xlsx", ".xls", ".ods", ".numbers"):
            raise UserError(f"{path}: a workbook; save its sheet as CSV, and give the path of that")
        if is_table(path):
            return {"format": "table", "table": path.name}, path.parent
        if path.suffix.lower() == ".json":
            return recognise_coco_file(path), path.parent
    for described in (_hugging_face, _voc, recognise_coco_folder, recognise_tables):
        if fields := described(path):
            return fields, path
    raise UserError(
        f"{path}: its format cannot be told; expected a table (CSV, TSV, Parquet, lines of "
        f"JSON), COCO's JSON, a folder of COCO, Pascal VOC or Hugging Face's datasets, or a "
        f"data.yaml that describes it"
    )


def _hugging_face(path: Path) -> dict[str, Any] | None:
    if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
        return {"format": "huggingface"}
    files = next(iter(parquet_files(path).values()), ())
    return {"format": "huggingface"} if files and has_images(files[0]) else None


def _voc(path: Path) -> dict[str, Any] | None:
    if (path / "JPEGImages").is_dir() and (path / "Annotations").is_dir():
        return {"format": "voc"}
    return None
