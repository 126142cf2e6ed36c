"""The stages of a search, in order."""

from enum import Enum


class Stage(Enum):
    """The current activity of a search, for a person to read."""

    CHECKS = "checking the settings", "checks"
    DATA = "reading the data", "data"
    STORE = "opening the store", "store"
    TRIALS = "starting the first trials", "trials"
    END = "ending", "end"

    def __init__(self, doing: str, short: str) -> None:
        self.doing = doing
        """While it is done."""
        self.short = short
        """The word beside its time at the end of a search."""
