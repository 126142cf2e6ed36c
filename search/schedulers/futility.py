"""When a trial can no longer become the best: a rule beside the scheduler's own."""

from collections import defaultdict

from search.schedulers.ranked import Ranked

LEAST_COMPLETE = 5
"""Complete trials that the rule needs before it stops any."""
FUTILE = "the trial could no longer become the best"
"""The reason of a trial that the rule of futility stopped."""


class Futility:
    """Stops a trial that even the greatest rise seen would leave below the best.

    From epoch ``e`` a trial can gain, at most, as much as that complete trial did which rose most
    from ``e`` to the end, and its own standard error. If its mean AUC with both is below the best
    complete trial's, it cannot become the best. A curve that rises later and more than all before
    it is lost, which is the price.
    """

    def __init__(self, grace_epochs: int, epochs: int) -> None:
        self._grace_epochs = grace_epochs
        self._epochs = epochs
        self._curves: dict[int, dict[int, float]] = defaultdict(dict)
        self._ends = Ranked()
        self._rises: dict[int, Ranked] = defaultdict(Ranked)
        """From each epoch to the end, of the complete trials."""

    def goes_on(self, number: int, epoch: int, mean_auc: float, stderr: float) -> bool:
        """Take note of an epoch; whether the trial may yet become the best."""
        curve = self._curves[number]
        curve[epoch] = mean_auc
        if self._epochs in curve:
            self._ends.put(number, curve[self._epochs])
            for at, reached in curve.items():
                self._rises[at].put(number, curve[self._epochs] - reached)
            return True
        rise, best = self._rises[epoch].quantile(1.0), self._ends.quantile(1.0)
        enough = epoch >= self._grace_epochs and len(self._rises[epoch]) >= LEAST_COMPLETE
        if not enough or rise is None or best is None:
            return True
        # A standard error that is not known is NaN, and stops nothing.
        return not mean_auc + rise + stderr < best
