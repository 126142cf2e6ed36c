"""A proposed ``data.yaml`` for data that has none, from the data and from the answers of a
person."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sedn.data.faults import FaultyData
from sedn.data.formats.reading import read_fields
from sedn.data.formats.recognition import describe_own_yaml, recognise
from sedn.data.formats.registry import FORMATS
from sedn.data.listing import Listing
from sedn.errors import UserError
from sedn.files import write_text


@dataclass(frozen=True)
class Proposal:
    """A proposed reading of the data, and the fields of a description for this reading."""

    folder: Path
    """The folder to which paths in the fields are relative."""
    fields: Mapping[str, Any]
    listing: Listing


def propose(path: Path, answers: Mapping[str, Any]) -> Proposal:
    """Read the data as recognised, with the answers of a person.

    Args:
        path: of the data.
        answers: fields of a description.

    Raises:
        Question: the data may mean two things, and no answer chooses.
        UserError: the data cannot be read, or an answer is wrong.
    """
    is_yaml = path.suffix.lower() in (".yaml", ".yml")
    if is_yaml and not describe_own_yaml(path):
        raise UserError(f"{path}: describes data already; give the path of the data itself")
    fields, folder = recognise(path, answers.get("format"))
    try:
        listing = read_fields({**fields, **answers}, folder, str(path))
    except FaultyData:
        listing = read_fields({**fields, **answers}, folder, str(path), skip=True)
    fields = {**fields, **listing.fields, **answers}
    if "labels" in fields:
        # Rare ones may have been left out.
        fields["labels"] = [*listing.labels]
    return Proposal(folder, fields, listing)


def combine(answers: Mapping[str, Any], further: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two sets of answers: ``leave_out`` and ``values`` are joined, other fields replaced."""
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
        if own := describe_own_yaml(path):
            raise UserError(f"{path}: is {own[0]}'s own, and is kept; name another file with -o")
        raise UserError(f"{path}: is there already; remove it, or name another with -o")
    format = FORMATS[proposal.fields.get("format", "table")]
    to = path.absolute().parent
    fields = {
        name: _relative(value, proposal.folder, to) if name in format.paths else value
        for name, value in proposal.fields.items()
    }
    base = _relative(".", proposal.folder, to)
    for name in format.paths if base != "." else ():
        if format.description.model_fields[name].default == ".":
            fields.setdefault(name, base)
    comments = "".join(f"#   {' '.join(line.split())}\n" for line in proposal.listing.notes)
    heading = f"# How the data was read:\n{comments}" if comments else ""
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
