"""How the options for the place and the resources of trials are written."""

import math
from typing import Any

from search.cli.fields import Flag
from sedn.errors import UserError


def _parse_gpus(text: str) -> Any:
    """A number or ``auto``.

    Raises:
        UserError: the value is neither.
    """
    if text == "auto":
        return text
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < math.inf:
        raise UserError(f"`gpus_per_trial`: '{text}' is neither a number such as 0.5 nor 'auto'")
    return number


RESOURCE_FLAGS = {
    "gpus_per_trial": Flag(read=_parse_gpus, is_text=True),
    "max_concurrent": Flag("--concurrent"),
    "trial_seconds": Flag("--trial-time"),
}
"""Of the fields of :class:`search.Resources`."""
