"""A ``data.yaml`` for data that has none: what is told from the data, and what a person answers."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sedn.data.faults import FaultyData
from sedn.data.formats.reading import read_fields
from sedn.data.formats.recognition import recognise
from sedn.data.formats.yolo_recognition import recognise_yolo_file
from sedn.data.listing import Listing
from sedn.errors import UserError
from sedn.files import write_text

_PATHS = ("table", "root", "annotations", "images", "image_labels", "classes", "segmentations",
          "masks", "splits")  # fmt: skip
"""Fields that hold paths, or one for each split."""
_ROOTED = ("voc", "huggingface")
"""Formats whose paths are all relative to ``root``."""


@dataclass(frozen=True)
class Proposal:
    """How data would be read, and the fields that say so."""

    folder: Path
    """What paths in the fields are relative to."""
    fields: Mapping[str, Any]
    listing: Listing


def propose(path: Path, answers: Mapping[str, Any]) -> Proposal:
    """Read the data with what is told from it and what is answered.

    Args:
        path: of the data.
        answers: fields of a description.

    Raises:
        Question: the data may mean two things, and no answer chooses.
        UserError: it cannot be read, or an answer is wrong.
    """
    is_yaml = path.suffix.lower() in (".yaml", ".yml")
    if is_yaml and not recognise_yolo_file(path):
        raise UserError(f"{path}: describes data already; give the path of the data itself")
    told, folder = recognise(path, answers.get("format"))
    try:
        listing = read_fields({**told, **answers}, folder, str(path))
    except FaultyData:
        listing = read_fields({**told, **answers}, folder, str(path), skip=True)
    fields = {**told, **listing.fields, **answers}
    if "labels" in fields:
        # Rare ones may have been left out.
        fields["labels"] = [*listing.labels]
    return Proposal(folder, fields, listing)


def combine(answers: Mapping[str, Any], further: Mapping[str, Any]) -> dict[str, Any]:
    """Duplicates with a further one, columns that are left out added to those that are."""
    both = {**answers, **further}
    for field in ("leave_out", "values"):
        if field in answers and field in further:
            one, other = answers[field], further[field]
            both[field] = {**one, **other} if isinstance(one, Mapping) else [*one, *other]
    return both


def write_description(proposal: Proposal, path: Path) -> None:
    """Write the ``data.yaml``, with how the data was read as comments.

    Raises:
        UserError: there is a file already, or it cannot be written.
    """
    if path.exists():
        if recognise_yolo_file(path):
            raise UserError(f"{path}: is YOLO's own, and is kept; name another file with -o")
        raise UserError(f"{path}: is there already; remove it, or name another with -o")
    is_rooted = proposal.fields.get("format") in _ROOTED
    paths = ("root", "splits") if is_rooted else _PATHS
    fields = {
        name: _relative(value, proposal.folder, path.absolute().parent) if name in paths else value
        for name, value in proposal.fields.items()
    }
    base = _relative(".", proposal.folder, path.absolute().parent)
    if base != "." and fields.get("format") == "table":
        fields.setdefault("images", base)
    if base != "." and is_rooted:
        fields.setdefault("root", base)
    said = "".join(f"#   {' '.join(line.split())}\n" for line in proposal.listing.said)
    heading = f"# How the data was read:\n{said}" if said else ""
    body = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=100)
    write_text(path, f"{heading}{body}")


def _relative(value: Any, folder: Path, to: Path) -> Any:
    """Paths of one folder as paths of another."""
    if isinstance(value, list):
        return [_relative(path, folder, to) for path in value]
    if isinstance(value, Mapping):
        return {name: _relative(path, folder, to) for name, path in value.items()}
    if not isinstance(value, str):
        return value
    return Path(os.path.relpath(folder.absolute() / value, to)).as_posix()
