"""Packages that add entries to the registries, found by their entry points."""

from importlib.metadata import EntryPoint, entry_points

from sedn.errors import UserError

GROUP = "sedn.plugins"
"""The group of entry points; each names a module that registers entries when it is imported, or a
function without arguments that does."""

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
        points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))
        # A package that is found on two paths has its entry points twice.
        for point in dict.fromkeys(points):
            if fault := _load(point):
                _faults.append(fault)
    if _faults:
        raise UserError(_faults[0])


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
