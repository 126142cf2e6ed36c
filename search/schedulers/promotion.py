"""Successive halving by promotion: trials pause at a rung, and the best of them go on later."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass
class _Rung:
    epoch: int
    reached: dict[int, float] = field(default_factory=dict)
    """Mean AUC of each trial that came here, by number."""
    paused: set[int] = field(default_factory=set)


class Promotion:
    """The promotion rule of ASHA (Li et al., arXiv 1810.05934, algorithm 2).

    Every trial pauses at every rung. Of those at a rung the best ``1 / reduction_factor`` may go
    on; a free slot goes to the best one that may, at the highest rung, and to a new trial if there
    is none. Under stopping the first trials go on because there is nothing to compare them with;
    here they wait until there is.

    Whether a trial was promoted is not kept anywhere: one that has epochs beyond a rung was. One
    that was promoted and crashed before its next epoch is paused again, and promoted again.
    """

    def __init__(self, milestones: Sequence[int], reduction_factor: int) -> None:
        self._factor = reduction_factor
        self._rungs = {epoch: _Rung(epoch) for epoch in milestones}
        self._gone_on: dict[int, int] = {}
        """The rung that a trial has left last, by number."""

    def replay(self, number: int, epochs: Iterable[tuple[int, float]], *, may_go_on: bool) -> None:
        """Show a trial of the past, ``(epoch, mean AUC)`` in order."""
        last = 0
        for epoch, mean_auc in epochs:
            last = epoch
            if epoch in self._rungs:
                self._rungs[epoch].reached[number] = mean_auc
        if may_go_on and last in self._rungs:
            self._rungs[last].paused.add(number)

    def goes_on(self, number: int, epoch: int, mean_auc: float) -> bool:
        """Take note of an epoch; ``False`` at a rung, where the trial pauses."""
        if epoch not in self._rungs:
            return True
        self._rungs[epoch].reached[number] = mean_auc
        if epoch <= self._gone_on.get(number, 0):
            return True
        self._rungs[epoch].paused.add(number)
        return False

    def is_paused(self, number: int) -> bool:
        """Whether a trial waits at a rung."""
        return any(number in rung.paused for rung in self._rungs.values())

    def promote(self, *, last: bool = False) -> int | None:
        """The number of the trial that goes on now, or ``None`` if none may.

        ``last`` says that no other trial runs or will start: then the best at the highest rung goes
        on where none of that rung has, so that a small search too trains one to its end.
        """
        for rung in reversed(self._rungs.values()):
            kept = len(rung.reached) // self._factor
            if last and rung.reached and rung.paused == rung.reached.keys():
                kept, last = max(1, kept), False
            elif rung.reached:
                last = False
            best = sorted(rung.reached, key=lambda number: (-rung.reached[number], number))[:kept]
            for number in best:
                if number in rung.paused:
                    rung.paused.remove(number)
                    self._gone_on[number] = rung.epoch
                    return number
        return None
