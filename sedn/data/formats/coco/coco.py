"""Instances in COCO's JSON, and Fashionpedia's, which adds attributes.

A label is 1 where an image has an object of the category, a crowd of them too; an image without
annotations is 0 in all. Of Fashionpedia the labels are the attributes, and the categories
(garments) are regions alone. Categories and attributes that no image has are left out; those of one
name are one. Attributes of annotations, as CVAT has them, may be the labels instead of categories.

Polygons and run lengths are the map, those of crowds too. An image without annotations has an empty
map. Where an object of a region has no segmentation, the map of its image is unknown: a box says
too little of where it lies, and is drawn only where ``boxes: true`` asks for it.

Where faults are left out, an image without a file is, with all of its annotations. An annotation of
an image that is not there says nothing. One of a category that is not there leaves the labels of
its image as the others say; one whose shape cannot be read still says its label. In both the map of
the image is unknown, if the object may belong to a region. An annotation that says no category
makes its image useless, as do two entries with one id.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sedn.data.faults import Faults
from sedn.data.formats.coco.coco_attributes import (
    Attribute,
    attribute_targets,
    choose_attributes,
)
from sedn.data.formats.coco.coco_document import load_document, no_collection
from sedn.data.formats.coco.coco_items import (
    list_items,
    name_of_ids,
)
from sedn.data.formats.coco.coco_pictures import Picture, distinct, read_annotations, read_images
from sedn.data.formats.description import BySplit, Description, Regions
from sedn.data.formats.parts import BOXES_HINT, by_split, choose_regions, path_of, say_boxes
from sedn.data.formats.targets import labels_that_occur, target_matrix
from sedn.data.listing import Listing
from sedn.data.maps.shapes import ShapeMap
from sedn.errors import UserError, some_of


class CocoDescription(Description):
    """Instances as COCO keeps them; ``fashionpedia`` has attributes, which become the labels."""

    format: Literal["coco", "fashionpedia"]
    annotations: BySplit
    images: BySplit = "."
    boxes: bool = False
    """Draw the box of an object without polygons or run lengths; a box holds background too."""
    attributes: Literal["all", "none"] | list[str] | None = None
    """The attributes of annotations that become the labels instead of the categories, as CVAT has
    them; by default chosen from the annotations."""
    regions: Regions = "any"


@dataclass
class _Gathered:
    """The content of the JSON files of all splits."""

    categories: dict[str, None] = field(default_factory=dict)
    """The names of the categories, each once, in order."""
    names: dict[str, None] = field(default_factory=dict)
    """The names that may be labels: categories, or attributes that annotations name by id."""
    notes: dict[str, None] = field(default_factory=dict)
    pictures: list[Picture] = field(default_factory=list)
    listed: int = 0
    """Images, those with a fault too."""


def read_coco(description: CocoDescription, folder: Path, faults: Faults) -> Listing:
    """Read and check the JSON of every split.

    Raises:
        UserError: a file cannot be read, or no image is left.
    """
    paths = by_split(description.annotations, f"{folder}: annotations")
    source = folder if len(paths) > 1 else folder / next(iter(paths.values()))
    gathered = _Gathered()
    with no_collection():
        for split, name in paths.items():
            root = folder / path_of(description.images, split, f"{folder}: images")
            _gather(gathered, description, folder / name, root, split, faults)
        pictures = distinct(gathered.pictures, source, faults)
        if not pictures:
            raise UserError(f"{source}: no image is left")
        chosen, left_out = _choose_attributes(description, pictures, source)
        if chosen:
            labels, targets = attribute_targets(chosen, [p.noted for p in pictures])
        else:
            missing = f"{source}: no image has a label; expected annotations"
            labels = labels_that_occur(gathered.names, (p.labels for p in pictures), missing)
            targets = target_matrix([dict.fromkeys(p.labels, 1.0) for p in pictures], labels)
        listing = _list(description, source, pictures, [*gathered.categories], labels, targets)
    notes = gathered.notes | dict.fromkeys([_say_labels(listing, description, chosen), *left_out])
    return replace(
        listing,
        notes=(*notes, _say_maps(listing, description, sum(p.boxes for p in pictures))),
        fields={"attributes": [attribute.name for attribute in chosen]} if chosen else {},
        skipped=gathered.listed - len(pictures),
    )


def _gather(
    gathered: _Gathered,
    description: CocoDescription,
    path: Path,
    root: Path,
    split: str,
    faults: Faults,
) -> None:
    """Add the content of one JSON file."""
    document = load_document(path)
    categories = name_of_ids(document, "categories", path)
    attributes = None
    if _has_attribute_ids(description):
        attributes = name_of_ids(document, "attributes", path)
    gathered.categories |= dict.fromkeys(categories.values())
    gathered.names |= dict.fromkeys((categories if attributes is None else attributes).values())
    items = list_items(document, "images", path)
    pictures, rule = read_images(items, path, root, split, faults)
    gathered.notes |= dict.fromkeys([f"images: {rule}"] if rule else [])
    read_annotations(
        document, path, pictures, categories, attributes, faults, boxes=description.boxes
    )
    gathered.pictures += [picture for picture in pictures.values() if picture is not None]
    gathered.listed += len(items)


def _has_attribute_ids(description: CocoDescription) -> bool:
    """Whether the labels are attributes that annotations name by id."""
    is_none = description.attributes in ("none", ["none"])
    return description.format == "fashionpedia" and not is_none


def _choose_attributes(
    description: CocoDescription, pictures: list[Picture], source: Path
) -> tuple[tuple[Attribute, ...], tuple[str, ...]]:
    wanted = description.attributes
    if description.format == "fashionpedia":
        if wanted not in (None, "none", "all", ["none"], ["all"]):
            raise UserError(f"{source}: attributes: all or none of Fashionpedia's; see labels:")
        return (), ()
    noted, labels = [p.noted for p in pictures], [p.labels for p in pictures]
    return choose_attributes(wanted, noted, labels, str(source))


def _list(
    description: CocoDescription,
    source: Path,
    pictures: list[Picture],
    categories: list[str],
    labels: tuple[str, ...],
    targets: NDArray[np.float32],
) -> Listing:
    drawn = {category for picture in pictures for category, _ in picture.objects}
    present = [category for category in categories if category in drawn]
    regions, channel = choose_regions(description.regions, present, categories, str(source))
    return Listing(
        source=source,
        labels=labels,
        regions=regions,
        images=tuple(picture.content for picture in pictures),
        maps=_maps(pictures, channel, len(regions), of_all=description.regions == "any"),
        targets=targets,
        splits=tuple(picture.split for picture in pictures),
        groups=(),
    )


def _maps(
    pictures: list[Picture], channel: dict[str, int], regions: int, *, of_all: bool
) -> tuple[ShapeMap | None, ...]:
    """The map of each image; none at all where objects have boxes alone, since empty maps would
    tell which images have no label.
    """
    shapes = [shape for picture in pictures for c, shape in picture.objects if c in channel]
    if shapes and all(shape is None for shape in shapes):
        return (None,) * len(pictures)
    return tuple(picture.draw_from(channel, regions, of_all=of_all) for picture in pictures)


def _say_labels(
    listing: Listing, description: CocoDescription, chosen: tuple[Attribute, ...]
) -> str:
    if chosen:
        names = some_of(attribute.name for attribute in chosen)
        return (
            f"labels: {len(listing.labels)} by attribute of the annotations ({names}); unknown "
            f"where no annotation has it"
        )
    kind = "attribute" if _has_attribute_ids(description) else "category"
    return f"labels: {len(listing.labels)} by {kind}; an image without such an object has none"


def _say_maps(listing: Listing, description: CocoDescription, boxes: int) -> str:
    known = sum(region_map is not None for region_map in listing.maps)
    if not known:
        none = "maps: none, since no object has polygons or run lengths"
        return none if description.boxes else f"{none} ({BOXES_HINT})"
    regions = "all objects" if description.regions == "any" else some_of(listing.regions)
    return (
        f"maps: polygons and run lengths of {regions}{say_boxes(boxes)}, of {known:,} of "
        f"{len(listing):,} images"
    )
