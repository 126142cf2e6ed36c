"""Trials that need no training: another one of the same configuration and seed is their answer."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from results.database.models import Trial, TrialState

Key = tuple[str, int]
"""Hash of the configuration, and seed."""


@dataclass
class Duplicates:
    """The trial that stands for each configuration, and the trials that wait for its end."""

    _first: dict[Key, int] = field(default_factory=dict)
    """Number of the trial that is, or was, trained."""
    _ended: set[int] = field(default_factory=set)
    _waiting: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Numbers of the trials that wait for another one's end, by that one's."""
    _answered: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Numbers of the trials that have ended as another one did, by that one's."""

    @classmethod
    def of(cls, rows: Iterable[Trial]) -> "Duplicates":
        """What the trials of earlier runs answer."""
        duplicates = cls()
        for row in rows:
            if row.duplicate_of is None:
                duplicates._first.setdefault((row.config_hash, row.seed), row.number)
                if row.state is not TrialState.RUNNING:
                    duplicates._ended.add(row.number)
            elif row.state is not TrialState.RUNNING:
                duplicates._answered[row.duplicate_of].append(row.number)
        return duplicates

    @property
    def waiting(self) -> set[int]:
        """Numbers of the trials that wait for another trial."""
        return {number for some in self._waiting.values() for number in some}

    def find(self, key: Key, number: int) -> int | None:
        """The trial that answers for ``number``; ``None`` where that is itself the first."""
        first = self._first.setdefault(key, number)
        return None if first == number else first

    def has_ended(self, number: int) -> bool:
        """Whether a trial's answer is there."""
        return number in self._ended

    def wait(self, original: int, number: int) -> None:
        """Let a trial wait for the end of the trial with the same configuration."""
        self._waiting[original].append(number)

    def end(self, original: int) -> list[int]:
        """Note that a trial has ended; those that waited for it."""
        self._ended.add(original)
        return self._waiting.pop(original, [])

    def answered(self, original: int, number: int) -> None:
        """Note that a trial has ended as the one that answers it did."""
        self._answered[original].append(number)

    def reopen(self, original: int) -> list[int]:
        """Note that a trial which had ended goes on; those that had ended as it did."""
        self._ended.discard(original)
        return self._answered.pop(original, [])
