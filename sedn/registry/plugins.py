"""Packages that add entries to the registries, found by their entry points."""

import json
import os
from importlib.metadata import EntryPoint, entry_points

from sedn.errors import UserError

GROUP = "sedn.plugins"
"""The group of entry points; each names a module that registers entries when it is imported, or a
function without arguments that does."""

SENT = "SEDN_PLUGINS"
"""Environment variable of a worker on a cluster, whose driver sends plugins without their packages:
what the entry points name, by their names, in JSON."""

_faults: list[str] | None = None
"""The faults of the plugins; ``None`` before they are loaded."""


def load_plugins() -> None:
    """Load all installed plugins, once in a process.

    Raises:
        UserError: a plugin cannot be loaded; the message names its entry point.
    """
    global _faults
    if _faults is None:
        # Set first: a plugin that reads a configuration comes here again.
        _faults = []
        for point in found_plugins():
            if fault := _load(point):
                _faults.append(fault)
    if _faults:
        raise UserError(_faults[0])


def found_plugins() -> list[EntryPoint]:
    """The entry points of the plugins that are installed here, or were sent, in order."""
    sent = json.loads(os.environ.get(SENT, "{}")).items()
    points = [EntryPoint(name, value, GROUP) for name, value in sent]
    points.extend(EntryPoint(one.name, one.value, GROUP) for one in entry_points(group=GROUP))
    # A package that is found on two paths has its entry points twice.
    return sorted(set(points), key=lambda point: (point.name, point.value))


def _load(point: EntryPoint) -> str | None:
    """Load one plugin; returns the fault of a plugin that cannot be loaded."""
    try:
        loaded = point.load()
        if callable(loaded):
            loaded()
    except Exception as error:
        reason = " ".join(str(error).split()) or "no reason given"
        return (
            f"plugin '{point.name}' ({point.value}) cannot be loaded: "
            f"{type(error).__name__}: {reason}; mend or uninstall its package"
        )
    return None
