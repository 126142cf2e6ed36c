"""Instances in COCO's JSON, and Fashionpedia's, which adds attributes.

A label is 1 where an image has an object of the category, a crowd of them too; an image without
annotations is 0 in all. Of Fashionpedia the labels are the attributes, and the categories
(garments) are regions alone. Categories and attributes that no image has are left out; those of one
name are one. Attributes of annotations, as CVAT has them, may be the labels instead of categories.

Polygons and run lengths are the map, those of crowds too. An image without annotations has an empty
map. Where an object of a region has no segmentation, the map of its image is unknown: a box says
too little of where it lies, and is not used.

Where faults are left out, an image without a file is, with all of its annotations. An annotation of
an image that is not there says nothing. One of a category that is not there leaves the labels of
its image as the others say; one whose shape cannot be read still says its label. In both the map of
the image is unknown, if the object may belong to a region. An annotation that says no category
makes its image useless, as do two entries with one id.
"""

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sedn.data.description import CocoDescription
from sedn.data.faults import Faults
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
    read_id,
    read_size,
    read_text,
)
from sedn.data.formats.parts import by_split, choose_regions, path_of
from sedn.data.formats.paths import PathRule, find_files, find_rule
from sedn.data.formats.targets import labels_that_occur, target_matrix
from sedn.data.images.content import FileContent
from sedn.data.images.decoding import read_header
from sedn.data.listing import Listing
from sedn.data.maps.shapes import Shape, ShapeMap, pack_polygon, parse_shape
from sedn.data.near_names import near_name
from sedn.errors import UserError, some_of
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
    objects: list[tuple[str | None, Shape | None]] = field(default_factory=list)
    """Category and place of each object; a category of ``None`` is not known."""

    def says_the_same_as(self, other: "_Picture") -> bool:
        """Whether both have the same split, labels and objects."""
        mine, theirs = (
            (p.split, p.labels, p.noted, p.objects, p.width, p.height) for p in (self, other)
        )
        return mine == theirs

    def draw_from(self, channel: dict[str, int], regions: int, *, of_all: bool) -> ShapeMap | None:
        """Its map; ``None`` if an object of a region has no place.

        Args:
            channel: the region of each category that is in one.
            regions: how many there are.
            of_all: whether an object of any category is in a region.
        """
        shapes = []
        for category, shape in self.objects:
            if category is None and of_all:
                return None
            if category in channel:
                if shape is None:
                    return None
                shapes.append((channel[category], shape))
        return ShapeMap(self.width, self.height, regions, tuple(shapes))


def read_coco(description: CocoDescription, folder: Path, faults: Faults) -> Listing:
    """Read and check the JSON of every split.

    Raises:
        UserError: a file cannot be read, or no image is left.
    """
    categories: dict[str, None] = {}
    names: dict[str, None] = {}
    said: dict[str, None] = {}
    pictures: list[_Picture] = []
    listed = 0
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
            items = list_items(document, "images", path)
            found, rule = _read_images(items, path, root, split, faults)
            said |= dict.fromkeys([f"images: {rule}"] if rule else [])
            _read_annotations(document, path, found, category_names, attributes, faults)
            pictures += [picture for picture in found.values() if picture is not None]
            listed += len(items)
            del document, items
        pictures = _distinct(pictures, source, faults)
        if not pictures:
            raise UserError(f"{source}: no image is left")
        chosen, left_out = _choose_attributes(description, pictures, source)
        if chosen:
            labels, targets = attribute_targets(chosen, [p.noted for p in pictures])
        else:
            missing = f"{source}: no image has a label; expected annotations"
            labels = labels_that_occur(names, (p.labels for p in pictures), missing)
            targets = target_matrix([dict.fromkeys(p.labels, 1.0) for p in pictures], labels)
        listing = _list(description, source, pictures, list(categories), labels, targets)
    said |= dict.fromkeys([_say_labels(listing, description, chosen), *left_out])
    return replace(
        listing,
        said=(*said, _say_maps(listing, description)),
        fields={"attributes": [attribute.name for attribute in chosen]} if chosen else {},
        skipped=listed - len(pictures),
    )


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
        maps=_maps(pictures, channel, len(regions), of_all=description.regions == "any"),
        targets=targets,
        splits=tuple(picture.split for picture in pictures),
        groups=(),
    )


