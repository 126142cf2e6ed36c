"""Telling a data set's format from its path alone."""

import json
from pathlib import Path
from typing import Any

from sedn.errors import UserError

_PARTS = {"train": ("train",), "validation": ("val", "valid", "validation"), "test": ("test",)}


def recognise(path: Path) -> tuple[dict[str, Any], Path]:
    """The fields of a ``data.yaml`` for the data at ``path``, and the folder they are relative to.

    Raises:
        UserError: the format cannot be told.
    """
    if path.is_file():
        suffix = path.suffix.lower()
        if suffix in (".csv", ".parquet", ".pq"):
            return {"format": "table", "table": path.name}, path.parent
        if suffix == ".json":
            return _coco_file(path), path.parent
    for described in (_hugging_face, _voc, _coco_folder):
        if fields := described(path):
            return fields, path
    raise UserError(
        f"{path}: its format cannot be told; expected a CSV or Parquet table, COCO's JSON, a "
        f"folder of COCO, Pascal VOC or Hugging Face's datasets, or a data.yaml that describes it"
    )


def _hugging_face(path: Path) -> dict[str, Any] | None:
    if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
        return {"format": "huggingface"}
    return None


def _voc(path: Path) -> dict[str, Any] | None:
    if (path / "JPEGImages").is_dir() and (path / "Annotations").is_dir():
        return {"format": "voc"}
    return None


def _coco_folder(path: Path) -> dict[str, Any] | None:
    """A folder with ``annotations/instances_train2017.json`` and ``train2017/``, or the like."""
    annotations: dict[str, str] = {}
    images: dict[str, str] = {}
    for file in sorted((path / "annotations").glob("*.json")):
        part = file.stem.removeprefix("instances_").removeprefix("instances_attributes_")
        split = _split_of(part)
        if split is None or split in annotations or not _looks_like_coco(file):
            continue
        annotations[split] = str(file.relative_to(path))
        folders = (part, f"images/{part}", _letters(part), f"images/{_letters(part)}", "images")
        images[split] = next((name for name in folders if (path / name).is_dir()), ".")
    if not annotations:
        return None
    smallest = min((path / name for name in annotations.values()), key=lambda p: p.stat().st_size)
    format = _coco_format(smallest)
    return {"format": format, "annotations": annotations, "images": images}


def _coco_file(path: Path) -> dict[str, Any]:
    document = _load(path)
    if not isinstance(document, dict) or "images" not in document:
        raise UserError(f"{path}: not COCO's JSON: no 'images' in it")
    first = next((i.get("file_name", "") for i in document["images"] if isinstance(i, dict)), "")
    folders = (".", "images", path.stem, "..", "../images", f"../{path.stem}")
    root = next((name for name in folders if (path.parent / name / first).is_file()), ".")
    return {"format": _coco_format(path), "annotations": path.name, "images": root}


def _coco_format(path: Path) -> str:
    document = _load(path)
    return "fashionpedia" if document.get("attributes") else "coco"


def _looks_like_coco(path: Path) -> bool:
    # Such a file may hold half a gigabyte.
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
