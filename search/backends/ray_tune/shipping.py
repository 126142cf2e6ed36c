"""What the nodes of a cluster get of this process: the code of this package and of the plugins.

So that a worker image needs the libraries only, and every node runs the code of the driver.
"""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from search.backends.ray_tune.private import SECRETS
from sedn.registry.plugins import SENT, found_plugins

PACKAGES = ("sedn", "spaces", "results", "search")


def runtime_env() -> dict[str, Any]:
    """The environment of Ray's workers: modules that are sent, and the plugins among them.

    Variables that may hold a password are emptied: a node that was started in the shell of the
    search has them too, and so has a job that was submitted with them.
    """
    plugins = found_plugins()
    names = (*PACKAGES, *(point.value.partition(":")[0].partition(".")[0] for point in plugins))
    modules = [place for name in dict.fromkeys(names) if (place := place_of(name)) is not None]
    sent = {point.name: point.value for point in plugins}
    return {
        "py_modules": [str(module) for module in modules],
        "excludes": ["__pycache__"],
        "env_vars": dict.fromkeys(SECRETS, "") | ({SENT: json.dumps(sent)} if sent else {}),
    }


def place_of(name: str) -> Path | None:
    """The folder or the file of a top-level module; ``None`` where it has none of its own."""
    spec = find_spec(name)
    if spec is None:
        return None
    folders = list(spec.submodule_search_locations or [])
    if folders:
        return Path(folders[0])
    file = Path(spec.origin or "")
    return file if file.suffix == ".py" else None
