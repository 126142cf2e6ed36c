"""The cells of one column, whichever format they come from, and what cells of 1 and 0 say.

A column of a hundred thousand rows has few different cells, so everything is judged once for each
different one. Whether a cell is a word for "present", "absent" or "unknown" depends on the other
cells of its column: ``f`` beside ``t`` is false, beside ``m`` it is something else.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedn.data.faults import FaultKind, Faults

Where = Callable[[int], str]
"""Names a row in messages: ``products.csv: row 7``."""

BLANK = frozenset({"", "nan", "<na>", "nat", "null", "n/a", "na"})
"""Words, in small letters, that mean the same as an empty cell: what programs write for one."""
_PRESENT = frozenset({"1", "true", "yes", "positive", "present", "x", "✓", "✔"})
_ABSENT = frozenset({"0", "false", "no", "negative", "absent"})
_UNKNOWN = BLANK | {"none", "unknown", "uncertain", "unsure", "?"}
UNCERTAIN = frozenset({"-1"})
"""CheXpert's word for an uncertain finding."""
_LETTERS: tuple[dict[str, float], ...] = ({"t": 1.0, "f": 0.0}, {"y": 1.0, "n": 0.0})


@dataclass(frozen=True)
class Column:
    """A column by its different cells."""

    name: str
    source: str
    """The file or folder that it is in, for messages."""
    cells: tuple[Any, ...]
    """Each different one once, in the order in which they occur: ``None`` for one without a value,
    text without blanks around it, a number, a tuple for a list."""
    codes: NDArray[np.int64]
    """``(rows,)``: which of the cells each row holds."""
    where: Where

    def __len__(self) -> int:
        return len(self.codes)

    def counts(self) -> NDArray[np.int64]:
        """``(cells,)``: rows that hold each cell."""
        return np.bincount(self.codes, minlength=len(self.cells))

    def rows(self) -> list[Any]:
        """The cell of every row."""
        return [self.cells[code] for code in self.codes.tolist()]

    def first(self, cell: int) -> int:
        """The first row that holds the cell with that index."""
        return int(np.flatnonzero(self.codes == cell)[0])

    def at(self, cell: int) -> str:
        """Names the first place of a cell: ``products.csv: row 7: labels``."""
        return f"{self.where(self.first(cell))}: {self.name}"


def make_column(name: str, values: Iterable[Any], source: str, where: Where) -> Column:
    """Gather the different cells of a column.

    Args:
        name: of the column.
        values: one for each row: text, numbers, lists, arrays, ``None``.
        source: names the data in messages.
        where: names a row in messages.
    """
    codes: dict[Any, int] = {}
    rows = [codes.setdefault(_tidy(value), len(codes)) for value in values]
    return Column(name, source, tuple(codes), np.array(rows, dtype=np.int64), where)


def note_cells(
    faults: Faults,
    column: Column,
    cells: Iterable[int],
    say: Callable[[int], str],
    kind: FaultKind = "bad cell",
) -> None:
    """Note a fault for each row whose cell is among some cells.

    Args:
        faults: the faults noted so far.
        column: that holds the cells.
        cells: their indices.
        say: what is wrong with the cell of an index.
        kind: of the fault.
    """
    messages = {cell: say(cell) for cell in cells}
    for row, cell in enumerate(column.codes.tolist()) if messages else ():
        if cell in messages:
            faults.add(kind, f"{column.where(row)}: {messages[cell]}", row)


def texts(column: Column) -> list[str]:
    """Each row as text; nothing where there is no value."""
    plain = ["" if cell is None else str(cell) for cell in column.cells]
    return [plain[code] for code in column.codes.tolist()]


def plain_name(name: str) -> str:
    """The letters and digits of a column's name, in small letters: ``Finding Labels`` and
    ``finding_labels`` are one.
    """
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def is_binary(column: Column, given: Mapping[str, float] | None = None) -> bool:
    """Whether all cells are words for present, absent and unknown, and not all unknown."""
    meanings = judge(column, given or {})
    return None not in meanings and any(m == m for m in meanings)


