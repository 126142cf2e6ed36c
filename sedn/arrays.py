"""Arrays of numbers: names for those that most modules compute with, and reading a file of them."""

import io
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Ints = NDArray[np.int64]

_PARSING = threading.Lock()


def load_arrays(content: bytes) -> dict[str, NDArray[Any]]:
    """Read all arrays of an ``.npz`` file, by their names, from any thread.

    NumPy reads the header of an array as a Python expression, and in Python 3.11 all threads count
    the depth of expressions in one place: two that read at once may get a SystemError.

    Args:
        content: of the file.

    Raises:
        EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error: the file is damaged.
    """
    with _PARSING, np.load(io.BytesIO(content)) as arrays:
        return {name: arrays[name] for name in arrays.files}
