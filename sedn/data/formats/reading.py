"""From the path of a data set, in whatever format, to its listing."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sedn.config.reading import build_group
from sedn.data.description import DESCRIPTIONS, Description
from sedn.data.formats.coco import read_coco
from sedn.data.formats.huggingface import read_hugging_face
from sedn.data.formats.open_images import read_open_images
from sedn.data.formats.recognition import recognise
from sedn.data.formats.table import read_table
from sedn.data.formats.table_file import read_frame
from sedn.data.formats.voc import read_voc
from sedn.data.formats.yolo import read_yolo
from sedn.data.formats.yolo_recognition import describe_yolo, is_yolo
from sedn.data.listing import Listing
from sedn.data.orientation import settle_orientation
from sedn.data.splits import split_name
from sedn.document import parse_document, read_text
from sedn.errors import UserError, did_you_mean
from sedn.seen import is_file

READERS: dict[str, Callable[[Any, Path], Listing]] = {
    "table": read_table,
    "coco": read_coco,
    "fashionpedia": read_coco,
    "voc": read_voc,
    "yolo": read_yolo,
    "open-images": read_open_images,
    "huggingface": read_hugging_face,
}


def read_listing(path: Path, given: Mapping[str, Any] | None = None) -> Listing:
    """Read the data set at ``path``: a ``data.yaml``, a folder that holds one, a table,
    the ``data.yaml`` of a data set for YOLO, or what
    :func:`~sedn.data.formats.recognition.recognise` can tell.

    Args:
        path: of the data.
        given: fields of a description that win over those of the ``data.yaml``.

    Raises:
        UserError: there is none, or something in it is wrong.
    """
    return _read(*read_description(path, given or {}))


def read_fields(fields: dict[str, Any], folder: Path, where: str) -> Listing:
    """Read the data set that the fields of a ``data.yaml`` describe.

    Args:
        fields: of the description.
        folder: what its paths are relative to.
        where: names the description in messages.

    Raises:
        UserError: a field or something in the data is wrong.
    """
    return _read(_parse(fields, where), folder)


def _read(description: Description, folder: Path) -> Listing:
    listing = READERS[description.format](description, folder)  # type: ignore[attr-defined]
    if description.splits is not None:
        listing = _with_splits(listing, folder / description.splits)
    return settle_orientation(_with_labels(listing, description), description.orientation)


def read_description(path: Path, given: Mapping[str, Any]) -> tuple[Description, Path]:
    """The description of the data set at ``path``, and the folder it is relative to; as
    :func:`read_listing`.

    Raises:
        UserError: it cannot be read or has a wrong field, or the format cannot be told.
    """
    if is_file(path / "data.yaml"):
        path = path / "data.yaml"
    if path.suffix.lower() not in (".yaml", ".yml"):
        fields, folder = recognise(path)
        return _parse({**fields, **given}, str(path)), folder
    expected = "the fields of a description, such as 'format: coco'"
    fields = parse_document(read_text(path), str(path), expected)
    if is_yolo(fields):
        fields = describe_yolo(fields, path)
    return _parse({**fields, **given}, str(path)), path.parent


def _parse(fields: dict[str, Any], where: str) -> Description:
    format = fields.get("format", "table")
    if not isinstance(format, str) or format not in READERS:
        hint = did_you_mean(str(format), READERS) or f"; expected one of {', '.join(READERS)}"
        raise UserError(f"{where}: unknown format '{format}'{hint}")
    return build_group(DESCRIPTIONS[format], {**fields, "format": format}, where)


def _with_splits(listing: Listing, path: Path) -> Listing:
    """The listing with the splits of a CSV; images are named as the data set names them."""
    frame = read_frame(path)
    for column in ("image", "split"):
        if column not in frame.columns:
            raise UserError(f"{path}: no column '{column}'{did_you_mean(column, frame.columns)}")
    of_image = {
        str(image): split_name(str(split), f"{path}: row {row + 2}")
        for row, (image, split) in enumerate(zip(frame["image"], frame["split"], strict=True))
    }
    splits = []
    for content in listing.images:
        name = next((n for n in _names(content.name) if n in of_image), None)
        if name is None:
            raise UserError(f"{path}: no row for image '{content.name}'")
        splits.append(of_image[name])
    return replace(listing, splits=tuple(splits))


def _names(path: str) -> list[str]:
    """A path, then ever less of its beginning: ``a/b.jpg``, ``b.jpg``."""
    parts = Path(path).parts
    return ["/".join(parts[start:]).replace("//", "/") for start in range(len(parts))]


def _with_labels(listing: Listing, description: Description) -> Listing:
    """Only the labels that are asked for and that enough images have."""
    wanted = description.labels or listing.labels
    for label in wanted:
        if label not in listing.labels:
            hint = did_you_mean(label, listing.labels)
            raise UserError(f"{listing.source}: no label '{label}' in the data{hint}")
    columns = [listing.labels.index(label) for label in wanted]
    positives = np.nansum(listing.targets[:, columns], axis=0)
    kept = [
        column
        for column, count in zip(columns, positives, strict=True)
        if description.labels or count >= description.min_positives
    ]
    if not kept:
        raise UserError(
            f"{listing.source}: no label has {description.min_positives} positive images; lower "
            f"min_positives"
        )
    return replace(
        listing,
        labels=tuple(listing.labels[column] for column in kept),
        targets=listing.targets[:, kept],
    )
