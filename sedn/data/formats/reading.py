"""From the path of a data set, in whatever format, to its listing."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sedn.config.reading import build_group
from sedn.data.dataset import cut
from sedn.data.faults import OPTION, Faults, say_counts
from sedn.data.formats.copies import group_copies
from sedn.data.formats.data_format import DataFormat
from sedn.data.formats.description import Description
from sedn.data.formats.recognition import recognise
from sedn.data.formats.registry import FORMATS
from sedn.data.formats.table_file import read_frame
from sedn.data.images.levels_recognition import settle_levels
from sedn.data.images.orientation import settle_orientation
from sedn.data.listing import Listing
from sedn.data.splits.cutting import split_name
from sedn.document import parse_document, read_text
from sedn.errors import Question, UserError, did_you_mean
from sedn.seen import is_file
from sedn.style import count_of

_PARENTS = re.compile(r"^(\.\./)+")


def read_listing(
    path: Path, given: Mapping[str, Any] | None = None, *, skip: bool = False
) -> Listing:
    """Read the data set at ``path``: a ``data.yaml``, a folder that holds one, a table,
    the ``data.yaml`` of a data set for YOLO, or what
    :func:`~sedn.data.formats.recognition.recognise` can tell.

    Args:
        path: of the data.
        given: fields of a description that win over those of the ``data.yaml``.
        skip: leave out rows, images and annotations that are wrong, and list them as faults.

    Raises:
        UserError: there is none, or something in it is wrong; one message names all that is wrong.
    """
    format, description, folder = read_description(path, given or {})
    return _read(format, description, folder, Faults(str(path), skip=skip))


def read_fields(fields: dict[str, Any], folder: Path, where: str, *, skip: bool = False) -> Listing:
    """Read the data set that the fields of a ``data.yaml`` describe.

    Args:
        fields: of the description.
        folder: what its paths are relative to.
        where: names the description in messages.
        skip: as of :func:`read_listing`.

    Raises:
        UserError: a field or something in the data is wrong.
    """
    return _read(*_parse(fields, where), folder, Faults(where, skip=skip))


def _read(format: DataFormat, description: Description, folder: Path, faults: Faults) -> Listing:
    try:
        listing = format.read(description, folder, faults)
        if description.splits is not None:
            listing = _with_splits(listing, folder / description.splits, faults)
        listing = group_copies(_with_labels(_all_or_none(listing, faults), description))
        listing = settle_levels(listing, description.white)
    except Question:
        raise
    except UserError as error:
        if not faults:
            raise
        raise faults.error(error) from None
    if faults:
        if not faults.skip:
            raise faults.error()
        notes = (*listing.notes, _say_faults(listing, faults))
        listing = replace(listing, faults=faults.by_kind(), notes=notes)
    return settle_orientation(listing, description.orientation)


def _all_or_none(listing: Listing, faults: Faults) -> Listing:
    """The listing without images that have no split where others have one."""
    kept = [row for row, split in enumerate(listing.splits) if split]
    if len(kept) in (0, len(listing)):
        return listing
    for row in np.setdiff1d(np.arange(len(listing)), kept).tolist():
        name = listing.images[row].name
        faults.add(
            "bad cell",
            f"{listing.source}: image '{name}' has no split and others have; give one to all or to "
            f"none",
        )
    return listing.keep(kept)


def _say_faults(listing: Listing, faults: Faults) -> str:
    images = f", {count_of(listing.skipped, 'image')} in all" if listing.skipped else ""
    return f"left out by {OPTION}: {say_counts(faults.by_kind())}{images}"


def read_description(path: Path, given: Mapping[str, Any]) -> tuple[DataFormat, Description, Path]:
    """The format of the data set at ``path``, its description, and the folder that is relative to;
    as :func:`read_listing`.

    Raises:
        UserError: the description cannot be read or has a wrong field, or the format is
            not recognised.
    """
    if is_file(path / "data.yaml"):
        path = path / "data.yaml"
    if path.suffix.lower() not in (".yaml", ".yml"):
        fields, folder = recognise(path)
        return *_parse({**fields, **given}, str(path)), folder
    expected = "the fields of a description, such as 'format: coco'"
    fields = parse_document(read_text(path), str(path), expected)
    own = (entry.of_yaml(fields, path) for entry in FORMATS.values())
    fields = next((described for described in own if described), fields)
    return *_parse({**fields, **given}, str(path)), path.parent


def _parse(fields: dict[str, Any], where: str) -> tuple[DataFormat, Description]:
    format = fields.get("format", "table")
    if not isinstance(format, str) or format not in FORMATS:
        hint = did_you_mean(str(format), FORMATS) or f"; expected one of {', '.join(FORMATS)}"
        raise UserError(f"{where}: unknown format '{format}'{hint}")
    entry = FORMATS[format]
    return entry, build_group(entry.description, {**fields, "format": format}, where)


def _with_splits(listing: Listing, path: Path, faults: Faults) -> Listing:
    """The listing with the splits of a CSV; images are named as the data set names them, or by the
    end of that name.

    An image of which the CSV says no split, or two, is left out, and so are those that one row may
    mean.
    """
    of_name = _read_splits(path, faults)
    names = [_PARENTS.sub("", name) for name in listing.names(np.arange(len(listing)))]
    splits: list[str | None] = []
    meant: dict[str, list[int]] = {}
    # A row with the whole name of an image is of no other.
    whole = of_name.keys() & set(names)
    for row, (name, content) in enumerate(zip(names, listing.images, strict=True)):
        ends = (end for end in _ends(content.name) if end in of_name and end not in whole)
        found = name if name in whole else next(ends, None)
        if found is None:
            faults.add("bad row", f"{path}: no row for image '{content.name}'")
        else:
            meant.setdefault(found, []).append(row)
        splits.append(None if found is None else of_name[found])
    for found, rows in meant.items():
        if len(rows) == 1:
            continue
        one, other = (listing.images[row].name for row in rows[:2])
        faults.add(
            "bad row",
            f"{path}: image '{found}' may be {one} or {other}; write a row for each, with the path "
            f"in the data's folder",
        )
        for row in rows:
            splits[row] = None
    kept = [row for row, split in enumerate(splits) if split is not None]
    if not kept:
        raise UserError(f"{path}: no image has a split")
    return replace(listing.keep(kept), splits=tuple(split for split in splits if split is not None))


def _read_splits(path: Path, faults: Faults) -> dict[str, str | None]:
    """The split of each image that a CSV names; ``None`` where the CSV says none, or two."""
    frame = read_frame(path, faults)
    for column in ("image", "split"):
        if column not in frame.columns:
            raise UserError(f"{path}: no column '{column}'{did_you_mean(column, frame.columns)}")
    of_image: dict[str, str | None] = {}
    for number, image, split_cell in zip(frame.index, frame["image"], frame["split"], strict=True):
        # Images beside the folder of the data are named from there.
        name = _PARENTS.sub("", str(image).strip())
        where = f"{path}: row {number}"
        try:
            split = split_name(str(split_cell or ""), where)
        except UserError as error:
            faults.add("bad cell", error)
            of_image[name] = None
            continue
        of_image.setdefault(name, split)
        if of_image[name] != split:
            faults.add("duplicate", f"{where}: image '{name}' is there twice, with two splits")
            of_image[name] = None
    return of_image


def _ends(path: str) -> list[str]:
    """A path, then ever less of its beginning: ``a/b.jpg``, ``b.jpg``."""
    parts = Path(path).parts
    return ["/".join(parts[start:]).replace("//", "/") for start in range(len(parts))]


def _with_labels(listing: Listing, description: Description) -> Listing:
    """Only the labels that the description names and that enough images have, at least
    one of them where images were left out.
    """
    wanted = description.labels or listing.labels
    for label in wanted:
        if label not in listing.labels:
            hint = did_you_mean(label, listing.labels)
            raise UserError(f"{listing.source}: no label '{label}' in the data{hint}")
    columns = [listing.labels.index(label) for label in wanted]
    positives = np.nansum(cut(listing.targets[:, columns]), axis=0)
    kept = [
        column
        for column, count in zip(columns, positives, strict=True)
        if description.labels or count >= max(description.min_positives, bool(listing.skipped))
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
