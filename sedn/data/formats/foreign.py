"""Formats that are known and not read, with what to do about each, for messages."""

import os
import re
from itertools import islice
from pathlib import Path

from sedn.data.folders import files_below, files_of, folders_of
from sedn.data.images.names import SUFFIXES
from sedn.data.splits.cutting import is_split
from sedn.seen import is_file, see_content

_START = 20_000
_LOOKS = 3
_SAVED = ("state.json", "dataset_info.json", "dataset_dict.json")
_NO_CLASSES = {"images", "image", "masks", "mask", "maps", "labels", "data"}


def name_foreign(path: Path) -> str:
    """Name the foreign format of a file, or of the files in a folder, and what to do; ``""`` if the
    format is not known.
    """
    if is_file(path):
        return _of_file(path)
    folders = [path, *folders_of(path)]
    files = [file for f in folders for file in files_of(f, (".json", ".xml"))[:_LOOKS]]
    name = next((name for file in files if (name := _of_file(file))), "")
    return name or _of_classes(path)


def _of_file(path: Path) -> str:
    if path.name in _SAVED:
        return f"{path.name} is of a saved data set of Hugging Face's; give the path of its folder"
    see_content(path)
    try:
        with path.open("rb") as file:
            start = file.read(_START).decode("utf-8", "replace")
    except OSError:
        return ""
    if path.suffix.lower() == ".xml" and re.search(r"<annotations[\s>]", start):
        return f"{path.name} is CVAT's own XML; export the task as COCO 1.0"
    if path.suffix.lower() != ".json":
        return ""
    if '"shapes"' in start and '"imagePath"' in start:
        return f"{path.name} is LabelMe's; convert it to COCO with labelme2coco"
    if '"_via_' in start or '"region_attributes"' in start:
        return f"{path.name} is of the VGG Image Annotator; export it as COCO"
    if start.lstrip().startswith("[") and '"result"' in start and '"annotations"' in start:
        return f"{path.name} is Label Studio's own JSON; export the project as COCO"
    return ""


def _of_classes(path: Path) -> str:
    """Folders of images alone, maybe in folders of splits."""
    folders = folders_of(path)
    if folders and all(is_split(folder.name) for folder in folders):
        folders = [below for folder in folders for below in folders_of(folder)]
    called = list(dict.fromkeys(folder.name for folder in folders))
    if len(called) < 2 or _NO_CLASSES & {name.lower() for name in called}:
        return ""
    if not all(map(_is_of_images, folders)):
        return ""
    names = ", ".join(called[:3])
    return (
        f"folders of images ({names}, …), as for one class each, are not read; write a table with "
        f"a row for each image: image,label"
    )


def _is_of_images(folder: Path) -> bool:
    files = list(islice(files_below(folder, ("",)), _LOOKS))
    return bool(files) and all(os.path.splitext(name)[1].lower() in SUFFIXES for name in files)  # noqa: PTH122
