"""Items of COCO's JSON: ids, names, sizes and shapes, as the tools that write them do."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote

from PIL import Image

from sedn.errors import UserError

Id = int | str


def list_items(document: dict[str, Any], key: str, path: Path) -> list[dict[str, Any]]:
    """The list at ``key``.

    Raises:
        UserError: there is none.
    """
    items = document.get(key)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise UserError(f"{path}: no list '{key}' in it; is this COCO's JSON of instances?")
    return items


def name_of_ids(document: dict[str, Any], key: str, path: Path) -> dict[Id, str]:
    """The name of each id.

    Raises:
        UserError: an id is there twice, or one has no name.
    """
    names: dict[Id, str] = {}
    for number, item in enumerate(list_items(document, key, path)):
        where = f"{path}: {key} {item.get('id', f'[{number}]')}"
        item_id = read_id(item, "id", where)
        if item_id in names:
            raise UserError(f"{where}: the id is there twice")
        names[item_id] = read_text(item, "name", where)
    return names


def read_id(item: dict[str, Any], key: str, where: str) -> Id:
    """An id; some tools write whole numbers as ``1.0``.

    Raises:
        UserError: the value is no id.
    """
    value = item.get(key)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int | str):
        return value
    raise _wrong(item, key, "an id", where)


def read_text(item: dict[str, Any], key: str, where: str) -> str:
    """A name; a number counts by its digits.

    Raises:
        UserError: the value is no name.
    """
    value = item.get(key)
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return str(value)
    raise _wrong(item, key, "text", where)


def read_size(item: dict[str, Any], where: str) -> tuple[int, int] | None:
    """Width and height of an image, ``None`` if neither is given.

    Raises:
        UserError: width and height are no whole numbers, or no image has so many pixels.
    """
    sides = []
    for key in ("width", "height"):
        value = item.get(key)
        if isinstance(value, str) and value.strip().isdecimal():
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is not None and not isinstance(value, int):
            raise _wrong(item, key, "a whole number", where)
        sides.append(value)
    width, height = sides
    if width is None and height is None:
        return None
    if width is None or height is None:
        raise _wrong(item, "width" if width is None else "height", "a whole number", where)
    if min(width, height) < 1 or width * height > 2 * (Image.MAX_IMAGE_PIXELS or 1 << 30):
        raise UserError(f"{where}: no image has {width} x {height} pixels")
    return width, height


def image_name(name: str) -> str:
    """The path in a name: Label Studio writes ``/data/local-files/?d=photos/1.jpg``."""
    _, has_query, path = name.partition("?d=")
    return unquote(path) if has_query else name


def by_id(names: dict[Id, str], wanted: Id, where: str) -> str:
    """The name of an id.

    Raises:
        UserError: there is no such id.
    """
    try:
        return names[wanted]
    except KeyError:
        raise UserError(f"{where}: there is no category {wanted}") from None


def _wrong(item: dict[str, Any], key: str, expected: str, where: str) -> UserError:
    if key not in item:
        return UserError(f"{where}: no '{key}' in it")
    return UserError(f"{where}: {key} is {item[key]!r:.40}; expected {expected}")
