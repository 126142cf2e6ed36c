"""The objects that one XML of Pascal VOC names."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from sedn.data.listing import Size
from sedn.data.maps.shapes import Shape, box_shape, parse_shape
from sedn.errors import UserError
from sedn.seen import read_file, see_content

Objects = dict[str, bool]
"""By class, whether one of its objects is not difficult."""
Outline = tuple[str, Shape | None]
"""The class of an object, and its polygon, which Roboflow adds to the box, or the box."""

_DIFFICULT = {"": False, "0": False, "false": False, "unspecified": False, "1": True, "true": True}


@dataclass(frozen=True, slots=True)
class VocImage:
    """The objects that an XML file describes in its image."""

    name: str
    """``""`` if it does not say."""
    objects: Objects
    outlines: tuple[Outline, ...]
    size: Size | None
    """Width and height in pixels."""
    boxes: int = 0
    """How many objects have no outline but their box."""


def read_xml(path: Path, *, boxes: bool = False) -> VocImage:
    """Read an XML file.

    Args:
        path: of the file.
        boxes: whether the box of an object stands for a polygon that is not there.

    Raises:
        UserError: the file is no XML, or an object in the file is wrong.
    """
    try:
        tree = ET.fromstring(read_file(path), ET.XMLParser(target=_PlainTree()))
    except (OSError, ET.ParseError, ValueError, LookupError) as error:
        raise UserError(f"{path}: cannot be read as XML: {' '.join(str(error).split())}") from None
    size = _read_size(tree)
    objects: Objects = {}
    outlines: list[Outline] = []
    drawn = 0
    for number, item in enumerate(tree.iter("object"), start=1):
        name = " ".join((item.findtext("name") or "").split())
        if not name:
            raise UserError(f"{path}: object {number} has no name")
        difficult = _DIFFICULT.get((item.findtext("difficult") or "").strip().lower())
        if difficult is None:
            raise UserError(
                f"{path}: object {number}: difficult is '{item.findtext('difficult')}'; expected "
                f"0 or 1"
            )
        objects[name] = objects.get(name, False) or not difficult
        outline = _read_outline(item, size, f"{path}: object {number}")
        if boxes and outline is None:
            outline = _read_box(item, f"{path}: object {number}")
            drawn += outline is not None
        outlines.append((name, outline))
    file_name = (tree.findtext("filename") or "").strip()
    return VocImage(file_name, objects, tuple(outlines), size, drawn)


def _read_size(tree: ET.Element) -> Size | None:
    sides = [(tree.findtext(f"size/{side}") or "").strip() for side in ("width", "height")]
    if not all(side.isdecimal() and int(side) > 0 for side in sides):
        return None
    return int(sides[0]), int(sides[1])


def _read_outline(item: ET.Element, size: Size | None, where: str) -> Shape | None:
    """The polygon of an object: ``<x1>``, ``<y1>``, ``<x2>`` and so on."""
    polygon = item.find("polygon")
    texts = {} if polygon is None else {point.tag: point.text for point in polygon}
    count = sum(tag.startswith("x") for tag in texts)
    if not count:
        return None
    if size is None:
        raise UserError(f"{where} has a polygon, but the XML has no size of the image")
    tags = [f"{axis}{number}" for number in range(1, count + 1) for axis in "xy"]
    try:
        points = [float(texts[tag] or "") for tag in tags]
    except (KeyError, ValueError):
        raise UserError(f"{where}: polygon is not of numbers x1, y1, x2, y2, …") from None
    return parse_shape([points], *size, where)


def _read_box(item: ET.Element, where: str) -> Shape | None:
    """The box of an object; ``None`` if it has none, or one without an area."""
    if item.find("bndbox") is None:
        return None
    sides = [item.findtext(f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")]
    try:
        left, top, right, bottom = (float(side or "") for side in sides)
    except ValueError:
        raise UserError(f"{where}: bndbox is not of numbers xmin, ymin, xmax, ymax") from None
    return box_shape(left, top, right, bottom)


def is_voc(path: Path) -> bool:
    """Whether a file begins as an XML of Pascal VOC; no more than its beginning is read."""
    see_content(path)
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError:
        return False
    text = start.decode("utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "replace")
    # CVAT's own XML has one <annotations> for all images.
    return any(f"annotation{end}" in text.replace("</", "") for end in (">", " ", "\n", "\r"))


class _PlainTree(ET.TreeBuilder):
    """Tags without their namespace; no DOCTYPE, which alone can declare entities, and these may
    grow without bound.
    """

    def start(self, tag: str, attrs: dict[str, str]) -> ET.Element:
        return super().start(tag.rpartition("}")[2], attrs)

    def end(self, tag: str) -> ET.Element:
        return super().end(tag.rpartition("}")[2])

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ValueError("it has a DOCTYPE, which is refused; remove it")
