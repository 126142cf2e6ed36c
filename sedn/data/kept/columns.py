"""Columns of a kept listing, each an array in a file that all processes of a node map."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, overload

import numpy as np
from numpy.typing import NDArray

_SCALE = 100
"""Points with two decimals, as COCO's, are kept as whole numbers of so many."""


class NotKeepable(Exception):
    """A listing holds what has no place in a column; it can be read, but not kept."""


def save_array(folder: Path, name: str, values: Any, dtype: Any) -> None:
    """Write one column."""
    np.save(folder / f"{name}.npy", np.asarray(values, dtype=dtype))


def map_array(folder: Path, name: str) -> NDArray[Any]:
    """Map one column into memory, read-only."""
    # As a plain array, of which items are faster to get.
    return np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r"))


class Texts(Sequence[str]):
    """Many texts in two arrays: their bytes, and where each ends."""

    def __init__(self, folder: Path, name: str) -> None:
        self._text = map_array(folder, f"{name}-text")
        self._ends = map_array(folder, f"{name}-ends")

    @staticmethod
    def save(folder: Path, name: str, texts: Iterable[str]) -> None:
        """Write the texts; names of files may hold bytes that are no text."""
        joined, ends = bytearray(), array("q")
        for text in texts:
            joined += text.encode("utf-8", "surrogatepass")
            ends.append(len(joined))
        save_array(folder, f"{name}-text", np.frombuffer(joined, dtype=np.uint8), np.uint8)
        save_array(folder, f"{name}-ends", ends, np.int64)

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, row: int, /) -> str: ...
    @overload
    def __getitem__(self, row: slice, /) -> Sequence[str]: ...
    def __getitem__(self, row: int | slice, /) -> str | Sequence[str]:
        if isinstance(row, slice):
            return [self[index] for index in range(*row.indices(len(self)))]
        row = range(len(self))[row]
        start = int(self._ends[row - 1]) if row else 0
        return str(self._text.data[start : int(self._ends[row])], "utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        start, text = 0, self._text.data
        for end in self._ends.tolist():
            yield str(text[start:end], "utf-8", "surrogatepass")
            start = end


class PointWriter:
    """Numbers written one after the other, exactly: as whole hundredths while all of them are, and
    as they are from the first that is not.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO = path.open("wb")
        self._waiting = array("d")
        self.dtype = "int32"
        self.count = 0

    def write(self, numbers: "array[float]") -> None:
        """Append."""
        self._waiting += numbers
        self.count += len(numbers)
        if len(self._waiting) >= 1 << 18:
            self._flush()

    def close(self) -> None:
        """No more is written."""
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        numbers = np.array(self._waiting, dtype=np.float64)
        self._waiting = array("d")
        if self.dtype == "int32" and len(numbers):
            scaled = np.rint(numbers * _SCALE)
            if np.abs(scaled).max() < 1 << 31:
                whole = scaled.astype(np.int32)
                if _same(whole / _SCALE, numbers):
                    self._file.write(whole.tobytes())
                    return
            self._widen()
        self._file.write(numbers.tobytes())

    def _widen(self) -> None:
        self._file.close()
        written = read_points(np.fromfile(self._path, dtype=np.int32), 0, None)
        self._file = self._path.open("wb")
        self._file.write(written.tobytes())
        self.dtype = "float64"


def read_points(points: NDArray[Any], start: int, end: int | None) -> "array[float]":
    """Some of the numbers that were written."""
    piece = points[start:end]
    return array("d", (piece / _SCALE if piece.dtype == np.int32 else piece).tobytes())


def map_points(path: Path, dtype: str) -> NDArray[Any]:
    """Map what a :class:`PointWriter` has written."""
    if not path.stat().st_size:
        return np.zeros(0, dtype=dtype)
    return np.asarray(np.memmap(path, dtype=dtype, mode="r"))


def _same(left: NDArray[np.float64], right: NDArray[np.float64]) -> bool:
    """Bit for bit, the sign of zero too."""
    return bool(np.array_equal(left.view(np.int64), right.view(np.int64)))
