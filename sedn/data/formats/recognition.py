"""Telling a data set's format from its path alone."""

from pathlib import Path
from typing import Any

from sedn.data.formats.coco_recognition import recognise_coco_file, recognise_coco_folder
from sedn.data.formats.foreign import name_foreign
from sedn.data.formats.saved_parts import has_images, parquet_files
from sedn.data.formats.table_file import is_table
from sedn.data.formats.table_recognition import recognise_tables
from sedn.data.formats.voc_recognition import recognise_devkit, recognise_loose_voc
from sedn.data.formats.yolo_recognition import recognise_yolo, recognise_yolo_file
from sedn.errors import Question, UserError
from sedn.seen import is_file


def recognise(path: Path, format: str | None = None) -> tuple[dict[str, Any], Path]:
    """The fields of a ``data.yaml`` for the data at ``path``, and the folder they are relative to.

    Args:
        path: of the data.
        format: the only one that is looked for, where a folder may be of several.

    Raises:
        UserError: the format cannot be told.
    """
    if is_file(path):
        if path.suffix.lower() in (".parquet", ".pq") and has_images(path):
            return {"format": "huggingface", "root": path.name}, path.parent
        if path.suffix.lower() in (".xlsx", ".xls", ".ods", ".numbers"):
            raise UserError(f"{path}: a workbook; save its sheet as CSV, and give the path of that")
        if is_table(path):
            return {"format": "table", "table": path.name}, path.parent
        if path.suffix.lower() == ".json":
            return recognise_coco_file(path), path.parent
        if fields := recognise_yolo_file(path):
            return fields, path.parent
    for described in (_hugging_face, recognise_devkit):
        if (fields := described(path)) and format in (None, fields["format"]):
            return fields, path
    return _recognise_loose(path, format), path


def _recognise_loose(path: Path, format: str | None) -> dict[str, Any]:
    """The fields for a folder that may be of several formats.

    Raises:
        UserError: it is of none, or of several.
    """
    found = [
        fields
        for described in (_coco_or_tables, recognise_loose_voc, recognise_yolo)
        if (fields := described(path)) and format in (None, fields["format"])
    ]
    if len(found) > 1:
        formats = [str(fields["format"]) for fields in found]
        raise Question(
            f"{path}: may be read as {' or as '.join(formats)}; say which with 'format: "
            f"{formats[0]}' or 'format: {formats[1]}' in a data.yaml",
            [{"format": name} for name in formats],
        )
    if found:
        return found[0]
    if foreign := name_foreign(path):
        raise UserError(f"{path}: its format cannot be read: {foreign}")
    raise UserError(
        f"{path}: its format cannot be told; expected a table (CSV, TSV, Parquet, lines of "
        f"JSON), COCO's JSON, a folder of COCO, Pascal VOC, YOLO or Hugging Face's datasets, or a "
        f"data.yaml that describes it"
    )


def _coco_or_tables(path: Path) -> dict[str, Any] | None:
    return recognise_coco_folder(path) or recognise_tables(path)


def _hugging_face(path: Path) -> dict[str, Any] | None:
    if is_file(path / "dataset_dict.json") or is_file(path / "state.json"):
        return {"format": "huggingface"}
    files = next(iter(parquet_files(path).values()), ())
    return {"format": "huggingface"} if files and has_images(files[0]) else None
