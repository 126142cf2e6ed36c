"""What is said to a person whose input is wrong, or whose training broke."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, ClassVar


class UserError(Exception):
    """The input is wrong; the message is one line that names it and says what would be right.

    The command line prints the message and exits with code 2. From Python it is an exception
    like any other.
    """


class Question(UserError):
    """The input may mean two things; the message says both, and what would choose.

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
    """A training cannot go on; the message is one line that says where it was and what would do.

    Its ``kind`` is what the results store keeps beside the message.
    """

    kind: ClassVar[str] = "error"


class NonFiniteLoss(TrainingError):
    """The loss is infinite or not a number."""

    kind = "non-finite"


class OutOfMemory(TrainingError):
    """The memory does not suffice for a single image."""

    kind = "out-of-memory"


class DataChanged(UserError):
    """The data are not those that a search was started with."""


class TimeExceeded(TrainingError):
    """The training took longer than it was given."""

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
