"""Columns of equal length by name: what the results are computed in.

pandas takes longer to import than a ranking of 100,000 trials takes to read and to compute, so that
commands never import it. Whoever wants a DataFrame asks for one: :meth:`Columns.frame`.
"""

from collections.abc import Container, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sedn.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

Column = NDArray[Any]
"""``(rows,)``."""
Rows = NDArray[np.bool_] | NDArray[np.int64] | slice
"""Which rows: a mask, their places, or a range."""


@dataclass(frozen=True, eq=False)
class Columns:
    """A table, its columns by name."""

    by_name: Mapping[str, Column]

    def __getitem__(self, name: str) -> Column:
        return self.by_name[name]

    def __contains__(self, name: str) -> bool:
        return name in self.by_name

    def __len__(self) -> int:
        """The number of rows."""
        return len(next(iter(self.by_name.values()), ()))

    @property
    def names(self) -> list[str]:
        """Of the columns, in order."""
        return list(self.by_name)

    def rows(self, which: Rows) -> "Columns":
        """Select rows."""
        return Columns({name: column[which] for name, column in self.by_name.items()})

    def head(self, most: int) -> "Columns":
        """Select the first rows."""
        return self.rows(slice(most))

    def only(self, names: Iterable[str]) -> "Columns":
        """Select columns, in this order."""
        return Columns({name: self.by_name[name] for name in names})

    def adding(self, more: Mapping[str, Column]) -> "Columns":
        """These columns, and ``more`` after or in place of them."""
        return Columns({**self.by_name, **more})

    def records(self) -> list[dict[str, Any]]:
        """A dictionary for each row, of Python's own numbers."""
        columns = [column.tolist() for column in self.by_name.values()]
        return [dict(zip(self.by_name, row, strict=True)) for row in zip(*columns, strict=True)]

    def frame(self) -> "pd.DataFrame":
        """The table as a DataFrame; text is of dtype object."""
        import pandas as pd

        series = {
            name: pd.Series(column, dtype=column.dtype) for name, column in self.by_name.items()
        }
        return pd.DataFrame(series, columns=self.names)


def objects(values: Iterable[Any]) -> Column:
    """A column of values of any type, kept as they are."""
    return np.fromiter(values, dtype=object)


def from_rows(rows: Sequence[Sequence[Any]], types: Mapping[str, type]) -> Columns:
    """Columns of rows of values, with the type of each; ``None`` in a column of floats is NaN."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(types)
    return Columns(
        {
            name: objects(values) if kind is object else np.array(values, dtype=kind)
            for (name, kind), values in zip(types.items(), columns, strict=True)
        }
    )


def is_among(values: Iterable[Hashable], known: Container[Hashable]) -> NDArray[np.bool_]:
    """``(rows,)``: whether each value is one of the ``known``."""
    return np.array([value in known for value in values], dtype=bool)


def number_groups(values: Iterable[Hashable]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number what is equal, from 0 in the order of appearance.

    Returns:
        ``(rows,)``: the number of each; and ``(groups,)``: the first row of each number.
    """
    listed = list(values)
    numbers = {one: number for number, one in enumerate(dict.fromkeys(listed))}
    of_rows = np.fromiter(map(numbers.__getitem__, listed), np.int64, len(listed))
    first = np.empty(len(numbers), np.int64)
    # Of rows that are equal, the last that is written stays.
    first[of_rows[::-1]] = np.arange(len(listed))[::-1]
    return of_rows, first


def check_top(top: int | None) -> None:
    """Refuse a number of rows that is none: of -1 pandas would leave out the last row.

    Raises:
        UserError: it is below 1.
    """
    if top is not None and top < 1:
        raise UserError(f"`top={top}`: is not greater than or equal to 1")
