"""Folders as those of Pascal VOC: an XML for each image names its objects, a PNG their pixels.
Without PNGs, polygons in the XML are the map, as Roboflow writes them.

A label is 1 where an image has an object of the class, unknown where all it has are marked as
difficult. Where ``ImageSets`` lists train, val or test, images in none of the lists are left out.
Classes without an image are left out too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from sedn.data.faults import Faults
from sedn.data.folders import files_below
from sedn.data.formats.description import BySplit, Description, Regions
from sedn.data.formats.parts import by_split, choose_regions
from sedn.data.formats.targets import labels_that_occur, target_matrix
from sedn.data.formats.voc.voc_lists import read_lists
from sedn.data.formats.voc.voc_xml import VocImage, read_xml
from sedn.data.images.content import FileContent
from sedn.data.images.names import SUFFIXES, ImageFolder
from sedn.data.listing import Listing, RegionMap
from sedn.data.maps.mask_kinds import MaskKind
from sedn.data.maps.mask_pixels import open_mask
from sedn.data.maps.mask_recognition import tell_kind
from sedn.data.maps.masks import MaskImage, RegionsImage
from sedn.data.maps.shapes import ShapeMap
from sedn.data.splits.cutting import is_split, split_name
from sedn.errors import UserError
from sedn.seen import is_file


class VocDescription(Description):
    """Folders as those of Pascal VOC."""

    format: Literal["voc"]
    root: BySplit = "."
    """What the folders below are relative to."""
    annotations: str = "Annotations"
    """Folder of the XML."""
    images: str = "JPEGImages"
    masks: str = "SegmentationClass"
    regions: Regions = "any"


CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
)  # fmt: skip
"""Those of the devkit; a mask has 1 where the first of them is, 0 in the background."""
_BORDER = 255


@dataclass(frozen=True)
class _Part:
    """The images of one root."""

    images: tuple[FileContent, ...]
    found: tuple[VocImage, ...]
    """What the XML of each says."""
    masks: tuple[FileContent | None, ...]
    splits: tuple[str, ...]
    said: tuple[str, ...]
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
    images = [found for part in parts for found in part.found]
    if not images:
        raise UserError(f"{source}: no image is left")
    clear = [[name for name, sure in image.objects.items() if sure] for image in images]
    missing = f"{source}: no image has an object that is not difficult"
    labels = labels_that_occur(sorted({n for names in clear for n in names}), clear, missing)
    targets = target_matrix(
        [{n: 1.0 if sure else np.nan for n, sure in i.objects.items()} for i in images], labels
    )
    masks = [mask for part in parts for mask in part.masks]
    maps: Sequence[RegionMap | None]
    if any(shape for image in images for _, shape in image.outlines) and not any(masks):
        known = sorted({name for image in images for name, _ in image.outlines})
        regions, channel = choose_regions(description.regions, labels, known, str(source))
        maps = [_outlined(image, channel, len(regions)) for image in images]
        said = f"maps: polygons, of {sum(m is not None for m in maps):,} of {len(maps):,} images"
    else:
        regions, values = _regions(description.regions, labels, source)
        maps, said = _maps(masks, values, source)
    return Listing(
        source=source,
        labels=labels,
        regions=regions,
        images=tuple(image for part in parts for image in part.images),
        maps=tuple(maps),
        targets=targets,
        splits=tuple(split for part in parts for split in part.splits),
        groups=(),
        skipped=sum(part.skipped for part in parts),
        said=(
            f"labels: {len(labels)} by class of object; an image without such an object has none",
            *(line for part in parts for line in part.said),
            said,
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
    of_name |= {name: found for name, found in split_of.items() if found is not None}
    read = _read_images(names, of_name, xml, ImageFolder(root / description.images), faults)
    masks = [root / description.masks / f"{name}.png" for name in read]
    return _Part(
        images=tuple(image for image, _ in read.values()),
        found=tuple(found for _, found in read.values()),
        masks=tuple(FileContent(str(path)) if is_file(path) else None for path in masks),
        splits=tuple(of_name[name] for name in read),
        said=_say(root / description.images, len(described), len(listed), place),
        skipped=len(listed) - len(read),
    )


def _read_images(
    names: Sequence[str],
    splits: Mapping[str, str],
    xml: Path,
    pictures: ImageFolder,
    faults: Faults,
) -> dict[str, tuple[FileContent, VocImage]]:
    """The image of each XML without a fault, and what the XML says."""
    read: dict[str, tuple[FileContent, VocImage]] = {}
    seen: dict[str, str] = {}
    for name in names:
        path = xml / f"{name}.xml"
        found = None
        try:
            found = read_xml(path)
        except UserError as error:
            faults.add("bad annotation", error)
        try:
            said = "" if found is None else found.name
            base = said.replace("\\", "/").rpartition("/")[2]
            image = pictures.find(name, f"{path}: its image", base)
        except UserError as error:
            faults.add("missing file", error)
            continue
        if found is None:
            continue
        other = seen.setdefault(image.path, name)
        if other == name:
            read[name] = (image, found)
            continue
        same = xml / f"{other}.xml"
        faults.add("duplicate", f"{path}: its image is that of {same} too: {image.path}")
        mine = (found.objects, splits[name])
        if other in read and (read[other][1].objects, splits[other]) != mine:
            del read[other]
    return read


def _say(images: Path, described: int, read: int, place: str) -> tuple[str, ...]:
    """Where splits are from, and what is left out."""
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


def _regions(
    wanted: Regions, labels: Sequence[str], root: Path
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The regions, and the index that marks each in a mask; none marks all together."""
    if wanted == "each":
        for label in labels:
            if label not in CLASSES:
                raise UserError(
                    f"{root}: class '{label}' is none of Pascal VOC's, so its index in the masks "
                    f"is not known; expected regions: any"
                )
    regions, _ = choose_regions(wanted, labels, CLASSES, str(root))
    return regions, () if wanted == "any" else tuple(CLASSES.index(name) + 1 for name in regions)


