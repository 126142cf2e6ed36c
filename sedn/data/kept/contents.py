"""The places of images in columns: a path for each file, or a row for each image of a column."""

import os
import stat
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from sedn.data.images.arrow import ArrowContent
from sedn.data.images.content import Content, FileContent, stamp_of
from sedn.data.images.parquet import ParquetContent
from sedn.data.kept.columns import NotKeepable, Texts, map_array, save_array
from sedn.seen import file_state

Place = tuple[str, str, str]
"""The place of an image that is no file: its kind, the file or folder, and the column."""
Rows = tuple[int, int, int]


class KeptContents(Sequence[Content]):
    """The contents that were written, each made on demand."""

    def __init__(self, folder: Path, name: str, places: Sequence[Sequence[str]]) -> None:
        self._paths = Texts(folder, f"{name}-paths")
        self._places = [tuple(place) for place in places]
        self._place = map_array(folder, f"{name}-place") if places else None
        self._rows = map_array(folder, f"{name}-rows") if places else None

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, row: int, /) -> Content: ...
    @overload
    def __getitem__(self, row: slice, /) -> Sequence[Content]: ...
    def __getitem__(self, row: int | slice, /) -> Content | Sequence[Content]:
        if isinstance(row, slice):
            return [self[index] for index in range(*row.indices(len(self)))]
        if self._place is None or self._rows is None or self._place[row] < 0:
            return FileContent(self._paths[row])
        kind, path, column = self._places[self._place[row]]
        return _in_column(kind, path, column, self._rows[row].tolist())

    def __iter__(self) -> Iterator[Content]:
        if self._place is None:
            return map(FileContent, self._paths)
        return (self[row] for row in range(len(self)))

    def look(self) -> "Stats | None":
        """The state of each file; ``None`` if one is not there any more."""
        stats = array("q")
        for row, path in enumerate(self._paths):
            if self._place is not None and self._place[row] >= 0:
                stats.extend((-1, -1, -1))
                continue
            try:
                file = os.stat(path)  # noqa: PTH116 (of very many)
            except (OSError, ValueError):
                return None
            if not stat.S_ISREG(file.st_mode):
                return None
            stats.extend(file_state(file))
        return np.frombuffer(stats, dtype=np.int64).reshape(-1, 3)

    def stamps(self, stats: "Stats") -> Iterator[str]:
        """The stamp of each content, from the states that :meth:`look` returned."""
        if self._place is not None:
            # Columns are of few files, and say more than their size and times.
            yield from (content.stamp() for content in self)
            return
        yield from map(stamp_of, self._paths, stats.tolist())


Stats = NDArray[np.int64]
"""``(contents, 3)``: the state of each file, as :func:`sedn.seen.file_state` has it."""


def save_contents(folder: Path, name: str, contents: Sequence[Content]) -> list[Place]:
    """Write where they lie; gives the places that their columns refer to.

    Raises:
        NotKeepable: one lies where no column can say.
    """
    places: dict[Place, int] = {}
    place, rows = array("i"), array("q")
    for content in contents:
        if isinstance(content, FileContent):
            place.append(-1)
            rows.extend((0, 0, 0))
            continue
        where, numbers = _column_of(content)
        place.append(places.setdefault(where, len(places)))
        rows.extend(numbers)
    paths = (c.path if isinstance(c, FileContent) else "" for c in contents)
    Texts.save(folder, f"{name}-paths", paths)
    if places:
        save_array(folder, f"{name}-place", place, np.int32)
        save_array(folder, f"{name}-rows", np.array(rows).reshape(-1, 3), np.int64)
    return list(places)


def _column_of(content: Any) -> tuple[Place, Rows]:
    if isinstance(content, ArrowContent):
        return ("arrow", content.folder, content.column), (content.row, 0, 0)
    if isinstance(content, ParquetContent):
        place = ("parquet", content.path, content.column)
        return place, (content.group, content.row, content.number)
    raise NotKeepable(f"an image in a {type(content).__name__}")


def _in_column(kind: str, path: str, column: str, rows: list[int]) -> Content:
    if kind == "arrow":
        return ArrowContent(path, column, rows[0])
    return ParquetContent(path, column, *rows)
