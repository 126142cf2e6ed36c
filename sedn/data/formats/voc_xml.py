"""The objects that one XML of Pascal VOC names."""

import xml.etree.ElementTree as ET
from pathlib import Path

from sedn.errors import UserError
from sedn.seen import read_file, see_content

Objects = dict[str, bool]
"""By class, whether one of its objects is not difficult."""

_DIFFICULT = {"": False, "0": False, "false": False, "unspecified": False, "1": True, "true": True}


def read_objects(path: Path) -> tuple[str, Objects]:
    """The name of the image that an XML is of, ``""`` if it does not say, and its objects.

    Raises:
        UserError: it is no XML, or an object of it is wrong.
    """
    try:
        tree = ET.fromstring(read_file(path), ET.XMLParser(target=_PlainTree()))
    except (OSError, ET.ParseError, ValueError, LookupError) as error:
        raise UserError(f"{path}: cannot be read as XML: {' '.join(str(error).split())}") from None
    objects: Objects = {}
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
    return (tree.findtext("filename") or "").strip(), objects


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
