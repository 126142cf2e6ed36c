"""The maps of Pascal VOC: masks, or polygons and boxes in the XML."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sedn.data.formats.description import Regions
from sedn.data.formats.parts import BOXES_HINT, choose_regions, say_boxes
from sedn.data.formats.voc.description import VocDescription
from sedn.data.formats.voc.voc_xml import VocImage
from sedn.data.images.content import FileContent
from sedn.data.images.decoding import read_header
from sedn.data.listing import RegionMap
from sedn.data.maps.mask_kinds import MaskKind
from sedn.data.maps.mask_pixels import open_mask
from sedn.data.maps.mask_recognition import tell_kind
from sedn.data.maps.masks import MaskImage, RegionsImage
from sedn.data.maps.shapes import ShapeMap
from sedn.errors import UserError

CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
)  # fmt: skip
"""The classes of the devkit; a mask has 1 where the first class is, and 0 in the background."""
_BORDER = 255


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


def read_maps(
    description: VocDescription,
    images: Sequence[VocImage],
    contents: Sequence[FileContent],
    masks: Sequence[FileContent | None],
    labels: Sequence[str],
    source: Path,
) -> tuple[tuple[str, ...], tuple[RegionMap | None, ...], str]:
    """The regions, the map of each image, and how maps are read: masks, where there are any, and
    outlines where there are no masks or the description wants boxes.
    """
    outlined = any(shape for image in images for _, shape in image.outlines)
    if not outlined or (any(masks) and not description.boxes):
        regions, values = _regions(description.regions, labels, source)
        drawn, note = _maps(masks, values, source)
        none = "" if any(masks) or description.boxes else f" ({BOXES_HINT})"
        return regions, drawn, note + none
    known = sorted({name for image in images for name, _ in image.outlines})
    regions, channel = choose_regions(description.regions, labels, known, str(source))
    outlines = [
        _outlined(image, content, channel, len(regions))
        for image, content in zip(images, contents, strict=True)
    ]
    boxes = sum(image.boxes for image in images)
    if not any(masks):
        count = sum(outline is not None for outline in outlines)
        return (
            regions,
            tuple(outlines),
            f"maps: polygons{say_boxes(boxes)}, of {count:,} of {len(outlines):,} images",
        )
    drawn, note = _maps(masks, _regions(description.regions, labels, source)[1], source)
    both = zip(drawn, outlines, strict=True)
    boxes = sum(i.boxes for i, mask in zip(images, masks, strict=True) if mask is None)
    return regions, tuple(a or b for a, b in both), f"{note}{say_boxes(boxes)}"


def _outlined(
    image: VocImage, content: FileContent, channel: Mapping[str, int], regions: int
) -> ShapeMap | None:
    """The map of an image from its outlines; ``None`` if an object of a region has none."""
    shapes = [(channel[name], shape) for name, shape in image.outlines if name in channel]
    if any(shape is None for _, shape in shapes):
        return None
    try:
        size = image.size or read_header(content).stored
    except UserError:
        # A file that cannot be read is reported where it is decoded.
        return None
    there = tuple((region, shape) for region, shape in shapes if shape is not None)
    return ShapeMap(*size, regions, there)


def _has_palette(masks: Sequence[FileContent]) -> bool:
    """Whether the first mask that can be read has indices."""
    for mask in masks:
        try:
            return open_mask(mask).indices is not None
        except UserError:
            # A file that cannot be read is reported where it is decoded.
            continue
    return False


def _maps(
    masks: Sequence[FileContent | None], values: tuple[int, ...], source: Path
) -> tuple[tuple[RegionMap | None, ...], str]:
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
    return maps, f"maps: masks of {count}, {kind.describe().removeprefix('masks ')}"
