"""The faults in the tables of a data set: collected in one pass, and left out on request.

Readers go on after a fault: they leave out the row, the image or the annotation that has one, and
note the fault here. What is noted is refused in one message, or counted in a note where
``skip_unreadable`` allows for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Literal

from sedn.errors import UserError

FaultKind = Literal[
    "missing file", "unreadable file", "bad cell", "bad row", "bad image entry", "bad annotation",
    "duplicate",
]  # fmt: skip
SHOWN = 5
"""Places that a message shows."""
_LONGEST = 200
"""Letters of a place in a message of several, so that all of them fit on a screen."""
OPTION = "`skip_unreadable`"


class FaultyData(UserError):
    """Data with faults that the option ``skip_unreadable`` may leave out."""


@dataclass(frozen=True)
class Fault:
    """A kind of fault, and all places that have it."""

    kind: FaultKind
    places: tuple[str, ...]
    """The location and the fault of each place, such as ``a.csv: row 7: label 'red' is 'yess'``."""


class Faults:
    """The faults of the data that were noted so far.

    Args:
        source: the path of the data, which places need not repeat.
        skip: whether what is wrong is left out.
    """

    def __init__(self, source: str, *, skip: bool = False) -> None:
        self._source = source
        self.skip = skip
        self._places: dict[FaultKind, list[str]] = {}
        self.rows: set[int] = set()
        """Rows that have one, of data that are read as a single table."""

    def __bool__(self) -> bool:
        return bool(self._places)

    def add(self, kind: FaultKind, place: str | UserError, row: int | None = None) -> None:
        """Note a fault.

        Args:
            kind: of the fault.
            place: where it is and what is wrong.
            row: that is left out for it.
        """
        self._places.setdefault(kind, []).append(str(place))
        if row is not None:
            self.rows.add(row)

    def by_kind(self) -> tuple[Fault, ...]:
        """The faults by kind, their places without the path of the data."""
        return tuple(Fault(k, tuple(map(self._short, p))) for k, p in self._places.items())

    def error(self, last: UserError | None = None) -> FaultyData:
        """An error that names the faults in one line that fits on a screen.

        Args:
            last: what ended the reading in the end.
        """
        faults = self.by_kind()
        places = _first_of(faults)
        count = sum(len(fault.places) for fault in faults)
        # What ended the reading would do so without what is wrong, too.
        ending = f"; {self._short(str(last))}" if last is not None else ""
        if count == 1:
            (place,) = next(iter(self._places.values()))
            return FaultyData(f"{place}{ending or f'; {OPTION} leaves out what is wrong'}")
        check = f"`sedn data check {quote(self._source)}` lists all"
        more = f"; and {count - SHOWN:,} more ({check})" if count > SHOWN else ""
        return FaultyData(
            f"{self._source}: {say_counts(faults)}: {'; '.join(map(_cut, places))}{more}"
            f"{ending or f'; correct them, or leave them out with {OPTION}'}"
        )

    def _short(self, place: str) -> str:
        for start in (f"{self._source}: ", f"{self._source}/", f"{Path(self._source).parent}/"):
            place = place.removeprefix(start)
        return place


def say_counts(faults: Sequence[Fault]) -> str:
    """The number of faults of each kind in words: ``3 missing files, 1 bad cell``."""
    return ", ".join(f"{len(f.places):,} {_plural(f)}" for f in faults)


def _plural(fault: Fault) -> str:
    if len(fault.places) == 1:
        return fault.kind
    return "bad image entries" if fault.kind == "bad image entry" else f"{fault.kind}s"


def _first_of(faults: Sequence[Fault]) -> list[str]:
    """The first places, some of each kind."""
    share = -(-SHOWN // max(len(faults), 1))
    first = [place for fault in faults for place in fault.places[:share]]
    rest = [place for fault in faults for place in fault.places[share:]]
    return [*first, *rest][:SHOWN]


def _cut(place: str) -> str:
    if len(place) <= _LONGEST:
        return place
    return f"{place[: _LONGEST - 80]} … {place[-75:]}"
