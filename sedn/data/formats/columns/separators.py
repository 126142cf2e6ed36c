"""At which character the cells of a column list names, decided by evidence over all of its cells.

``red, striped`` may be two labels or one. A separator is believed if what it separates recurs:
``red`` alone, or ``red`` beside ``cotton``. Blanks are in the middle of many a name (``long
sleeve``), so they have to show more: names that stand both at the end of a cell and before it,
which an adjective and its noun never do.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sedn.errors import Question

NONE = "none"
"""The word for ``separator`` where each cell is one name."""
SPOKEN = {"space": " ", "tab": "\t", "newline": "\n", "comma": ",", "semicolon": ";", "pipe": "|"}
_STRONG = (";", "|", ",", "\t", "\n")
"""Seldom part of a name: where one of them is, it has to be explained."""
_WEAK = (" ", "/", "+", "&")
_NEVER_IN_NAMES = (";", "|", "\t", "\n")


@dataclass(frozen=True)
class _Evidence:
    separator: str
    recurring: float
    """Share of the names in combinations that are in another cell too."""
    both_places: float
    """Share of the names that stand both last and before the last."""
    repeating: bool
    """Whether a cell has a name twice."""
    broken: bool
    """Whether splitting leaves pieces of punctuation, which are no names."""


def split_names(cell: str, separator: str | None) -> tuple[str, ...]:
    """The names that a cell lists; without a separator the cell is one name."""
    if separator is None:
        return (cell,)
    parts = cell.split() if separator == " " else cell.split(separator)
    return tuple(name for part in parts if (name := part.strip()))


def fold_name(name: str) -> str:
    """A form that is equal for names that are written in two ways, such as ``Red`` and ``red``."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(re.split(r"[\s_-]+", folded)).strip()


def find_separator(cells: Sequence[str], rows: int, where: str) -> str | None:
    """The separator of the names in the cells; ``None`` if each is one name.

    Args:
        cells: the different cells that have text.
        rows: how many rows have text.
        where: names the column in messages.

    Raises:
        Question: two readings are plausible.
    """
    evidence = {s: e for s in (*_STRONG, *_WEAK) if (e := _weigh(cells, s)) is not None}
    strong = [s for s in _STRONG if s in evidence and _passes_strong(evidence[s])]
    if len(strong) > 1:
        raise _question(where, cells, strong)
    if strong:
        rival = next((s for s in _STRONG if s in evidence and _is_rival(cells, strong[0], s)), None)
        if rival:
            raise _question(where, cells, [strong[0], rival])
        return strong[0]
    doubtful = [s for s in _STRONG if s in evidence]
    weak = [s for s in _WEAK if s in evidence and _passes_weak(evidence[s])]
    doubtful += [s for s in _WEAK if s in evidence and _may_be(evidence[s], len(cells), rows)]
    if len(weak) == 1 and doubtful in ([], weak):
        return weak[0]
    if weak or doubtful:
        raise _question(where, cells, list(dict.fromkeys([*doubtful, *weak])))
    return None


def spoken(separator: str) -> str:
    """A separator as messages write it: ``'|'``, ``space``."""
    words = {mark: word for word, mark in SPOKEN.items() if mark.isspace()}
    return words.get(separator, f"'{separator}'")


def _weigh(cells: Sequence[str], separator: str) -> _Evidence | None:
    """The evidence for a separator; ``None`` if no cell has the separator between two names."""
    lists = [tuple(map(fold_name, split_names(cell, separator))) for cell in cells]
    combined = {name for names in lists if len(names) > 1 for name in names}
    if not combined:
        return None
    holders = Counter(name for names in lists for name in set(names))
    last = {names[-1] for names in lists if names}
    before = {name for names in lists for name in names[:-1]}
    return _Evidence(
        separator,
        recurring=sum(holders[name] > 1 for name in combined) / len(combined),
        both_places=len(last & before) / len(last | before),
        repeating=any(len(set(names)) < len(names) for names in lists),
        broken=separator == " "
        and any(not any(map(str.isalnum, n)) or n.endswith(_STRONG) for n in combined),
    )


def _passes_strong(evidence: _Evidence) -> bool:
    if evidence.separator in _NEVER_IN_NAMES:
        return evidence.recurring >= 0.5
    return evidence.recurring >= 0.5 and evidence.both_places > 0 and not evidence.repeating


def _passes_weak(evidence: _Evidence) -> bool:
    if evidence.broken or evidence.repeating:
        return False
    return evidence.recurring >= 0.9 and evidence.both_places >= 1 / 3


def _may_be(evidence: _Evidence, cells: int, rows: int) -> bool:
    """Whether a weak separator cannot be ruled out: its names recur, or the cells do not."""
    if evidence.broken:
        return False
    return evidence.recurring >= 0.5 or rows < 2 * cells


def _is_rival(cells: Sequence[str], separator: str, other: str) -> bool:
    """Whether names hold another strong separator whose pieces are names elsewhere."""
    if other == separator:
        return False
    names = {name for cell in cells for name in split_names(cell, separator)}
    pieces = {piece for name in names if other in name for piece in split_names(name, other)}
    return bool(pieces & names)


def _question(where: str, cells: Sequence[str], separators: Sequence[str]) -> Question:
    example = next(c for c in cells if len(split_names(c, separators[0])) > 1)
    readings = " or ".join(f"names split at {spoken(s)}" for s in separators)
    options = ", ".join(f"'{separator_word(s)}'" for s in separators)
    answers = [{"separator": word} for word in (*map(separator_word, separators), NONE)]
    return Question(
        f"{where}: '{example[:60]}' may be {readings}, or one name; say which with separator: "
        f"{options} or {NONE}",
        answers,
    )


def separator_word(separator: str | None) -> str:
    """A separator as a description gives it: ``|``, ``space``, ``none``."""
    if separator is None:
        return NONE
    return next((w for w, m in SPOKEN.items() if m == separator and m.isspace()), separator)
