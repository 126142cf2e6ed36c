"""Values of trials in order, so that what all trials reached costs little to look up."""

import math
from bisect import bisect_left, insort


class Ranked:
    """A ranking of trials by one value each."""

    def __init__(self) -> None:
        self._of: dict[int, float] = {}
        self._ordered: list[float] = []

    def __len__(self) -> int:
        return len(self._ordered)

    def put(self, number: int, value: float) -> None:
        """Keep the value of a trial; a later one stands instead of an earlier one."""
        self.drop(number)
        self._of[number] = value
        insort(self._ordered, value)

    def drop(self, number: int) -> None:
        """Remove the value of a trial, if the trial has one."""
        if number in self._of:
            del self._ordered[bisect_left(self._ordered, self._of.pop(number))]

    def quantile(self, share: float) -> float | None:
        """The value below which a ``share`` of all lie, interpolated; ``None`` of nothing."""
        if not self._ordered:
            return None
        place = share * (len(self._ordered) - 1)
        low, high = math.floor(place), math.ceil(place)
        below, above = self._ordered[low], self._ordered[high]
        return below + (above - below) * (place - low)
