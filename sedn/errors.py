"""Errors for a user: wrong input, and trainings that break."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, ClassVar


class UserError(Exception):
    """Wrong input; the message is one line with the field or file and what would be right.

    The command line prints the message and exits with code 2. From Python it is an exception
    like any other.
    """


class Question(UserError):
    """Input with two plausible meanings; the message says both, and which field would decide.

    ``answers`` are fields of a description, each of which chooses one; where a name or a list has
    to be given instead, ``field`` is the one that takes it.
    """

    def __init__(
        self, message: str, answers: Sequence[Mapping[str, Any]] = (), field: str | None = None
    ) -> None:
        super().__init__(message)
        self.answers = tuple(answers)
        self.field = field


class TrainingError(Exception):
    """A training that cannot go on; the message is one line with the place and what would help.

    The results store keeps ``kind`` beside the message.
    """

    kind: ClassVar[str] = "error"


class NonFiniteLoss(TrainingError):
    """A loss that is infinite or not a number."""

    kind = "non-finite"


class OutOfMemory(TrainingError):
    """Memory that does not suffice for a single image."""

    kind = "out-of-memory"


class DataChanged(UserError):
    """Data that differ from the data that a search was started with."""


class TimeExceeded(TrainingError):
    """A training that took longer than its time limit."""

    kind = "time"


def some_of(names: Iterable[str], most: int = 12) -> str:
    """Names in a line that fits on a screen: ``a, b, … and 30 more``."""
    named = list(names)
    more = f", … and {len(named) - most:,} more" if len(named) > most else ""
    return ", ".join(named[:most]) + more


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Name the nearest of ``options``, ``"; did you mean 'resnet50'?"``; ``""`` if none is near."""
    near = get_close_matches(word, list(options), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""
