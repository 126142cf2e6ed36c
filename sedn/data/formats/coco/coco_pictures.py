"""The images of one of COCO's JSON, with what is annotated in them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from sedn.data.faults import Faults
from sedn.data.formats.coco.coco_attributes import (
    Noted,
    note_attributes,
)
from sedn.data.formats.coco.coco_items import (
    Id,
    by_id,
    image_name,
    list_items,
    read_id,
    read_size,
    read_text,
)
from sedn.data.formats.paths import PathRule, find_files, find_rule
from sedn.data.images.content import FileContent
from sedn.data.images.decoding import read_header
from sedn.data.maps.shapes import Shape, ShapeMap, parse_box, parse_shape
from sedn.errors import UserError


@dataclass
class Picture:
    """An image and what is annotated in it."""

    content: FileContent
    width: int
    height: int
    split: str
    labels: set[str] = field(default_factory=set)
    noted: Noted = field(default_factory=dict)
    """The values of the attributes of the image's annotations."""
    objects: list[tuple[str | None, Shape | None]] = field(default_factory=list)
    """Category and place of each object; a category of ``None`` is not known."""
    boxes: int = 0
    """How many of them have no place but their box."""

    def says_the_same_as(self, other: "Picture") -> bool:
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


def read_images(
    items: list[dict[str, Any]], path: Path, root: Path, split: str, faults: Faults
) -> tuple[dict[Id, Picture | None], str]:
    """The images of a file by their id, ``None`` for one with a fault, and how their names become
    paths.
    """
    if not items:
        raise UserError(f"{path}: holds no images")
    pictures, named = _read_entries(items, path, faults)
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
        pictures[image.id] = Picture(content, width, height, split)
    return pictures, rule.describe()


def _read_entries(
    items: list[dict[str, Any]], path: Path, faults: Faults
) -> tuple[dict[Id, Picture | None], list["_Named"]]:
    """All ids, none with its image yet, and the entries without a fault."""
    pictures: dict[Id, Picture | None] = {}
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
    return pictures, [image for image in named if image.id not in twice]


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


def read_annotations(
    document: dict[str, Any],
    path: Path,
    pictures: dict[Id, Picture | None],
    categories: dict[Id, str],
    attributes: dict[Id, str] | None,
    faults: Faults,
    *,
    boxes: bool,
) -> None:
    """Add the objects of a file to its images; where ``boxes``, the box of an object stands for
    polygons that are not there.

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
        try:
            read_id(item, "category_id", where)
            names = None if attributes is None else _attributes(item, attributes, where, faults)
        except UserError as error:
            # An object that may be anything: what the image has not is not known.
            faults.add("bad annotation", error)
            pictures[image_id] = None
            continue
        category, shape = _read_object(item, picture, categories, where, faults, boxes=boxes)
        picture.objects.append((category, shape))
        if names is not None:
            picture.labels.update(names)
        elif category is not None:
            picture.labels.add(category)
            if given := item.get("attributes"):
                note_attributes(given, picture.noted)


def _read_object(
    item: dict[str, Any],
    picture: Picture,
    categories: dict[Id, str],
    where: str,
    faults: Faults,
    *,
    boxes: bool,
) -> tuple[str | None, Shape | None]:
    """The category and the place of an object; what is wrong with one of them is noted."""
    category: str | None = None
    shape = None
    try:
        category = by_id(categories, read_id(item, "category_id", where), where)
        shape = parse_shape(item.get("segmentation"), picture.width, picture.height, where)
        if boxes and shape is None:
            shape = parse_box(item.get("bbox"), where)
            picture.boxes += shape is not None
    except UserError as error:
        faults.add("bad annotation", error)
    return category, shape


def _attributes(
    item: dict[str, Any], attributes: dict[Id, str], where: str, faults: Faults
) -> list[str]:
    """The names of an object's attributes.

    Raises:
        UserError: the attributes are no list.
    """
    ids = item.get("attribute_ids") or ()
    if not isinstance(ids, list | tuple) or not all(isinstance(i, int | str) for i in ids):
        raise UserError(f"{where}: attribute_ids is no list of ids")
    for attribute in ids:
        if attribute not in attributes:
            faults.add("bad annotation", f"{where}: there is no attribute {attribute}")
    return [attributes[attribute] for attribute in ids if attribute in attributes]


def distinct(pictures: list[Picture], source: Path, faults: Faults) -> list[Picture]:
    """The images without those whose file is there twice; one of them stays if all say the same."""
    places: dict[str, list[Picture]] = {}
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
