"""Instances in COCO's JSON, and Fashionpedia's, which adds attributes.

A label is 1 where an image has an object of the category, a crowd of them too; an image without
annotations is 0 in all. Of Fashionpedia the labels are the attributes, and the categories
(garments) are regions alone. Categories and attributes that no image has are left out; those of one
name are one. Attributes of annotations, as CVAT has them, may be the labels instead of categories.

Polygons and run lengths are the map, those of crowds too. An image without annotations has an empty
map. Where an object of a region has no segmentation, the map of its image is unknown: a box says
too little of where it lies, and is not used.
"""

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedn.data.content import FileContent
from sedn.data.decoding import read_header
from sedn.data.description import CocoDescription
from sedn.data.formats.coco_attributes import (
    Attribute,
    Noted,
    attribute_targets,
    choose_attributes,
    note_attributes,
)
from sedn.data.formats.coco_items import (
    Id,
    by_id,
    image_name,
    list_items,
    name_of_ids,
    names_by_id,
    read_id,
    read_size,
    read_text,
)
from sedn.data.formats.parts import by_split, choose_regions, path_of
from sedn.data.formats.paths import PathRule, find_files, find_rule
from sedn.data.listing import Listing
from sedn.data.shapes import Shape, ShapeMap, parse_shape
from sedn.errors import UserError
from sedn.seen import read_file


@dataclass
class _Picture:
    """An image and what is annotated in it."""

    content: FileContent
    width: int
    height: int
    split: str
    labels: set[str] = field(default_factory=set)
    noted: Noted = field(default_factory=dict)
    """What the attributes of its annotations say."""
    objects: list[tuple[str, Shape | None]] = field(default_factory=list)
    """Category and place of each object."""

    def draw_from(self, channel: dict[str, int], regions: int) -> ShapeMap | None:
        """Its map; ``None`` if an object of a region has no place."""
        shapes = []
        for category, shape in self.objects:
            if category in channel:
                if shape is None:
                    return None
                shapes.append((channel[category], shape))
        return ShapeMap(self.width, self.height, regions, tuple(shapes))


def read_coco(description: CocoDescription, folder: Path) -> Listing:
    """Read and check the JSON of every split.

    Raises:
        UserError: a file cannot be read, an item of it is wrong, or an image is missing.
    """
    categories: dict[str, None] = {}
    names: dict[str, None] = {}
    said: dict[str, None] = {}
    pictures: list[_Picture] = []
    paths = by_split(description.annotations, f"{folder}: annotations")
    source = folder if len(paths) > 1 else folder / next(iter(paths.values()))
    with _no_collection():
        for split, name in paths.items():
            path = folder / name
            root = folder / path_of(description.images, split, f"{folder}: images")
            document = _load(path)
            category_names = name_of_ids(document, "categories", path)
            attributes = None
            if _has_attribute_ids(description):
                attributes = name_of_ids(document, "attributes", path)
            categories |= dict.fromkeys(category_names.values())
            names |= dict.fromkeys((category_names if attributes is None else attributes).values())
            found, rule = _read_images(document, path, root, split)
            said |= dict.fromkeys([f"images: {rule}"] if rule else [])
            _read_annotations(document, path, found, category_names, attributes)
            pictures += found.values()
        _check_distinct(pictures, source)
        chosen, left_out = _choose_attributes(description, pictures, source)
        if chosen:
            labels, targets = attribute_targets(chosen, [p.noted for p in pictures])
        else:
            labels, targets = _targets(pictures, list(names), source)
        listing = _list(description, source, pictures, list(categories), labels, targets)
    said |= dict.fromkeys([_say_labels(listing, description, chosen), *left_out])
    return replace(listing, said=(*said, _say_maps(listing, description)))


def _has_attribute_ids(description: CocoDescription) -> bool:
    """Whether the labels are attributes that annotations name by id."""
    is_none = description.attributes in ("none", ["none"])
    return description.format == "fashionpedia" and not is_none


def _choose_attributes(
    description: CocoDescription, pictures: list[_Picture], source: Path
) -> tuple[tuple[Attribute, ...], tuple[str, ...]]:
    wanted = description.attributes
    if description.format == "fashionpedia":
        if wanted not in (None, "none", "all", ["none"], ["all"]):
            raise UserError(f"{source}: attributes: all or none of Fashionpedia's; see labels:")
        return (), ()
    noted, labels = [p.noted for p in pictures], [p.labels for p in pictures]
    return choose_attributes(wanted, noted, labels, str(source))


