"""What is said to a person whose input is wrong."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """The input is wrong; the message is one line that names it and says what would be right.

    The command line prints the message and exits with code 2. From Python it is an exception
    like any other.
    """


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Name the nearest of ``options``, ``"; did you mean 'resnet50'?"``; ``""`` if none is near."""
    near = get_close_matches(word, list(options), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""
