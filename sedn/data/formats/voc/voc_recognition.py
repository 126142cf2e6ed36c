"""Telling folders of Pascal VOC's XML from their path alone.

The devkit and CVAT write ``Annotations`` and ``JPEGImages``; others call these folders otherwise,
or keep each XML beside its image, as Roboflow does in ``train``, ``valid`` and ``test``.
"""

from pathlib import Path
from typing import Any

from sedn.data.folders import files_of, folders_of
from sedn.data.formats.parts import folders_by_split
from sedn.data.formats.voc.voc_xml import is_voc
from sedn.data.images.names import SUFFIXES
from sedn.data.splits.cutting import is_split
from sedn.errors import UserError
from sedn.seen import is_folder

_XML = ("annotations", "annotation", "annots", "annot", "xml", "xmls", "labels", "label")
_IMAGES = ("jpegimages", "images", "image", "imgs", "img", "photos", "pictures", "data")
_LOOKS = 3


def recognise_devkit(path: Path) -> dict[str, Any] | None:
    """The fields of a ``data.yaml`` for a folder as the devkit has it, or one that holds it;
    ``None`` if it is none.

    Raises:
        UserError: the folder holds several devkits.
    """
    if _is_devkit(path):
        return {"format": "voc"}
    below = [path / "VOCdevkit", path] if is_folder(path / "VOCdevkit") else [path]
    kits = [kit for folder in below for kit in folders_of(folder) if _is_devkit(kit)]
    if not kits:
        return None
    roots = [kit.relative_to(path).as_posix() for kit in kits]
    if len(roots) > 1:
        raise UserError(
            f"{path}: holds several folders of Pascal VOC ({', '.join(roots[:5])}); give the path "
            f"of one"
        )
    return {"format": "voc", "root": roots[0]}


def recognise_loose_voc(path: Path) -> dict[str, Any] | None:
    """The fields of a ``data.yaml`` for a folder with XML in another place than the devkit's, or
    such a folder for each split; ``None`` if it is none.
    """
    if layout := _layout(path):
        return {"format": "voc", **layout}
    layout_of = {f: layout for f in folders_of(path) if is_split(f.name) and (layout := _layout(f))}
    layouts = list(layout_of.values())
    if not layouts or any(layout != layouts[0] for layout in layouts):
        return None
    named = folders_by_split(layout_of, str(path))
    roots = {split: folder.name for split, folder in named.items()}
    return {"format": "voc", "root": roots, **layouts[0]}


def _is_devkit(path: Path) -> bool:
    return is_folder(path / "JPEGImages") and is_folder(path / "Annotations")


def _layout(path: Path) -> dict[str, str] | None:
    """The folders of the XML and of the images below a folder."""
    if _has_xml(path) and files_of(path, SUFFIXES):
        return {"annotations": ".", "images": "."}
    folders = folders_of(path)
    described = [f.name for f in folders if f.name.lower() in _XML and _has_xml(f, below=True)]
    pictures = [f.name for f in folders if f.name.lower() in _IMAGES]
    if len(described) != 1:
        return None
    if len(pictures) == 1:
        return {"annotations": described[0], "images": pictures[0]}
    return {"annotations": described[0], "images": "."} if files_of(path, SUFFIXES) else None


def _has_xml(folder: Path, *, below: bool = False) -> bool:
    folders = [folder, *(folders_of(folder) if below else ())]
    return any(is_voc(path) for f in folders for path in files_of(f, (".xml",))[:_LOOKS])
