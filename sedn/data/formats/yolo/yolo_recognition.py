"""Telling data for YOLO from its own ``data.yaml``, or from its folders and the names of classes.

Ultralytics and Roboflow write a ``data.yaml`` with ``names`` and a path for each split; CVAT and
Label Studio write ``obj.names`` or ``classes.txt`` beside the folders of images and labels.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

from sedn.data.folders import files_below, files_of, folders_of
from sedn.data.formats.description import Description
from sedn.data.formats.parts import folders_by_split
from sedn.data.formats.yolo.yolo_labels import label_path
from sedn.data.images.names import SUFFIXES
from sedn.data.splits.cutting import is_split, split_name
from sedn.document import parse_value, read_text
from sedn.errors import Question, UserError
from sedn.seen import exists, is_file, is_folder, see_content

_KEYS = ("train", "val", "valid", "validation", "test", "minival")
_NAMES = ("classes.txt", "obj.names", "classes.names", "_darknet.labels", "labels/classes.txt",
          "data/obj.names")  # fmt: skip
_OURS = (*Description.model_fields, "regions", "boxes")
"""Fields of ours that such a file may have too: YOLO's tools pass over them."""
_FOLDERS = ("images", "data")
_LOOKS = 200
_LINE = re.compile(r"\d+(\.0*)?(\s+-?[\d.]+(e[-+]?\d+)?){4,}\s*", re.IGNORECASE)


def describe_yolo(fields: Mapping[Any, Any], path: Path) -> dict[str, Any] | None:
    """The fields of a description that say the same as a ``data.yaml`` of YOLO's; ``None`` if the
    file is none, but a description of ours.

    Args:
        fields: what the file holds.
        path: of the file.

    Raises:
        UserError: one of them is wrong.
    """
    if not _is_yolo(fields):
        return None
    names = _read_names(fields, path)
    root = _root(fields.get("path"), path)
    images: dict[str, Any] = {}
    for key in _KEYS:
        value = fields.get(key)
        # COCO's minival is a part of its val.
        if not value or (key == "minival" and "validation" in images):
            continue
        if split_name(key, str(path)) in images:
            raise UserError(f"{path}: val and {key} both are there; remove one of them")
        places = value if isinstance(value, list) else [value]
        if not all(isinstance(place, str) for place in places):
            raise UserError(f"{path}: {key} is {value!r:.40}; expected a folder, or a list of them")
        folders = [_resolve(place, root, path, key) for place in places]
        images[split_name(key, str(path))] = folders if len(folders) > 1 else folders[0]
    if not images:
        raise UserError(f"{path}: no folder of images under train, val or test")
    described = {"format": "yolo", "images": images, "names": names}
    described |= {name: fields[name] for name in _OURS if name in fields}
    return described | ({"only_boxes": True} if fields.get("kpt_shape") else {})


def recognise_yolo(path: Path) -> dict[str, Any] | None:
    """The fields of a ``data.yaml`` for a folder of images and label files; ``None`` if it is none.

    Raises:
        UserError: the folder holds several YAML files of YOLO's, or one that is wrong.
    """
    described = {
        file: fields for file in files_of(path, (".yaml", ".yml")) if (fields := _load(file))
    }
    own = {file: fields for file, fields in described.items() if _is_yolo(fields)}
    if len(own) > 1:
        some = ", ".join(file.name for file in list(own)[:5])
        raise UserError(
            f"{path}: holds several YAML files of YOLO's ({some}); give the path of one"
        )
    for file, fields in own.items():
        return describe_yolo(fields, file)
    images = _folders_of_images(path)
    if images is None:
        return None
    folders = [path, *(folder for folder in folders_of(path) if is_split(folder.name))]
    files = (folder / name for folder in folders for name in _NAMES)
    named = next((file for file in files if is_file(file)), None)
    names = {"names": _list_names(named)} if named else {}
    return {"format": "yolo", "images": images, **names}


def _is_yolo(fields: Mapping[Any, Any]) -> bool:
    ours = "format" in fields or "table" in fields
    return not ours and "names" in fields and any(key in fields for key in (*_KEYS, "path", "nc"))


def _load(path: Path) -> dict[Any, Any] | None:
    """The mapping in a YAML file; ``None`` where the file holds no mapping."""
    try:
        fields = parse_value(read_text(path), str(path))
    except UserError:
        return None
    return fields if isinstance(fields, dict) else None


