"""Fast parsing of COCO's JSON in little memory."""

import gc
import json
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sedn.data.maps.shapes import pack_polygon
from sedn.data.near_names import near_name
from sedn.errors import UserError
from sedn.seen import read_file


@contextmanager
def no_collection() -> Iterator[None]:
    """Looking for garbage among millions of new lists would take a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def load_document(path: Path) -> dict[str, Any]:
    """Load a JSON file.

    Raises:
        UserError: the file cannot be read, or holds no JSON object.
    """
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
    """An annotation without its area, its polygons as arrays, its box only where it has none of
    them: a quarter of the memory.
    """
    shape = item.get("segmentation")
    if isinstance(shape, list):
        item["segmentation"] = [pack_polygon(polygon) for polygon in shape]
        item.pop("area", None)
        if any(isinstance(polygon, array) and len(polygon) > 4 for polygon in item["segmentation"]):
            item.pop("bbox", None)
    if "bbox" in item:
        item["bbox"] = pack_polygon(item["bbox"])
    return item
