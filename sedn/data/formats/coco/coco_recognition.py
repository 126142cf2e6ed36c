"""Telling folders of COCO's JSON, as the usual tools write them, from their path alone.

The devkit and CVAT write ``annotations/instances_train2017.json``, Roboflow
``train/_annotations.coco.json`` beside the images, FiftyOne ``labels.json`` and ``data/``, Label
Studio ``result.json`` and ``images/``.
"""

import json
import re
from pathlib import Path
from typing import Any

from sedn.data.folders import files_of, folders_of
from sedn.data.formats.foreign import name_foreign
from sedn.data.formats.parts import folders_by_split
from sedn.data.splits.cutting import is_split, split_name
from sedn.errors import Question, UserError
from sedn.seen import is_file, is_folder, read_file

_USUAL = ("instances_default.json", "_annotations.coco.json", "labels.json", "result.json",
          "annotations.json", "instances.json", "coco.json")  # fmt: skip
"""Names by which a file is preferred to others beside it."""


def recognise_coco_file(path: Path) -> dict[str, Any] | None:
    """The fields of a ``data.yaml`` for one JSON; ``None`` for another file.

    Raises:
        UserError: the file is JSON, but not COCO's.
    """
    if path.suffix.lower() != ".json":
        return None
    first, attributes = _peek(path)
    folders = [".", "images", "data", path.stem, "..", "../images", f"../{path.stem}"]
    format = "fashionpedia" if attributes else "coco"
    root = _folder_of(path.parent, folders, first) or _parent_with(path.parent, first)
    return {"format": format, "annotations": path.name, "images": root}


def recognise_coco_folder(path: Path) -> dict[str, Any] | None:
    """The fields of a ``data.yaml`` for a folder; ``None`` if it is none of COCO.

    Raises:
        UserError: the folder holds several files of COCO, and which are meant is not clear.
    """
    if not is_folder(path):
        return None
    for folder in (path / "annotations", path):
        files = _coco_files(folder)
        named = {split: file for file in files if (split := _split_of(file.stem))}
        if named and len(named) == sum(_split_of(file.stem) is not None for file in files):
            return _of_splits(path, named)
        if file := _only(files, folder):
            first, attributes = _peek(file)
            root = _folder_of(path, ["images", "data", ".", "train"], first) or "."
            format = "fashionpedia" if attributes else "coco"
            return {
                "format": format,
                "annotations": str(file.relative_to(path)),
                "images": root,
            }
    annotations = {
        folder: file
        for folder in folders_of(path)
        if is_split(folder.name) and (file := _only(_coco_files(folder), folder))
    }
    below = {
        split: annotations[folder]
        for split, folder in folders_by_split(annotations, str(path)).items()
    }
    return _of_splits(path, below) if below else None


def _of_splits(path: Path, files: dict[str, Path]) -> dict[str, Any]:
    annotations: dict[str, str] = {}
    images: dict[str, str] = {}
    fashion = False
    for split, file in files.items():
        first, attributes = _peek(file)
        fashion = fashion or attributes
        annotations[split] = str(file.relative_to(path))
        part = file.stem.removeprefix("instances_").removeprefix("attributes_")
        # Fashionpedia keeps the images of both val and test in one folder.
        names = [part, _letters(part), split, *(("test",) if attributes else ())]
        own = [] if file.parent in (path, path / "annotations") else [file.parent.name]
        folders = [*own, *(f"{parent}{name}" for name in names for parent in ("", "images/"))]
        images[split] = _folder_of(path, [*folders, "images", "data", "."], first) or "."
    format = "fashionpedia" if fashion else "coco"
    return {"format": format, "annotations": annotations, "images": images}


def _coco_files(folder: Path) -> list[Path]:
    """The files of instances; where no file has that name, all files that look like COCO's."""
    files = files_of(folder, (".json",))
    instances = [file for file in files if file.name.startswith("instances")]
    return instances or [file for file in files if _looks_like_coco(file)]


def _only(files: list[Path], folder: Path) -> Path | None:
    usual = [file for file in files if file.name in _USUAL]
    candidates = usual if len(usual) == 1 else files
    if len(candidates) > 1:
        some = ", ".join(file.name for file in candidates[:5])
        raise Question(f"{folder}: holds several of COCO's JSON ({some}); give the path of one")
    return candidates[0] if candidates else None


def _split_of(stem: str) -> str | None:
    """The split that a part of a name says: ``instances_val2017``, ``test-v2``, ``train.coco``."""
    parts = [stem, *re.split(r"[^a-zA-Z0-9]+", stem)]
    splits = {split_name(part, stem) for part in parts if part and is_split(part)}
    return splits.pop() if len(splits) == 1 else None


def _folder_of(path: Path, folders: list[str], image: str) -> str | None:
    """The first of the ``folders`` that has the ``image``."""
    there = (name for name in folders if image and is_file(path / name / image))
    return next(there, None)


def _parent_with(folder: Path, image: str) -> str:
    """``..`` for a JSON in a folder of annotations, whose images lie beside that folder."""
    inside = bool(folders_of(folder))
    return ".." if folder.name.lower() in ("annotations", "labels") and not inside else "."


def _peek(path: Path) -> tuple[str, bool]:
    """The name of one image in COCO's JSON, and whether objects have attributes by id.

    Such a file may hold half a gigabyte, so it is not parsed to tell this.
    """
    data = _read(path)
    if b'"images"' not in data:
        reason = name_foreign(path) or "no 'images' in it"
        raise UserError(f"{path}: not COCO's JSON: {reason}")
    file_name = re.search(rb'"file_name"\s*:\s*("(?:[^"\\]|\\.)*")', data)
    try:
        name = str(json.loads(file_name[1])) if file_name else ""
    except ValueError:
        name = ""
    return name, b'"attribute_ids"' in data


def _looks_like_coco(path: Path) -> bool:
    data = _read(path)
    return all(f'"{key}"'.encode() in data for key in ("images", "annotations", "categories"))


def _read(path: Path) -> bytes:
    try:
        return read_file(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def _letters(part: str) -> str:
    """``train2017`` without its year."""
    return part.rstrip("0123456789-_")
