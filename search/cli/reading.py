"""Commands that read the store, show something and end."""

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec

Options = ParamSpec("Options")
BLAS_THREADS = "OPENBLAS_NUM_THREADS"
"""Read by NumPy's linear algebra when it is loaded."""


def reads(command: Callable[Options, None]) -> Callable[Options, None]:
    """Run a command without looking for garbage, of which a short command leaves little.

    Python looks again and again through all that was imported and read, which is a sixth of the
    time of such a command. And with one thread for linear algebra, whose matrices are small here:
    beside other work, the threads take ten times as long to wait for each other as to compute.
    """

    @wraps(command)
    def run(*args: Options.args, **options: Options.kwargs) -> None:
        looked = gc.isenabled()
        gc.disable()
        try:
            with _one_thread():
                command(*args, **options)
        finally:
            if looked:
                gc.enable()

    return run


@contextmanager
def _one_thread() -> Iterator[None]:
    """Ask for one thread, unless a person asked for another number."""
    if BLAS_THREADS in os.environ:
        yield
        return
    os.environ[BLAS_THREADS] = "1"
    try:
        yield
    finally:
        # Not for what is started later: a training on some processors computes by this library.
        del os.environ[BLAS_THREADS]