def word_of(cell: Any) -> str:
    """A cell in small letters: ``1`` for a true one and ``1.00``, nothing for a blank one."""
    if isinstance(cell, bool):
        return "1" if cell else "0"
    word = "" if cell is None else str(cell).lower()
    whole, point, rest = word.partition(".")
    return whole if point and whole.lstrip("-").isdigit() and not rest.strip("0") else word


def given_words(values: Mapping[Any, float | None]) -> dict[str, float]:
    """The meanings of words that a description gives, as :func:`judge` takes them."""
    words: dict[str, float] = {}
    for key, value in values.items():
        words[word_of(_tidy(key))] = float("nan") if value is None else float(value)
    return words


def absent_minus_one(columns: Sequence[Column], given: Mapping[str, float]) -> dict[str, float]:
    """The meanings that are given, and that of -1: absent where it is the only other beside 1, as
    in CelebA; unknown beside 0, as in CheXpert.
    """
    words = {word_of(cell) for column in columns for cell in column.cells}
    if words & UNCERTAIN and words <= UNCERTAIN | {"1"}:
        return dict.fromkeys(UNCERTAIN, 0.0) | dict(given)
    return dict(given)


def as_number(cell: object) -> float | None:
    """A cell as a number; ``None`` if the cell is not a number."""
    try:
        value = float(str(cell))
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def judge(column: Column, given: Mapping[str, float], *, soft: bool = False) -> list[float | None]:
    """The meaning of each different cell: 1, 0, NaN where the truth is unknown, ``None`` if the
    cell is no such word.

    Args:
        column: the column.
        given: meanings by word that the description gives; they come first.
        soft: whether numbers between 0 and 1 are words as well.
    """
    words = [word_of(cell) for cell in column.cells]
    left = {w for w in words if w not in given and w not in _UNKNOWN}
    letters = next((pair for pair in _LETTERS if left and left <= set(pair)), {})
    meanings = [_meaning(word, given, letters) for word in words]
    if not soft:
        return meanings
    numbers = [as_number(cell) for cell in column.cells]
    return [
        number if meaning is None and number is not None and 0 <= number <= 1 else meaning
        for number, meaning in zip(numbers, meanings, strict=True)
    ]


def share_of_words(column: Column, meanings: Sequence[float | None]) -> float:
    """The share of the rows with a value whose value is a word for present or absent."""
    counts = column.counts()
    valued = [m is None or m == m for m in meanings]
    total = counts[valued].sum()
    known = counts[[m is not None and m == m for m in meanings]].sum()
    return float(known / total) if total else 0.0


def read_flags(
    column: Column, given: Mapping[str, float], faults: Faults, *, soft: bool = False
) -> NDArray[np.float32]:
    """``(rows,)``: 1, 0, a number between them where ``soft``, or NaN where it is unknown; a cell
    that is no word for any of them is noted as a fault.
    """
    meanings = judge(column, given, soft=soft)
    note_cells(
        faults,
        column,
        [cell for cell, meaning in enumerate(meanings) if meaning is None],
        lambda cell: (
            f"label '{column.name}' is '{str(column.cells[cell])[:40]}'; expected 1, 0, "
            f"{'a number between, ' if soft else ''}or nothing where it is unknown"
        ),
    )
    known = [float("nan") if meaning is None else meaning for meaning in meanings]
    return np.array(known, dtype=np.float32)[column.codes]


def _tidy(value: Any) -> Any:
    """A value that can be compared and counted."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, str):
        value = value.strip()
        return value or None
    if value is None or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list | tuple):
        return tuple(_tidy(item) for item in value)
    if isinstance(value, Mapping):
        return json.dumps(value, default=str)
    return value


def _meaning(word: str, given: Mapping[str, float], letters: Mapping[str, float]) -> float | None:
    if word in given:
        return given[word]
    if word in _PRESENT:
        return 1.0
    if word in _ABSENT:
        return 0.0
    if word in _UNKNOWN or word in UNCERTAIN:
        return float("nan")
    return letters.get(word)
