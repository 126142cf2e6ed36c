"""Our schedulers without their sampler: random configurations, and each rule without one part.

``python -m benchmarks.efficiency CURVES --rules`` simulates these in the loop of the peers, without
store and study, so that a search takes a hundredth of a second and hundreds of seeds are cheap.
Random draws are those of the seed, so that all rules meet the same configurations in the same
order. The baseline is trained as in a real search.
"""

from collections.abc import Callable
from typing import Any

import optuna
from optuna.samplers import RandomSampler

from benchmarks.efficiency_peers import MakePeer
from search.schedulers.automatic import FIRST_RUNG
from search.schedulers.promotion import Promotion
from search.schedulers.rules import NoRule, Rule, SuccessiveHalving, rung_epochs
from search.study import baseline_point
from spaces import Space

MakeRule = Callable[[int], Rule]
"""From the epochs of a whole training."""
BASELINE = 0
"""The baseline's number."""
DRAWS = 50
"""Of a point that was not drawn before, at most."""


class RulePeer:
    """A rule over random configurations, by the driver's order: what was promoted comes first."""

    def __init__(self, space: Space, rule: Rule, seed: int) -> None:
        """Begin a search."""
        self._space, self._rule = space, rule
        self._study = optuna.create_study(sampler=RandomSampler(seed=seed))
        self._running = 0
        self._drawn: list[dict[str, Any]] = []

    def draw(self, number: int, *, may_be_new: bool) -> dict[str, Any] | int | None:
        """The trial that is promoted, else a new one, at random."""
        last = not may_be_new and self._running == 0
        drawn = self._promoted(last=False)
        if drawn is None and may_be_new:
            drawn = self._new(number)
        if drawn is None and last:
            drawn = self._promoted(last=True)
        self._running += drawn is not None
        return drawn

    def goes_on(self, number: int, epoch: int, auc: float) -> bool:
        """Whether the rule lets the trial go on; the baseline is compared with no trial."""
        if number != BASELINE:
            return self._rule.goes_on(number, epoch, auc)
        if isinstance(self._rule, Promotion):
            return self._rule.baseline_goes_on(number, epoch)
        return True

    def end(self, number: int, epoch: int, auc: float) -> None:
        """Note that the trial has ended, or waits."""
        self._running -= 1

    def _promoted(self, *, last: bool) -> int | None:
        if not isinstance(self._rule, Promotion):
            return None
        number = self._rule.release_baseline(last=last)
        return self._rule.promote(last=last) if number is None else number

    def _new(self, number: int) -> dict[str, Any]:
        point = baseline_point(self._space) if number == BASELINE else None
        if point is None:
            # A real search trains no point twice; of a small space all may be drawn already.
            draws = (self._space.sample(self._study.ask()) for _ in range(DRAWS))
            point = next((one for one in draws if one not in self._drawn), self._drawn[-1])
        self._drawn.append(point)
        return point


class WithoutWait(Promotion):
    """Promotion under which the baseline is trained at once."""

    def baseline_goes_on(self, number: int, epoch: int) -> bool:
        """Always."""
        return True


def _early(epochs: int, factor: int = 3) -> tuple[int, ...]:
    return rung_epochs(max(1, epochs // FIRST_RUNG), epochs, factor)


def _late(epochs: int) -> tuple[int, ...]:
    return rung_epochs(max(1, epochs // 4), epochs, 3)


RULES: dict[str, MakeRule] = {
    "the default: promote from an eighth": lambda epochs: Promotion(_early(epochs), 3),
    "beyond the first rung the best of three": lambda epochs: Promotion(
        _early(epochs), 3, rivals=3
    ),
    "half goes on, not a third": lambda epochs: Promotion(_early(epochs, 2), 2),
    "a quarter goes on": lambda epochs: Promotion(_early(epochs, 4), 4),
    "first rung at a quarter": lambda epochs: Promotion(_late(epochs), 3),
    "baseline trained at once": lambda epochs: WithoutWait(_early(epochs), 3),
    "asha, same rungs": lambda epochs: SuccessiveHalving(_early(epochs), 3),
    "asha, its own rungs": lambda epochs: SuccessiveHalving(_late(epochs), 3),
    "hyperband": lambda epochs: SuccessiveHalving(_late(epochs), 3, len(_late(epochs)) + 1),
    "no scheduler": lambda epochs: NoRule(),
}
"""The default, and the default without one of its parts."""


def _peer(make: MakeRule) -> MakePeer:
    return lambda space, epochs, seed: RulePeer(space, make(epochs), seed)


PEERS_BY_RULE = {name: _peer(make) for name, make in RULES.items()}
"""As :data:`benchmarks.efficiency_peers.PEERS`."""
