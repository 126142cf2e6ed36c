"""A search whose first trials all fail alike: what is wrong is wrong with all of them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from results.database.models import Trial, TrialState

FIRST_TRIALS = 5
_NUMBER = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?")
LAST_LINES = 20
"""Lines of a traceback that are shown, the last ones."""
INFEASIBLE = "infeasible"
"""The cause of a trial whose network cannot be built."""


def error_line(error: BaseException) -> str:
    """The kind of an error and the first line of its message."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


@dataclass(frozen=True)
class Failure:
    """A trial that failed, with the error."""

    number: int
    error: str
    """The first line of its reason."""

    @property
    def kind(self) -> str:
        """The error without its numbers, such as those of a step, an address or a process."""
        return _NUMBER.sub("#", self.error.lower())


@dataclass
class FirstTrials:
    """How the first trials have ended that were trained in this run of a search.

    A run that goes on counts anew, as what was wrong may be mended; only where the runs before it
    have ended fewer than five trials, those are the first ones still.
    """

    _ends: list[Failure | None] = field(default_factory=list)
    """``None`` for a trial that did not fail."""
    _is_all: bool = True
    """Whether the ends are those of the first trials of all runs."""

    @classmethod
    def of(cls, rows: Iterable[Trial]) -> "FirstTrials":
        """The count of first trials that earlier runs leave."""
        trained = [
            row
            for row in rows
            if row.state is not TrialState.RUNNING
            and row.duplicate_of is None
            and row.cause != INFEASIBLE
        ]
        if len(trained) >= FIRST_TRIALS:
            return cls(_is_all=False)
        first = cls()
        for row in trained:
            first.add(row.number, row.state, row.reason)
        return first

    def add(self, number: int, state: TrialState, reason: str | None) -> None:
        """Take note of the end of a trial."""
        if len(self._ends) < FIRST_TRIALS:
            lines = (reason or "no reason was recorded").strip().splitlines()
            failed = state is TrialState.FAILED
            self._ends.append(Failure(number, lines[0]) if failed else None)

    def alike(self, *, is_over: bool) -> Failure | None:
        """The failure that stands for all of the first five, or of fewer where the search is over.

        ``None`` where they did not all fail, or not alike.
        """
        enough = len(self._ends) >= FIRST_TRIALS or (is_over and self._is_all)
        failures = [end for end in self._ends if end is not None]
        if not enough or not failures or len(failures) < len(self._ends):
            return None
        return failures[0] if len({failure.kind for failure in failures}) == 1 else None