def _outlined(image: VocImage, channel: Mapping[str, int], regions: int) -> ShapeMap | None:
    """The map of an image from its polygons; ``None`` if an object of a region has none."""
    shapes = [(channel[name], shape) for name, shape in image.outlines if name in channel]
    if image.size is None or any(shape is None for _, shape in shapes):
        return None
    there = tuple((region, shape) for region, shape in shapes if shape is not None)
    return ShapeMap(*image.size, regions, there)


def _has_palette(masks: Sequence[FileContent]) -> bool:
    """Whether the first mask that can be read has indices."""
    for mask in masks:
        try:
            return open_mask(mask).indices is not None
        except UserError:
            # What cannot be read is told of where it is decoded.
            continue
    return False


def _maps(
    masks: Sequence[FileContent | None], values: tuple[int, ...], source: Path
) -> tuple[tuple[MaskImage | RegionsImage | None, ...], str]:
    """The map of each image that has a mask, and how masks are read: of indices, by the palette of
    the devkit.
    """
    there = [mask for mask in masks if mask is not None]
    if not there:
        return (None,) * len(masks), "maps: none, since no image has a mask"
    count = f"{len(there):,} of {len(masks):,} images"
    if values:
        regions = tuple((value,) for value in values)
        drawn = tuple(None if mask is None else RegionsImage(mask, regions) for mask in masks)
        return drawn, f"maps: {len(values)} regions by index, of {count}"
    if _has_palette(there):
        kind = MaskKind("index", ignored=(_BORDER,), by_palette=True)
    else:
        kind = tell_kind(there, f"{source}: masks", settle="save masks with a palette")
    maps = tuple(None if mask is None else MaskImage(mask, kind) for mask in masks)
    return maps, f"maps: masks of {count}, {kind.say().removeprefix('masks ')}"
