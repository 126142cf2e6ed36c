"""What a search does one after another."""

from enum import Enum


class Stage(Enum):
    """What a search is doing, for a person to read."""

    CHECKS = "checking what was asked for", "checks"
    DATA = "reading the data", "data"
    STORE = "opening the store", "store"
    TRIALS = "starting the first trials", "trials"
    END = "ending", "end"

    def __init__(self, said: str, short: str) -> None:
        self.said = said
        """While it is done."""
        self.short = short
        """Where times are told."""
