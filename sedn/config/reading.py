"""Reading a configuration from nested fields or a file, with each error in one line."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sedn.config.fields import field_paths, suggest_field
from sedn.config.groups import Group
from sedn.config.training import TrainingConfig
from sedn.document import parse_document, read_text
from sedn.errors import UserError, did_you_mean
from sedn.registry.registry import UNKNOWN_NAME

GroupType = TypeVar("GroupType", bound=Group)


def build_config(fields: Mapping[str, Any], source: str) -> TrainingConfig:
    """Build a configuration from nested ``fields``; ``source`` names them in an error.

    Raises:
        UserError: a field is unknown, or a value is not one the field takes.
    """
    return build_group(TrainingConfig, fields, source)


def build_group(kind: type[GroupType], fields: Mapping[str, Any], source: str) -> GroupType:
    """Build one group of fields in the manner of :func:`build_config`."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise UserError(f"{source}: {describe_error(error, kind)}") from None


def describe_error(error: ValidationError, model: type[BaseModel]) -> str:
    """The first fault of a validation by ``model`` in one line, with the field's path and the
    name that was probably meant.
    """
    first = error.errors(include_url=False)[0]
    path = ".".join(str(part) for part in first["loc"]) or "the whole document"
    if first["type"] == "extra_forbidden":
        return f"unknown field '{path}'{suggest_field(path, field_paths(model))}"
    if first["type"] == "missing":
        return f"field '{path}' is missing"
    reason = first["msg"].removeprefix("Value error, ")
    got = f"(got {_shown(first['input'])}){_meant(first)}"
    return f"field '{path}': {reason[0].lower()}{reason[1:]} {got}"


def _meant(fault: ErrorDetails) -> str:
    """The name that was probably meant, where the field takes one of several."""
    value = fault["input"]
    if fault["type"] not in ("literal_error", UNKNOWN_NAME) or not isinstance(value, str):
        return ""
    hint = did_you_mean(value, re.findall("'([^']*)'", fault["ctx"]["expected"]))
    from_plugins = "" if fault["type"] != UNKNOWN_NAME else "; no installed plugin adds that name"
    return hint or from_plugins


def _shown(value: object) -> str:
    """The value in at most 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def flatten(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested fields by dotted path, in order: ``optimizer.learning_rate`` …"""
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def load_config(path: Path) -> TrainingConfig:
    """Read a configuration from a YAML file, as ``sedn export`` writes it.

    Raises:
        UserError: the file cannot be read, is no YAML mapping, or has a wrong field.
    """
    text = read_text(path, "; `sedn export` writes one")
    expected = "the fields of a configuration, such as 'backbone:'"
    return build_config(parse_document(text, str(path), expected), str(path))
