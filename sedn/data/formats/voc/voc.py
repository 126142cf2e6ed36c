"""Folders as those of Pascal VOC: an XML for each image names its objects, a PNG their pixels.
Without PNGs, polygons in the XML are the map, as Roboflow writes them.

A label is 1 where an image has an object of the class, unknown where all it has are marked as
difficult. Where ``ImageSets`` lists train, val or test, images in none of the lists are left out.
Classes without an image are left out too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sedn.data.faults import Faults
from sedn.data.folders import files_below
from sedn.data.formats.parts import by_split
from sedn.data.formats.targets import labels_that_occur, target_matrix
from sedn.data.formats.voc.description import VocDescription
from sedn.data.formats.voc.voc_lists import read_lists
from sedn.data.formats.voc.voc_maps import read_maps
from sedn.data.formats.voc.voc_xml import VocImage, read_xml
from sedn.data.images.content import FileContent
from sedn.data.images.names import SUFFIXES, ImageFolder
from sedn.data.listing import Listing
from sedn.data.splits.cutting import is_split, split_name
from sedn.errors import UserError
from sedn.seen import is_file


@dataclass(frozen=True)
class _Part:
    """The images of one root."""

    images: tuple[FileContent, ...]
    annotations: tuple[VocImage, ...]
    """The content of the XML of each image."""
    masks: tuple[FileContent | None, ...]
    splits: tuple[str, ...]
    notes: tuple[str, ...]
    skipped: int
    """Images that were left out for a fault."""


def read_voc(description: VocDescription, folder: Path, faults: Faults) -> Listing:
    """Read and check the folders; an image with a fault is left out.

    Raises:
        UserError: a list cannot be read, or no image is left.
    """
    roots = by_split(description.root, f"{folder}: root")
    parts = [_read_part(description, folder / root, split, faults) for split, root in roots.items()]
    source = folder / roots[""] if "" in roots else folder
    images = [annotation for part in parts for annotation in part.annotations]
    if not images:
        raise UserError(f"{source}: no image is left")
    clear = [[name for name, is_clear in image.objects.items() if is_clear] for image in images]
    missing = f"{source}: no image has an object that is not difficult"
    labels = labels_that_occur(sorted({n for names in clear for n in names}), clear, missing)
    targets = target_matrix(
        [{n: 1.0 if is_clear else np.nan for n, is_clear in i.objects.items()} for i in images],
        labels,
    )
    contents = [image for part in parts for image in part.images]
    masks = [mask for part in parts for mask in part.masks]
    regions, maps, note = read_maps(description, images, contents, masks, labels, source)
    return Listing(
        source=source,
        labels=labels,
        regions=regions,
        images=tuple(contents),
        maps=maps,
        targets=targets,
        splits=tuple(split for part in parts for split in part.splits),
        groups=(),
        skipped=sum(part.skipped for part in parts),
        notes=(
            f"labels: {len(labels)} by class of object; an image without such an object has none",
            *(line for part in parts for line in part.notes),
            note,
        ),
    )


def _read_part(description: VocDescription, root: Path, split: str, faults: Faults) -> _Part:
    xml = root / description.annotations
    described = [name.removesuffix(".xml") for name in files_below(xml, (".xml",))]
    if not described:
        raise UserError(f"{root}: no XML in {description.annotations}; expected one for each image")
    split_of, place = ({}, "") if split else read_lists(root, frozenset(described), faults)
    listed = list(split_of) or described
    names = [name for name in listed if split_of.get(name, split) is not None]
    own = _splits_of_folders(names) if not split_of else ()
    of_name = dict(zip(names, own, strict=True)) if own else dict.fromkeys(names, split)
    of_name |= {name: part for name, part in split_of.items() if part is not None}
    pictures = ImageFolder(root / description.images)
    read = _read_images(names, of_name, xml, pictures, faults, boxes=description.boxes)
    masks = [root / description.masks / f"{name}.png" for name in read]
    return _Part(
        images=tuple(image for image, _ in read.values()),
        annotations=tuple(annotation for _, annotation in read.values()),
        masks=tuple(FileContent(str(path)) if is_file(path) else None for path in masks),
        splits=tuple(of_name[name] for name in read),
        notes=_say(root / description.images, len(described), len(listed), place),
        skipped=len(listed) - len(read),
    )


def _read_images(
    names: Sequence[str],
    splits: Mapping[str, str],
    xml: Path,
    pictures: ImageFolder,
    faults: Faults,
    *,
    boxes: bool,
) -> dict[str, tuple[FileContent, VocImage]]:
    """The image of each XML without a fault, and what the XML says."""
    read: dict[str, tuple[FileContent, VocImage]] = {}
    seen: dict[str, str] = {}
    for name in names:
        path = xml / f"{name}.xml"
        annotation = None
        try:
            annotation = read_xml(path, boxes=boxes)
        except UserError as error:
            faults.add("bad annotation", error)
        try:
            written = "" if annotation is None else annotation.name
            base = written.replace("\\", "/").rpartition("/")[2]
            image = pictures.find(name, f"{path}: its image", base)
        except UserError as error:
            faults.add("missing file", error)
            continue
        if annotation is None:
            continue
        other = seen.setdefault(image.path, name)
        if other == name:
            read[name] = (image, annotation)
            continue
        same = xml / f"{other}.xml"
        faults.add("duplicate", f"{path}: its image is that of {same} too: {image.path}")
        mine = (annotation.objects, splits[name])
        if other in read and (read[other][1].objects, splits[other]) != mine:
            del read[other]
    return read


def _say(images: Path, described: int, read: int, place: str) -> tuple[str, ...]:
    """Notes of the source of the splits, and of what is left out."""
    if place:
        left_out = described - read
        in_no = f"; {left_out:,} images in none of them are left out" if left_out else ""
        return (f"splits: the lists of {place}{in_no}",)
    without = sum(1 for _ in files_below(images, SUFFIXES)) - read
    return (
        (f"images: {without:,} of '{images.name}' without an XML are left out",)
        if without > 0
        else ()
    )


def _splits_of_folders(names: Sequence[str]) -> tuple[str, ...]:
    """The splits that the folders of all images are called after; nothing if any is not."""
    folders = [name.partition("/")[0] if "/" in name else "" for name in names]
    if not all(is_split(folder) for folder in folders):
        return ()
    return tuple(split_name(folder, folder) for folder in folders)