def _maps(
    pictures: list[_Picture], channel: dict[str, int], regions: int, *, of_all: bool
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


def _say_maps(listing: Listing, description: CocoDescription) -> str:
    known = sum(region_map is not None for region_map in listing.maps)
    if not known:
        return "maps: none, since no object has polygons or run lengths"
    regions = "all objects" if description.regions == "any" else some_of(listing.regions)
    return f"maps: polygons and run lengths of {regions}, of {known:,} of {len(listing):,} images"


def _load(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(_read_text(path), object_hook=_pack)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file{near_name(str(path))}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as JSON: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise UserError(f"{path}: not COCO's JSON; expected 'images', 'annotations', 'categories'")
    return document


def _read_text(path: Path) -> str:
    """The text of a file of JSON; its bytes, as many again, are let go before it is parsed."""
    data = read_file(path)
    return data.decode(json.detect_encoding(data), "surrogatepass")


def _pack(item: dict[str, Any]) -> dict[str, Any]:
    """An annotation without its box and area, its polygons as arrays: a quarter of the memory."""
    shape = item.get("segmentation")
    if isinstance(shape, list):
        item["segmentation"] = [pack_polygon(polygon) for polygon in shape]
        item.pop("bbox", None)
        item.pop("area", None)
    return item


def _read_images(
    items: list[dict[str, Any]], path: Path, root: Path, split: str, faults: Faults
) -> tuple[dict[Id, _Picture | None], str]:
    """The images of a file by their id, ``None`` for one with a fault, and how their names become
    paths.
    """
    if not items:
        raise UserError(f"{path}: holds no images")
    pictures: dict[Id, _Picture | None] = {}
    named: list[_Named] = []
    twice: set[Id] = set()
    for number, item in enumerate(items):
        where = f"{path}: image {item.get('id', f'[{number}]')}"
        try:
            image_id = read_id(item, "id", where)
        except UserError as error:
            faults.add("bad image entry", error)
            continue
        if image_id in pictures:
            # Which of the two an annotation means is not known.
            faults.add("duplicate", f"{where}: the id is there twice")
            twice.add(image_id)
            continue
        pictures[image_id] = None
        try:
            named.append(_Named(image_id, where, _file_name(item, where), read_size(item, where)))
        except UserError as error:
            faults.add("bad image entry", error)
    named = [image for image in named if image.id not in twice]
    names = [image.name for image in named]
    rule = find_rule(names, root, f"{path}: file_name") or PathRule()
    contents = find_files(
        names,
        rule,
        root,
        lambda row: f"{named[row].where}: file_name",
        lambda _, error: faults.add("missing file", error),
    )
    for image, content in zip(named, contents, strict=True):
        if content is None:
            continue
        try:
            width, height = image.size or read_header(content).stored
        except UserError as error:
            faults.add("unreadable file", error)
            continue
        pictures[image.id] = _Picture(content, width, height, split)
    return pictures, rule.said()


class _Named(NamedTuple):
    """An image as its JSON describes it."""

    id: Id
    where: str
    name: str
    size: tuple[int, int] | None


def _file_name(item: dict[str, Any], where: str) -> str:
    name = image_name(read_text(item, "file_name", where))
    if not name or "\0" in name:
        raise UserError(f"{where}: file_name: no file is named")
    return name


def _read_annotations(
    document: dict[str, Any],
    path: Path,
    pictures: dict[Id, _Picture | None],
    categories: dict[Id, str],
    attributes: dict[Id, str] | None,
    faults: Faults,
) -> None:
    """Add the objects of a file to its images.

    Raises:
        UserError: there are none, or one names no image.
    """
    for number, item in enumerate(list_items(document, "annotations", path)):
        where = f"{path}: annotation {item.get('id', f'[{number}]')}"
        # One that names no image may belong to any, so nothing can be left out for it.
        image_id = read_id(item, "image_id", where)
        if image_id not in pictures:
            faults.add("bad annotation", f"{where}: there is no image {image_id}")
            continue
        picture = pictures[image_id]
        if picture is None:
            continue
        category: str | None = None
        shape = None
        try:
            category_id = read_id(item, "category_id", where)
            names = None if attributes is None else _attributes(item, attributes, where, faults)
        except UserError as error:
            # An object that may be anything: what the image has not is not known.
            faults.add("bad annotation", error)
            pictures[image_id] = None
            continue
        try:
            category = by_id(categories, category_id, where)
            shape = parse_shape(item.get("segmentation"), picture.width, picture.height, where)
        except UserError as error:
            faults.add("bad annotation", error)
        picture.objects.append((category, shape))
        if names is not None:
            picture.labels.update(names)
        elif category is not None:
            picture.labels.add(category)
            if given := item.get("attributes"):
                note_attributes(given, picture.noted)


def _attributes(
    item: dict[str, Any], attributes: dict[Id, str], where: str, faults: Faults
) -> list[str]:
    """The names of an object's attributes.

    Raises:
        UserError: they are no list.
    """
    ids = item.get("attribute_ids") or ()
    if not isinstance(ids, list | tuple) or not all(isinstance(i, int | str) for i in ids):
        raise UserError(f"{where}: attribute_ids is no list of ids")
    for attribute in ids:
        if attribute not in attributes:
            faults.add("bad annotation", f"{where}: there is no attribute {attribute}")
    return [attributes[attribute] for attribute in ids if attribute in attributes]


def _distinct(pictures: list[_Picture], source: Path, faults: Faults) -> list[_Picture]:
    """The images without those whose file is there twice; one of them stays if all say the same."""
    places: dict[str, list[_Picture]] = {}
    for picture in pictures:
        places.setdefault(picture.content.path, []).append(picture)
    if len(places) == len(pictures):
        return pictures
    kept = []
    for path, same in places.items():
        first = same[0]
        for other in same[1:]:
            parts = f" (splits {first.split}, {other.split})" if other.split else ""
            faults.add("duplicate", f"{source}: file_name '{path}' is there twice{parts}")
        if all(other.says_the_same_as(first) for other in same):
            kept.append(first)
    return kept
