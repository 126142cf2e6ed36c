"""The fields of a training configuration, by dotted path."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from sedn.config import LossConfig, TrainingConfig, describe_error, field_paths, suggest_field
from sedn.config.groups import Group
from sedn.document import is_number
from sedn.errors import UserError
from sedn.registry.plugins import load_plugins

SET_BY_THE_SEARCH = frozenset({
    "data.path", "data.split_seed", "data.labels", "data.label_list", "data.separator",
    "data.image_column", "data.leave_out", "data.attributes", "data.fingerprint", "epochs", "folds",
    "seed", "threads",
})  # fmt: skip
"""Fields that no axis may vary: trials that differ in them cannot be ranked against each other."""


def leaf_paths() -> tuple[str, ...]:
    """Paths of the fields that hold a value, groups left out."""
    return _leaf_paths(tuple(LossConfig.entry_fields()))


@cache
def _leaf_paths(of_entries: tuple[str, ...]) -> tuple[str, ...]:
    """Compute :func:`leaf_paths` while entries of registries have these fields."""
    paths = field_paths(TrainingConfig)
    groups = {path.rpartition(".")[0] for path in paths}
    return tuple(path for path in paths if path not in groups)


def check_path(path: str, source: str) -> None:
    """Refuse a path that does not lead to a field with a value.

    Raises:
        UserError: there is no such field, or it is a group of fields.
    """
    if path in leaf_paths():
        return
    load_plugins()
    if path in leaf_paths():
        return
    inside = [leaf for leaf in leaf_paths() if leaf.startswith(f"{path}.")]
    if inside:
        raise UserError(f"{source}: '{path}' is a group of fields; name one: {', '.join(inside)}")
    raise UserError(f"{source}: there is no field '{path}'{suggest_field(path, leaf_paths())}")


def check_value(path: str, value: object, source: str) -> Any:
    """The value as the field at ``path`` holds it (``1`` becomes ``1.0`` where it is a float).

    Raises:
        UserError: the field does not take the value.
    """
    group, name = _group_of(path)
    try:
        return getattr(group.model_validate({name: value}, strict=True), name)
    except ValidationError as error:
        reason = describe_error(error, group).removeprefix(f"field '{name}': ")
        raise UserError(f"{source}: {reason}{_hint(group, name, value)}") from None


def default_of(path: str) -> Any:
    """The default of the field at ``path``."""
    group, name = _group_of(path)
    return group.model_fields[name].default


def nest(values: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Values by dotted path, nested as the configuration is; a later value wins."""
    nested: dict[str, Any] = {}
    for path, value in values:
        *groups, name = path.split(".")
        inner = nested
        for group in groups:
            inner = inner.setdefault(group, {})
        inner[name] = value
    return nested


def _group_of(path: str) -> tuple[type[BaseModel], str]:
    """The group that holds the field, and the field's name in it."""
    group: type[Group] = TrainingConfig
    *parents, name = path.split(".")
    for parent in parents:
        annotation = group.model_fields[parent].annotation
        assert isinstance(annotation, type)
        assert issubclass(annotation, Group)
        group = annotation
    return group.entry_fields().get(name, group), name


def _hint(group: type[BaseModel], name: str, value: object) -> str:
    """How to write a number that YAML reads as text."""
    annotation = group.model_fields[name].annotation
    if isinstance(value, str) and annotation in (int, float) and is_number(value):
        return f"; YAML takes {value} for text: write {float(value)!r}"
    return ""
