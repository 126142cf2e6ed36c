"""Instances in COCO's JSON, and Fashionpedia's, which adds attributes.

A label is 1 where an image has an object of the category, a crowd of them too; an image without
annotations is 0 in all. Of Fashionpedia the labels are the attributes, and the categories
(garments) are regions alone. Categories and attributes that no image has are left out; those of one
name are one.

Polygons and run lengths are the map, those of crowds too. An image without annotations has an empty
map. Where an object of a region has no segmentation, the map of its image is unknown: a box says
too little of where it lies, and is not used.
"""

import gc
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sedn.data.content import FileContent, find_file
from sedn.data.description import CocoDescription
from sedn.data.formats.parts import by_split, choose_regions, path_of
from sedn.data.listing import Listing
from sedn.data.shapes import Shape, ShapeMap, parse_shape
from sedn.errors import UserError


@dataclass
class _Picture:
    """An image and what is annotated in it."""

    content: FileContent
    width: int
    height: int
    split: str
    labels: set[str] = field(default_factory=set)
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
    pictures: list[_Picture] = []
    paths = by_split(description.annotations, f"{folder}: annotations")
    source = folder if len(paths) > 1 else folder / next(iter(paths.values()))
    with _no_collection():
        for split, name in paths.items():
            path = folder / name
            root = folder / path_of(description.images, split, f"{folder}: images")
            document = _load(path)
            category_names = _names(document, "categories", path)
            attributes = None
            if description.format == "fashionpedia":
                attributes = _names(document, "attributes", path)
            categories |= dict.fromkeys(category_names.values())
            names |= dict.fromkeys((category_names if attributes is None else attributes).values())
            found = _read_images(document, path, root, split)
            _read_annotations(document, path, found, category_names, attributes)
            pictures += found.values()
        _check_distinct(pictures, source)
        return _list(description, source, pictures, list(names), list(categories))


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
    names: list[str],
    categories: list[str],
) -> Listing:
    has = {label for picture in pictures for label in picture.labels}
    labels = tuple(name for name in names if name in has)
    if not labels:
        raise UserError(f"{source}: no image has a label; expected annotations")
    position = {label: index for index, label in enumerate(labels)}
    targets = np.zeros((len(pictures), len(labels)), dtype=np.float32)
    for row, picture in enumerate(pictures):
        targets[row, [position[label] for label in picture.labels]] = 1
    drawn = {category for picture in pictures for category, _ in picture.objects}
    present = [category for category in categories if category in drawn]
    regions, channel = choose_regions(description.regions, present, categories, str(source))
    return Listing(
        source=source,
        labels=labels,
        regions=regions,
        images=tuple(picture.content for picture in pictures),
        maps=tuple(picture.draw_from(channel, len(regions)) for picture in pictures),
        targets=targets,
        splits=tuple(picture.split for picture in pictures),
        groups=(),
    )


def _load(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as JSON: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise UserError(f"{path}: not COCO's JSON; expected 'images', 'annotations', 'categories'")
    return document


def _items(document: dict[str, Any], key: str, path: Path) -> list[dict[str, Any]]:
    """The list at ``key``."""
    items = document.get(key)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise UserError(f"{path}: no list '{key}' in it; is this COCO's JSON of instances?")
    return items


def _names(document: dict[str, Any], key: str, path: Path) -> dict[Any, str]:
    """The name of each id."""
    names: dict[Any, str] = {}
    for number, item in enumerate(_items(document, key, path)):
        where = f"{path}: {key} {item.get('id', f'[{number}]')}"
        name_id = _need(item, "id", int | str, where)
        if name_id in names:
            raise UserError(f"{where}: the id is there twice")
        names[name_id] = _need(item, "name", str, where)
    return names


def _read_images(
    document: dict[str, Any], path: Path, root: Path, split: str
) -> dict[Any, _Picture]:
    """The images of a file by their id."""
    pictures: dict[Any, _Picture] = {}
    for number, item in enumerate(_items(document, "images", path)):
        where = f"{path}: image {item.get('id', f'[{number}]')}"
        image_id = _need(item, "id", int | str, where)
        if image_id in pictures:
            raise UserError(f"{where}: the id is there twice")
        name = _need(item, "file_name", str, where)
        width, height = (_need(item, side, int, where) for side in ("width", "height"))
        if min(width, height) < 1 or width * height > 2 * (Image.MAX_IMAGE_PIXELS or 1 << 30):
            raise UserError(f"{where}: no image has {width} x {height} pixels")
        content = find_file(root, name, f"{where}: file_name")
        pictures[image_id] = _Picture(content, width, height, split)
    if not pictures:
        raise UserError(f"{path}: holds no images")
    return pictures


def _read_annotations(
    document: dict[str, Any],
    path: Path,
    pictures: dict[Any, _Picture],
    categories: dict[Any, str],
    attributes: dict[Any, str] | None,
) -> None:
    """Add the objects of a file to its images."""
    for number, item in enumerate(_items(document, "annotations", path)):
        where = f"{path}: annotation {item.get('id', f'[{number}]')}"
        image_id = _need(item, "image_id", int | str, where)
        picture = pictures.get(image_id)
        if picture is None:
            raise UserError(f"{where}: there is no image {image_id}")
        category = _name(categories, _need(item, "category_id", int | str, where), where)
        shape = parse_shape(item.get("segmentation"), picture.width, picture.height, where)
        picture.objects.append((category, shape))
        if attributes is None:
            picture.labels.add(category)
        else:
            ids = item.get("attribute_ids") or ()
            picture.labels.update(_attribute_names(attributes, ids, where))


def _attribute_names(attributes: dict[Any, str], ids: Any, where: str) -> Iterable[str]:
    if not isinstance(ids, list | tuple) or not all(isinstance(i, int | str) for i in ids):
        raise UserError(f"{where}: attribute_ids is no list of ids")
    return [_name(attributes, attribute_id, where, "attribute") for attribute_id in ids]


def _name(names: dict[Any, str], wanted: int | str, where: str, kind: str = "category") -> str:
    try:
        return names[wanted]
    except KeyError:
        raise UserError(f"{where}: there is no {kind} {wanted}") from None


def _need(item: dict[str, Any], key: str, kind: Any, where: str) -> Any:
    """The value at ``key``, of type ``kind``."""
    value = item.get(key)
    if isinstance(value, kind):
        return value
    if key not in item:
        raise UserError(f"{where}: no '{key}' in it")
    raise UserError(f"{where}: {key} is {value!r:.40}; expected {_KINDS[kind]}")


_KINDS = {int | str: "an id", int: "a whole number", str: "text"}


def _check_distinct(pictures: list[_Picture], source: Path) -> None:
    seen: dict[str, str] = {}
    for picture in pictures:
        path = picture.content.path
        if path in seen:
            parts = f" (splits {seen[path]}, {picture.split})" if picture.split else ""
            raise UserError(f"{source}: file_name '{path}' is there twice{parts}")
        seen[path] = picture.split
