"""Commands that read the store, show something and end."""

import gc
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

Options = ParamSpec("Options")


def reads(command: Callable[Options, None]) -> Callable[Options, None]:
    """Run a command without looking for garbage: it ends before there is any to speak of.

    Python looks again and again through all that was imported and read, which is a sixth of the
    time of such a command.
    """

    @wraps(command)
    def run(*args: Options.args, **options: Options.kwargs) -> None:
        looked = gc.isenabled()
        gc.disable()
        try:
            command(*args, **options)
        finally:
            if looked:
                gc.enable()

    return run
