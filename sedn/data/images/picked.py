"""Some of the images or maps of several splits, as one array that is read where it is asked for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedn.data.dataset import Pixels


@dataclass(frozen=True)
class PickedPixels:
    """Rows of several arrays of pixels laid end to end; nothing is copied before it is read."""

    parts: tuple[Pixels, ...]
    """Arrays of images, or maps, of one size."""
    rows: NDArray[np.int64]
    """``(images,)``: places in the parts laid end to end."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return (len(self.rows), *self.parts[0].shape[1:])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, which: Any, /) -> NDArray[np.uint8]:
        rows = self.rows[which]
        if np.ndim(rows) == 0:
            return np.asarray(self._read(rows[None])[0])
        return self._read(rows)

    def _read(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        read = np.empty((len(rows), *self.shape[1:]), dtype=np.uint8)
        start = 0
        for part in self.parts:
            inside = (start <= rows) & (rows < start + len(part))
            if inside.any():
                read[inside] = part[rows[inside] - start]
            start += len(part)
        return read
