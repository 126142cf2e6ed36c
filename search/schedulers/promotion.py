"""Successive halving by promotion: trials pause at a rung, and the best of them go on later."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence

RIVALS = 2
"""Trials at a rung beyond the first from which the best of them goes on."""


class _Rung:
    """The trials that came to a rung, and those of them that wait there, the best first."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self._places: dict[int, tuple[float, int]] = {}
        """By what a trial is ordered, by its number."""
        self._reached: list[tuple[float, int]] = []
        self._paused: list[tuple[float, int]] = []

    def reach(self, number: int, mean_auc: float, *, pause: bool) -> None:
        """Note that a trial came here; a later value stands instead of an earlier one."""
        self.leave(number)
        if number in self._places:
            _drop(self._reached, self._places[number])
        place = self._places[number] = (-mean_auc, number)
        insort(self._reached, place)
        if pause:
            insort(self._paused, place)

    def leave(self, number: int) -> None:
        """Note that a trial no longer waits here, if the trial waited."""
        if self.is_paused(number):
            _drop(self._paused, self._places[number])

    def is_paused(self, number: int) -> bool:
        """Whether a trial waits at a rung."""
        place = self._places.get(number)
        at = len(self._paused) if place is None else bisect_left(self._paused, place)
        return at < len(self._paused) and self._paused[at] == place

    def best(self, share: int, *, at_least: int = 0) -> int | None:
        """The best trial that waits, if it is among the best ``1 / share`` of all that came."""
        kept = max(at_least, len(self._reached) // share)
        if self._paused and bisect_left(self._reached, self._paused[0]) < kept:
            return self._paused[0][1]
        return None

    def __len__(self) -> int:
        """Number of trials that came here."""
        return len(self._reached)

    @property
    def is_empty(self) -> bool:
        """Whether no trial came here."""
        return not self._reached

    @property
    def all_wait(self) -> bool:
        """Whether every trial that reached the rung still waits here."""
        return len(self._paused) == len(self._reached)


def _drop(places: list[tuple[float, int]], place: tuple[float, int]) -> None:
    del places[bisect_left(places, place)]


class Promotion:
    """The promotion rule of ASHA (Li et al., arXiv 1810.05934, algorithm 2).

    Every trial pauses at every rung. Of those at a rung the best ``1 / reduction_factor`` may go
    on; a free slot goes to the best one that may, at the highest rung, and to a new trial if there
    is none. Under stopping the first trials go on because there is nothing to compare them with;
    here they wait until there is.

    Unlike there, beyond the first rung the best of two goes on already: the trials there have been
    chosen once, and to wait for as many as ``reduction_factor`` would keep back the first training
    to the end until ``reduction_factor`` to the number of rungs trials had begun.

    Whether a trial was promoted is not kept anywhere: one that has epochs beyond a rung was. One
    that was promoted and crashed before its next epoch is paused again, and promoted again.

    The baseline is compared with no trial, and waits at the first rung for the first trial to leave
    the last one: a whole training of the baseline first would delay every result of the search.
    """

    def __init__(
        self, milestones: Sequence[int], reduction_factor: int, rivals: int = RIVALS
    ) -> None:
        self._factor = reduction_factor
        self._rivals = rivals
        self._rungs = {epoch: _Rung(epoch) for epoch in milestones}
        self._gone_on: dict[int, int] = {}
        """The rung that a trial has left last, by number."""
        self._baseline: int | None = None
        """The number of the baseline while the baseline waits."""
        self._has_finalist = False
        """Whether a trial, the baseline aside, has left the last rung."""

    def replay(self, number: int, epochs: Iterable[tuple[int, float]], *, may_go_on: bool) -> None:
        """Show a trial of the past, ``(epoch, mean AUC)`` in order."""
        known = dict(epochs)
        last = max(known, default=0)
        self._has_finalist |= last > max(self._rungs, default=last)
        for epoch in known.keys() & self._rungs.keys():
            waits = may_go_on and epoch == last
            self._rungs[epoch].reach(number, known[epoch], pause=waits)

    def goes_on(self, number: int, epoch: int, mean_auc: float) -> bool:
        """Take note of an epoch; ``False`` at a rung, where the trial pauses."""
        if epoch not in self._rungs:
            return True
        left = epoch <= self._gone_on.get(number, 0)
        self._rungs[epoch].reach(number, mean_auc, pause=not left)
        return left

    def baseline_goes_on(self, number: int, epoch: int) -> bool:
        """Whether the baseline goes on after an epoch, its last one known; else it waits."""
        waits = not self._has_finalist and epoch == min(self._rungs, default=None)
        self._baseline = number if waits else None
        return not waits

    def release_baseline(self, *, last: bool = False) -> int | None:
        """The number of the baseline if it waits and goes on now: when a trial has left the last
        rung, or no other trial runs or will start (``last``).
        """
        if not (self._has_finalist or last):
            return None
        number, self._baseline = self._baseline, None
        return number

    def is_paused(self, number: int) -> bool:
        """Whether a trial waits at a rung."""
        return number == self._baseline or any(
            rung.is_paused(number) for rung in self._rungs.values()
        )

    def promote(self, *, last: bool = False) -> int | None:
        """The number of the trial that goes on now, or ``None`` if none may.

        ``last`` says that no other trial runs or will start: then the best at the highest rung goes
        on where none of that rung has, so that a small search too trains one to its end.
        """
        first = min(self._rungs, default=0)
        for rung in reversed(self._rungs.values()):
            alone = last and not rung.is_empty and rung.all_wait
            last = last and rung.is_empty
            leads = rung.epoch > first and len(rung) >= self._rivals
            number = rung.best(self._factor, at_least=int(alone or leads))
            if number is not None:
                rung.leave(number)
                self._has_finalist |= rung.epoch == max(self._rungs)
                self._gone_on[number] = rung.epoch
                return number
        return None