def _read_names(fields: Mapping[Any, Any], path: Path) -> list[str] | dict[int, str]:
    names = fields["names"]
    texts = list(names.values()) if isinstance(names, dict) else names
    if not isinstance(texts, list) or not texts:
        raise UserError(
            f"{path}: names is {names!r:.40}; expected a list, or a name for each number"
        )
    wrong = next((t for t in texts if isinstance(t, bool) or not isinstance(t, str | int)), None)
    if wrong is not None:
        raise UserError(
            f"{path}: names has {wrong!r:.40}; expected text, in quotes if YAML needs them"
        )
    count = fields.get("nc", len(texts))
    if count != len(texts):
        raise UserError(f"{path}: nc is {count}, but names has {len(texts)}; expected as many")
    if not isinstance(names, dict):
        return [str(text) for text in texts]
    numbers = [int(key) if str(key).isdecimal() else None for key in names]
    if None in numbers:
        raise UserError(f"{path}: names has a key that is no whole number; expected 0, 1, 2, …")
    return {int(str(key)): str(text) for key, text in names.items()}


def _list_names(path: Path) -> list[str]:
    """The names in a file, one in each line; blank ones at its end are none."""
    lines = [line.strip() for line in read_text(path).removeprefix("\ufeff").rstrip().splitlines()]
    for number, line in enumerate(lines, start=1):
        if not line:
            raise UserError(f"{path}: line {number} is blank; expected the name of a class")
    return lines


def _root(named: Any, path: Path) -> Path:
    """The folder to which the paths in a file are relative: the file's ``path``, if there is such a
    folder, or the folder of the file.
    """
    if isinstance(named, str) and is_folder(path.parent / named):
        return path.parent / named
    return path.parent


def _resolve(place: str, root: Path, path: Path, key: str) -> str:
    """A folder or list relative to that of the file; the first that is there: as written, without
    the ``..`` that Roboflow puts before it, without the beginning of a path of another machine.

    Raises:
        Question: as written and without ``..`` both are there.
    """
    written = place.replace("\\", "/")
    below = written.lstrip("./") if written.startswith("../") else ""
    candidates = [name for name in (written, below) if name and exists(root / name)]
    if len(candidates) > 1:
        raise Question(
            f"{path}: {key} is '{place}', and both {root / candidates[0]} and "
            f"{root / candidates[1]} are there; remove one of them, or "
            f"write '{candidates[1]}' if the second is meant"
        )
    tails = _tails(written) if PureWindowsPath(written).root else ()
    candidates += [name for name in tails if exists(root / name)]
    there = root / (candidates[0] if candidates else below or written)
    return Path(os.path.relpath(there, path.parent)).as_posix()


def _tails(written: str) -> list[str]:
    """A path without ever more of its beginning, but never without the part that is a split."""
    parts = [part for part in written.split("/") if part]
    split = next((n for n, part in enumerate(parts) if is_split(part)), len(parts) - 1)
    return ["/".join(parts[start:]) for start in range(1, split + 1)]


def _folders_of_images(path: Path) -> Any:
    """The folders of images whose label files are there, for each split or one; ``None`` if none
    are.
    """
    for folder in (path / "images", path):
        parts = [f for f in folders_of(folder) if is_split(f.name) and _has_images(f)]
        # One without label files is not passed over: it may hold no objects, or none that is known.
        if any(map(_has_labels, parts)):
            named = folders_by_split(parts, str(path))
            return {split: part.relative_to(path).as_posix() for split, part in named.items()}
    # CVAT's: the images and label files of each subset.
    names = {f.name: re.fullmatch(r"obj_(\w+)_data", f.name) for f in folders_of(path)}
    subsets = {name: layout[1] for name, layout in names.items() if layout and is_split(layout[1])}
    if subsets and all(_has_labels(path / name) for name in subsets):
        return {split_name(subset, str(path)): name for name, subset in subsets.items()}
    whole = next((name for name in _FOLDERS if _has_labels(path / name)), None)
    return whole or ("." if _has_labels(path, below=False) else None)


def _has_images(folder: Path) -> bool:
    return next(files_below(folder, SUFFIXES), None) is not None


def _has_labels(folder: Path, *, below: bool = True) -> bool:
    """Whether label files of YOLO's belong to the first images of a folder."""
    names = files_below(folder, SUFFIXES) if below else iter(
        file.name for file in files_of(folder, SUFFIXES)
    )  # fmt: skip
    for _, name in zip(range(_LOOKS), names, strict=False):
        for path in label_path(f"{folder}/{name}"):
            if _looks_like_labels(Path(path)):
                return True
    return False


def _looks_like_labels(path: Path) -> bool:
    see_content(path)
    try:
        with path.open(encoding="utf-8-sig") as file:
            return _LINE.fullmatch(file.readline(100_000)) is not None
    except (OSError, UnicodeDecodeError):
        return False
