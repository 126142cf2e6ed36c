"""A table of names that users extend."""

import re
from collections.abc import Callable, Mapping, Sequence
from pkgutil import resolve_name
from typing import Any, Generic, Protocol, TypeVar

from pydantic_core import PydanticCustomError

from sedn.errors import UserError
from sedn.registry.plugins import GROUP, load_plugins

UNKNOWN_NAME = "unknown_name"
"""The type of the validation error of a name that no entry has."""

_NAME = re.compile(r"[a-z][a-z0-9_-]*")


class Entry(Protocol):
    """The fields that the entries of all registries have."""

    @property
    def description(self) -> str:
        """One line for the documentation."""
        ...

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields of the same group that have an effect with this name; others are reset."""
        ...


EntryType = TypeVar("EntryType", bound=Entry)


class Registry(Generic[EntryType]):
    """The entries that one field of a configuration may name.

    A name that is not there is looked for in the installed plugins, so a process that has
    nothing but a configuration finds the name too.
    """

    def __init__(
        self, path: str, entries: Mapping[str, EntryType], fields: Sequence[str] = ()
    ) -> None:
        self.path = path
        """The field by its dotted path, such as ``embedding.fusion``."""
        self.entries = dict(entries)
        """Those that are loaded."""
        self.fields = tuple(fields)
        """The fields that have an effect with some entries only."""

    def register(self, name: str, entry: EntryType) -> None:
        """Add an entry.

        Raises:
            ValueError: the name is taken or no plain word, the description is not one line, or the
                entry names a field that cannot depend on the name.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{self.path}: '{name}' must be lower-case letters, digits, '_' and '-', and begin "
                f"with a letter"
            )
        if name in self.entries:
            raise ValueError(f"{self.path}: '{name}' is taken; choose another name")
        if len(entry.description.splitlines()) != 1:
            raise ValueError(f"{self.path}: the description of '{name}' must be one line")
        for field in entry.fields:
            if field not in self.fields:
                known = ", ".join(self.fields) or "no field"
                raise ValueError(f"{self.path}: '{name}' cannot use '{field}'; possible: {known}")
        self.entries[name] = entry

    def find(self, name: str) -> EntryType:
        """The entry of a name.

        Raises:
            UserError: there is none, or a plugin cannot be loaded.
        """
        if name not in self.entries:
            load_plugins()
        if name not in self.entries:
            raise UserError(
                f"{self.path}: '{name}' is not registered in this process; name the module that "
                f"registers '{name}' as an entry point of the group '{GROUP}'"
            )
        return self.entries[name]

    def names(self) -> tuple[str, ...]:
        """All names, those of plugins last."""
        load_plugins()
        return tuple(self.entries)

    def check(self, value: object) -> str:
        """``value``, if it is one of the names; a validator of pydantic's.

        Raises:
            PydanticCustomError: the value is none of the names.
            UserError: a plugin cannot be loaded.
        """
        if isinstance(value, str) and (value in self.entries or value in self.names()):
            return value
        *others, last = (f"'{name}'" for name in self.names())
        expected = f"{', '.join(others)} or {last}"
        message = "Input should be {expected}"
        raise PydanticCustomError(UNKNOWN_NAME, message, {"expected": expected})


def lazily(path: str) -> Callable[..., Any]:
    """A function that calls what ``path`` names, ``package.module:name``, imported when called."""

    def call(*arguments: Any) -> Any:
        return resolve_name(path)(*arguments)

    return call
