"""Folders as those of Pascal VOC: an XML for each image names its objects, a PNG their pixels.

A label is 1 where an image has an object of the class, unknown where all it has are marked as
difficult. Where ``ImageSets/Main`` lists train, val or test, images in none of the lists are left
out. Classes without an image are left out too.
"""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sedn.data.content import FileContent
from sedn.data.description import Regions, VocDescription
from sedn.data.formats.parts import choose_regions
from sedn.data.image_files import ImageFolder
from sedn.data.listing import Listing
from sedn.data.mask_kinds import MaskKind
from sedn.data.mask_pixels import open_mask
from sedn.data.mask_telling import tell_kind
from sedn.data.masks import MaskImage, RegionsImage
from sedn.data.splits import split_name
from sedn.errors import UserError

CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
)  # fmt: skip
"""Those of the devkit; a mask has 1 where the first of them is, 0 in the background."""
_BORDER = 255
_LISTS = ("train", "val", "test")

Objects = dict[str, bool]
"""By class, whether one of its objects is not difficult."""


def read_voc(description: VocDescription, folder: Path) -> Listing:
    """Read and check the folders.

    Raises:
        UserError: an XML or a list is wrong, or an image is missing.
    """
    root = folder / description.root
    described = sorted(path.stem for path in (root / "Annotations").glob("*.xml"))
    if not described:
        raise UserError(f"{root}: no XML in Annotations; expected one for each image")
    split_of = _read_lists(root, set(described))
    names = list(split_of) or described
    objects = [_read_objects(root / "Annotations" / f"{name}.xml") for name in names]
    labels, targets = _labels(objects, root)
    pictures = ImageFolder(root / "JPEGImages")
    regions, values = _regions(description.regions, labels, root)
    return Listing(
        source=root,
        labels=labels,
        regions=regions,
        images=tuple(
            pictures.find(name, f"{root / 'Annotations' / name}.xml: its image") for name in names
        ),
        maps=_maps(root, names, values),
        targets=targets,
        splits=tuple(split_of.get(name, "") for name in names),
        groups=(),
    )


def _read_lists(root: Path, described: set[str]) -> dict[str, str]:
    """The split of each image that one of the lists names."""
    split_of: dict[str, str] = {}
    for name in _LISTS:
        path = root / "ImageSets" / "Main" / f"{name}.txt"
        if not path.is_file():
            continue
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: cannot be read: {error}") from None
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            image = line.split()[0]
            if image in split_of:
                raise UserError(f"{path}: line {number}: image '{image}' is listed twice")
            if image not in described:
                raise UserError(f"{path}: line {number}: no Annotations/{image}.xml")
            split_of[image] = split_name(name, str(path))
    return split_of


class _PlainTree(ET.TreeBuilder):
    """Entities, which may grow without bound, can be declared in a DOCTYPE alone."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ValueError("it has a DOCTYPE, which is refused; remove it")


def _read_objects(path: Path) -> Objects:
    try:
        tree = ET.fromstring(path.read_bytes(), ET.XMLParser(target=_PlainTree()))
    except (OSError, ET.ParseError, ValueError, LookupError) as error:
        raise UserError(f"{path}: cannot be read as XML: {' '.join(str(error).split())}") from None
    objects: Objects = {}
    for number, item in enumerate(tree.iter("object"), start=1):
        name = (item.findtext("name") or "").strip()
        if not name:
            raise UserError(f"{path}: object {number} has no name")
        difficult = (item.findtext("difficult") or "0").strip()
        if difficult not in ("0", "1"):
            raise UserError(f"{path}: object {number}: difficult is '{difficult}'; expected 0 or 1")
        objects[name] = objects.get(name, False) or difficult == "0"
    return objects


def _labels(objects: list[Objects], root: Path) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """The classes by name, and targets ``(images, labels)``."""
    labels = tuple(sorted({name for found in objects for name, clear in found.items() if clear}))
    if not labels:
        raise UserError(f"{root}: no image has an object that is not difficult")
    targets = np.zeros((len(objects), len(labels)), dtype=np.float32)
    position = {label: index for index, label in enumerate(labels)}
    for row, found in enumerate(objects):
        for name, clear in found.items():
            if name in position:
                targets[row, position[name]] = 1 if clear else np.nan
    return labels, targets


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


def _maps(
    root: Path, names: Sequence[str], values: tuple[int, ...]
) -> tuple[MaskImage | RegionsImage | None, ...]:
    """The mask of each image that has one; of indices, by the palette of the devkit."""
    paths = [root / "SegmentationClass" / f"{name}.png" for name in names]
    masks = [FileContent(str(path)) if path.is_file() else None for path in paths]
    there = [mask for mask in masks if mask is not None]
    if values:
        regions = tuple((value,) for value in values)
        return tuple(None if mask is None else RegionsImage(mask, regions) for mask in masks)
    if there and open_mask(there[0]).indices is not None:
        kind = MaskKind("index", ignored=(_BORDER,), by_palette=True)
    else:
        kind = tell_kind(there, f"{root}: SegmentationClass", settle="save masks with a palette")
    return tuple(None if mask is None else MaskImage(mask, kind) for mask in masks)
