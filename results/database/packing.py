"""AUC of all labels of a trial as one value of the database: eight bytes a label."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

NUMBER = np.dtype("<f8")
"""The type of the numbers in the database, whatever the machine: no rounding makes two numbers
equal.
"""


def pack(values: Iterable[float | None]) -> bytes:
    """Numbers in order; NaN where one is ``None`` or not finite."""
    numbers = np.array([np.nan if value is None else value for value in values], dtype=NUMBER)
    numbers[~np.isfinite(numbers)] = np.nan
    return numbers.tobytes()


def unpack(packed: bytes) -> NDArray[np.float64]:
    """The numbers that :func:`pack` was given, as an array that cannot be written to."""
    return np.frombuffer(packed, dtype=NUMBER)


def unpack_rows(packed: Sequence[bytes], labels: int) -> NDArray[np.float64]:
    """``(rows, labels)``: the numbers of many trials."""
    return unpack(b"".join(packed)).reshape(len(packed), labels)
