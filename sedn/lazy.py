"""Packages that offer names of their modules, each imported when the name is first asked for."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def offer_names(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package (PEP 562) that offers names of its modules.

    Args:
        package: its name.
        homes: the module of each name.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        return getattr(import_module(homes[name]), name)

    return get
