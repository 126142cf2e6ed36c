"""Import of an object that a user names as ``module:name``, from the working directory too."""

import importlib
import sys
from pathlib import Path
from typing import Any

from sedn.errors import UserError, did_you_mean


def find_named(field: str, name: str) -> Any:
    """What ``module:name`` is.

    Args:
        field: the setting that has the name, for messages.
        name: the module, a colon, and a name in the module.

    Raises:
        UserError: the module cannot be imported, or has no such name.
    """
    module_name, _, inner = name.partition(":")
    if (folder := str(Path.cwd())) not in sys.path:
        sys.path.append(folder)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"`{field}`: '{module_name}' cannot be imported: {reason}") from None
    value = getattr(module, inner, None)
    if value is None:
        hint = did_you_mean(inner, vars(module))
        raise UserError(f"`{field}`: module '{module_name}' has no '{inner}'{hint}")
    return value
