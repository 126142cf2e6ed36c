"""The cells of a column that lists labels: lists, text, or a 1 or 0 for each label."""

import ast
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sedn.data.formats.columns.cells import BLANK, Column

UNSURE = "?"
"""A cell that says outright that nobody knows."""
_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_ARRAY = re.compile(rf"\[\s*(?:{_QUOTED})(?:\s+(?:{_QUOTED}))*\s*\]")
"""A list as NumPy prints it; to Python, strings side by side are a single one."""
_NULL = r"(?:nan|null|none|na|\?)"
_SHARE = rf"(?:0|1|[01]\.\d*|\.\d+|{_NULL})"
_BITS = re.compile(rf"{_SHARE}(?:[\s,;|]+{_SHARE})+", re.IGNORECASE)
_NUMBER = rf"(?:[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|{_NULL})"
_NUMBERS = re.compile(rf"\[\s*{_NUMBER}(?:[\s,]+{_NUMBER})*\s*,?\s*\]", re.IGNORECASE)
"""Numbers in a list of JSON, Python or NumPy."""
_NEARLY_ALL = 0.9
"""The share of the rows that have to be alike before the others count as faulty."""
Bits = tuple[float, ...] | None
"""The value of each label in a cell: 1, 0, between, or NaN; ``None`` where the cell gives none."""


def parse_cells(column: Column) -> tuple[list[tuple[Any, ...] | str | None], dict[int, str]]:
    """Each cell parsed, and why some cannot be, which count as ``None``."""
    parsed: list[tuple[Any, ...] | str | None] = []
    wrong: dict[int, str] = {}
    for index, cell in enumerate(column.cells):
        try:
            parsed.append(_parse(cell))
        except ValueError as error:
            parsed.append(None)
            wrong[index] = str(error)
    return parsed, wrong


def _parse(cell: Any) -> tuple[Any, ...] | str | None:
    """A list as a tuple, text that may list names as it is, ``None`` for a blank cell.

    Raises:
        ValueError: the cell is none of these.
    """
    if cell is None or (isinstance(cell, str) and cell.lower() in BLANK):
        return None
    if isinstance(cell, str):
        if cell[0] not in "[{":
            return cell
        cell = _parse_text(cell)
    if not isinstance(cell, list | tuple | set):
        return (_name(cell),)
    items = [None if item != item else item for item in cell]
    numbers = [item for item in items if item is not None]
    if all(isinstance(item, int | float) and item == int(item) for item in numbers):
        return tuple(None if item is None else int(item) for item in items)
    if all(_is_share(item) for item in numbers):
        return tuple(items)
    return tuple(_name(item) for item in items)


def _parse_text(text: str) -> Any:
    """A list in JSON, as Python or NumPy print it, or ``{"choices": [...]}`` of Label Studio."""
    if _ARRAY.fullmatch(text):
        return [ast.literal_eval(item) for item in re.findall(_QUOTED, text)]
    if _NUMBERS.fullmatch(text):
        return _numbers_of(text.strip("[]"))
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        try:
            value = _literal(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise ValueError(f"'{text[:60]}' is no list in JSON or Python") from None
    if isinstance(value, Mapping):
        inner = next(iter(value.values()), None)
        if len(value) != 1 or not isinstance(inner, list):
            raise ValueError(f"'{text[:60]}' is no list of labels")
        return inner
    return value


def _literal(text: str) -> Any:
    """A Python literal; strings side by side, which would be joined, are no list."""
    if re.search(rf"(?:{_QUOTED})\s+(?:{_QUOTED})", text):
        raise ValueError(text)
    return ast.literal_eval(text)


def _numbers_of(text: str) -> list[float | None]:
    """Numbers with blanks, commas and the like between them; ``None`` where one is not known."""
    items = [item for item in re.split(r"[\s,;|]+", text) if item]
    return [None if re.fullmatch(_NULL, item, re.IGNORECASE) else float(item) for item in items]


def _is_share(item: Any) -> bool:
    return isinstance(item, int | float) and not isinstance(item, bool) and 0 <= item <= 1


def _name(item: Any) -> str:
    if isinstance(item, bool) or not isinstance(item, str | int):
        raise ValueError(f"{item!r:.40} is no name of a label")
    return str(item).strip()


def as_bits(
    column: Column, parsed: Sequence[tuple[Any, ...] | str | None], wrong: dict[int, str]
) -> list[Bits] | None:
    """Cells that hold a 1 or 0, or a number between, for each label; ``None`` if that is not what
    they hold.

    A few cells that hold something else, or another number of them, are added to those that are
    wrong.
    """
    bits = [_bits_of(cell) for cell in parsed]
    rows: Counter[int] = Counter()
    others = 0
    for cell, values, count in zip(parsed, bits, column.counts().tolist(), strict=True):
        if values is not None:
            rows[len(values)] += count
        elif cell is not None and cell != UNSURE:
            others += count
    width, most = rows.most_common(1)[0] if rows else (0, 0)
    if width < 2:
        return None
    # Lists of class numbers differ in length too, but hold no number twice.
    repeats = any(cell and len(cell) == width and len(set(cell)) < width for cell in bits)
    if (len(rows) > 1 or others) and not (
        repeats and most >= _NEARLY_ALL * (rows.total() + others)
    ):
        return None
    for index, (cell, values) in enumerate(zip(parsed, bits, strict=True)):
        if values is not None and len(values) != width:
            wrong[index] = f"{len(values)} values of 1 and 0, where other cells hold {width}"
            bits[index] = None
        elif values is None and cell is not None and cell != UNSURE:
            shown = str(cell if isinstance(cell, str) else [*cell])
            wrong[index] = f"'{shown[:40]}', where other cells hold {width} values of 1 and 0"
    return bits


def _bits_of(cell: tuple[Any, ...] | str | None) -> Bits:
    """A number from 0 to 1 for each label, NaN where it is not known; ``None`` if a cell holds
    something else.
    """
    if isinstance(cell, str):
        if _BITS.fullmatch(cell):
            cell = tuple(_numbers_of(cell))
        elif re.fullmatch("[01]{2,}", cell):
            cell = tuple(map(int, cell))
    if not isinstance(cell, tuple) or not all(item is None or _is_share(item) for item in cell):
        return None
    return tuple(float("nan") if item is None else item for item in cell)