@contextmanager
def _no_collection() -> Iterator[None]:
    """Looking for garbage among millions of new lists would take a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _targets(
    pictures: list[_Picture], names: list[str], source: Path
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """The labels that some image has, and targets ``(images, labels)``."""
    has = {label for picture in pictures for label in picture.labels}
    labels = tuple(name for name in names if name in has)
    if not labels:
        raise UserError(f"{source}: no image has a label; expected annotations")
    position = {label: index for index, label in enumerate(labels)}
    targets = np.zeros((len(pictures), len(labels)), dtype=np.float32)
    for row, picture in enumerate(pictures):
        targets[row, [position[label] for label in picture.labels]] = 1
    return labels, targets


def _list(
    description: CocoDescription,
    source: Path,
    pictures: list[_Picture],
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
        maps=_maps(pictures, channel, len(regions)),
        targets=targets,
        splits=tuple(picture.split for picture in pictures),
        groups=(),
    )


def _maps(
    pictures: list[_Picture], channel: dict[str, int], regions: int
) -> tuple[ShapeMap | None, ...]:
    """The map of each image; none at all where objects have boxes alone, since empty maps would
    tell which images have no label.
    """
    shapes = [shape for picture in pictures for c, shape in picture.objects if c in channel]
    if shapes and all(shape is None for shape in shapes):
        return (None,) * len(pictures)
    return tuple(picture.draw_from(channel, regions) for picture in pictures)


def _say_labels(
    listing: Listing, description: CocoDescription, chosen: tuple[Attribute, ...]
) -> str:
    if chosen:
        names = ", ".join(attribute.name for attribute in chosen)
        return (
            f"labels: {len(listing.labels)} by attribute of the annotations ({names}); unknown "
            f"where no annotation has it"
        )
    kind = "attribute" if _has_attribute_ids(description) else "category"
    return f"labels: {len(listing.labels)} by {kind}; an image without such an object has none"


def _say_maps(listing: Listing, description: CocoDescription) -> str:
    known = sum(region_map is not None for region_map in listing.maps)
    if not known:
        return "maps: none, since no object has polygons or run lengths"
    regions = "all objects" if description.regions == "any" else ", ".join(listing.regions)
    return f"maps: polygons and run lengths of {regions}, of {known:,} of {len(listing):,} images"


def _load(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_file(path))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as JSON: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise UserError(f"{path}: not COCO's JSON; expected 'images', 'annotations', 'categories'")
    return document


def _read_images(
    document: dict[str, Any], path: Path, root: Path, split: str
) -> tuple[dict[Id, _Picture], str]:
    """The images of a file by their id, and how their names become paths."""
    items = list_items(document, "images", path)
    if not items:
        raise UserError(f"{path}: holds no images")
    places = [f"{path}: image {item.get('id', f'[{n}]')}" for n, item in enumerate(items)]
    ids = [read_id(item, "id", where) for item, where in zip(items, places, strict=True)]
    names = [
        image_name(read_text(item, "file_name", where))
        for item, where in zip(items, places, strict=True)
    ]
    for name, where in zip(names, places, strict=True):
        if not name or "\0" in name:
            raise UserError(f"{where}: file_name: no file is named")
    sizes = [read_size(item, where) for item, where in zip(items, places, strict=True)]
    rule = find_rule(names, root, f"{path}: file_name") or PathRule()
    contents = find_files(names, rule, root, lambda row: f"{places[row]}: file_name")
    pictures: dict[Id, _Picture] = {}
    for image_id, content, size, where in zip(ids, contents, sizes, places, strict=True):
        if image_id in pictures:
            raise UserError(f"{where}: the id is there twice")
        if content is not None:
            width, height = size or read_header(content).stored
            pictures[image_id] = _Picture(content, width, height, split)
    return pictures, rule.said()


def _read_annotations(
    document: dict[str, Any],
    path: Path,
    pictures: dict[Id, _Picture],
    categories: dict[Id, str],
    attributes: dict[Id, str] | None,
) -> None:
    """Add the objects of a file to its images."""
    for number, item in enumerate(list_items(document, "annotations", path)):
        where = f"{path}: annotation {item.get('id', f'[{number}]')}"
        image_id = read_id(item, "image_id", where)
        picture = pictures.get(image_id)
        if picture is None:
            raise UserError(f"{where}: there is no image {image_id}")
        category = by_id(categories, read_id(item, "category_id", where), where)
        shape = parse_shape(item.get("segmentation"), picture.width, picture.height, where)
        picture.objects.append((category, shape))
        if attributes is None:
            picture.labels.add(category)
            if given := item.get("attributes"):
                note_attributes(given, picture.noted)
        else:
            ids = item.get("attribute_ids") or ()
            picture.labels.update(names_by_id(attributes, ids, where))


def _check_distinct(pictures: list[_Picture], source: Path) -> None:
    seen: dict[str, str] = {}
    for picture in pictures:
        path = picture.content.path
        if path in seen:
            parts = f" (splits {seen[path]}, {picture.split})" if picture.split else ""
            raise UserError(f"{source}: file_name '{path}' is there twice{parts}")
        seen[path] = picture.split
