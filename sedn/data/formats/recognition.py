"""Telling a data set's format from its path alone."""

import json
import os
import re
from pathlib import Path
from typing import Any

from sedn.data.formats.saved_parts import has_images, parquet_files
from sedn.data.formats.table_file import is_table
from sedn.data.formats.table_recognition import recognise_tables
from sedn.errors import UserError

_PARTS = {"train": ("train",), "validation": ("val", "valid", "validation"), "test": ("test",)}


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
            return _coco_file(path), path.parent
    for described in (_hugging_face, _voc, _coco_folder, recognise_tables):
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


def _coco_folder(path: Path) -> dict[str, Any] | None:
    """A folder with ``annotations/instances_train2017.json`` and ``train2017/``, or the like."""
    annotations: dict[str, str] = {}
    images: dict[str, str] = {}
    fashion = False
    for file in sorted((path / "annotations").glob("*.json")):
        part = file.stem.removeprefix("instances_").removeprefix("attributes_")
        split = _split_of(part)
        if split is None or split in annotations or not _looks_like_coco(file):
            continue
        first, attributes = _peek(file)
        fashion = fashion or attributes
        annotations[split] = str(file.relative_to(path))
        # Fashionpedia keeps the images of both val and test in one folder.
        names = (part, _letters(part), *(("test",) if attributes else ()))
        folders = [f"{parent}{name}" for name in names for parent in ("", "images/")]
        images[split] = _folder_of(path, [*folders, "images", "."], first)
    if not annotations:
        return None
    format = "fashionpedia" if fashion else "coco"
    return {"format": format, "annotations": annotations, "images": images}


def _coco_file(path: Path) -> dict[str, Any]:
    first, attributes = _peek(path)
    folders = [".", "images", path.stem, "..", "../images", f"../{path.stem}"]
    format = "fashionpedia" if attributes else "coco"
    root = _folder_of(path.parent, folders, first)
    return {"format": format, "annotations": path.name, "images": root}


def _folder_of(path: Path, folders: list[str], image: str) -> str:
    """The first of the folders that has the image; if none has, the first that is there."""
    for name in folders:
        if image and os.path.isfile(path / name / image):  # noqa: PTH113 (takes any name)
            return name
    return next((name for name in folders if (path / name).is_dir()), ".")


def _peek(path: Path) -> tuple[str, bool]:
    """The name of one image in COCO's JSON, and whether objects have attributes.

    Such a file may hold half a gigabyte, so it is not parsed to tell this.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if b'"images"' not in data:
        raise UserError(f"{path}: not COCO's JSON: no 'images' in it")
    found = re.search(rb'"file_name"\s*:\s*("(?:[^"\\]|\\.)*")', data)
    try:
        name = str(json.loads(found[1])) if found else ""
    except ValueError:
        name = ""
    return name, b'"attribute_ids"' in data


def _looks_like_coco(path: Path) -> bool:
    if path.stem.startswith("instances"):
        return True
    document = _load(path)
    return isinstance(document, dict) and {"images", "annotations", "categories"} <= set(document)


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON: {' '.join(str(error).split())}") from None


def _split_of(part: str) -> str | None:
    plain = _letters(part).lower()
    return next((split for split, names in _PARTS.items() if plain in names), None)


def _letters(part: str) -> str:
    """``train2017`` without its year."""
    return part.rstrip("0123456789-_")
