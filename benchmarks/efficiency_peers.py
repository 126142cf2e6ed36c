"""Peers that search recorded curves in virtual time, by their own code."""

import heapq
import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Protocol

import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from search.simulation.curves import Curve, RecordedCurves
from search.simulation.nearest import Nearest
from search.simulation.replay import Trajectory
from sedn.network import canonical_config
from spaces import Space


class Peer(Protocol):
    """What draws configurations and stops trials."""

    def draw(self, number: int) -> dict[str, Any]:
        """Parameters of a new trial, by the path of the axis."""
        ...

    def goes_on(self, number: int, epoch: int, auc: float) -> bool:
        """Take the result of an epoch; whether the trial is trained further."""
        ...

    def end(self, number: int, epoch: int, auc: float) -> None:
        """Take the last result of a trial that is trained no further."""
        ...


MakePeer = Callable[[Space, int, int], Peer]
"""From the space, the epochs of a whole training and the seed."""


class OptunaPeer:
    """A study of Optuna's with a sampler and a pruner, by ``ask``, ``report`` and ``tell``."""

    def __init__(self, space: Space, sampler: BaseSampler, pruner: BasePruner) -> None:
        """Create the study in memory."""
        self._space = space
        self._study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
        self._trials: dict[int, optuna.Trial] = {}
        self._pruned: set[int] = set()

    def draw(self, number: int) -> dict[str, Any]:
        """Parameters that the sampler suggests."""
        self._trials[number] = self._study.ask()
        return self._space.sample(self._trials[number])

    def goes_on(self, number: int, epoch: int, auc: float) -> bool:
        """Whether the pruner lets the trial go on."""
        self._trials[number].report(auc, epoch)
        if self._trials[number].should_prune():
            self._pruned.add(number)
        return number not in self._pruned

    def end(self, number: int, epoch: int, auc: float) -> None:
        """Tell the study; a pruned trial keeps its last value, as in a usual objective."""
        state = optuna.trial.TrialState
        if number in self._pruned:
            self._study.tell(self._trials[number], state=state.PRUNED)
        else:
            self._study.tell(self._trials[number], auc)


class RayPeer:
    """Ray Tune's ``OptunaSearch`` with its ASHA, both with their defaults."""

    def __init__(self, space: Space, epochs: int, seed: int) -> None:
        """Make both; neither needs a cluster."""
        from ray.tune.schedulers import ASHAScheduler
        from ray.tune.search.optuna import OptunaSearch

        def define(trial: Any) -> None:
            space.sample(trial)

        logging.getLogger("ray.tune").setLevel(logging.ERROR)
        self._search = OptunaSearch(define, metric="auc", mode="max", seed=seed)
        self._scheduler = ASHAScheduler(metric="auc", mode="max", max_t=epochs)
        self._controller: Any = SimpleNamespace()

    def draw(self, number: int) -> dict[str, Any]:
        """Parameters that the searcher suggests."""
        params = self._search.suggest(str(number))
        assert params is not None
        self._scheduler.on_trial_add(self._controller, self._trial(number))
        return params

    def goes_on(self, number: int, epoch: int, auc: float) -> bool:
        """Whether the scheduler lets the trial go on; the searcher sees the result too."""
        self._search.on_trial_result(str(number), self._result(epoch, auc))
        decision = self._scheduler.on_trial_result(
            self._controller, self._trial(number), self._result(epoch, auc)
        )
        return decision == self._scheduler.CONTINUE

    def end(self, number: int, epoch: int, auc: float) -> None:
        """Complete the trial, as Tune completes one that the scheduler has stopped."""
        result = self._result(epoch, auc)
        self._scheduler.on_trial_complete(self._controller, self._trial(number), result)
        self._search.on_trial_complete(str(number), result)

    def _trial(self, number: int) -> Any:
        return SimpleNamespace(trial_id=str(number))

    def _result(self, epoch: int, auc: float) -> dict[str, Any]:
        return {"training_iteration": epoch, "auc": auc}


def _optuna(sampler: type[BaseSampler], pruner: Callable[[int], BasePruner]) -> MakePeer:
    def make(space: Space, epochs: int, seed: int) -> Peer:
        return OptunaPeer(space, sampler(seed=seed), pruner(epochs))  # type: ignore[call-arg]

    return make


PEERS: dict[str, MakePeer] = {
    "Ray Tune: OptunaSearch + ASHA": RayPeer,
    "Optuna: TPE + Hyperband": _optuna(
        TPESampler, lambda epochs: HyperbandPruner(min_resource=1, max_resource=epochs)
    ),
    "Optuna: TPE + median": _optuna(TPESampler, lambda epochs: MedianPruner()),
    "Optuna: TPE": _optuna(TPESampler, lambda epochs: NopPruner()),
    "Optuna: random": _optuna(RandomSampler, lambda epochs: NopPruner()),
}
"""By the names in the tables."""


def simulate_peer(
    recorded: RecordedCurves, make: MakePeer, trials: int, seed: int, workers: int
) -> Trajectory:
    """Let a peer search recorded curves in virtual time, as our own simulations do."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    peer, nearest = make(recorded.space, recorded.epochs, seed), Nearest(recorded)

    def start(number: int) -> Curve:
        config = canonical_config(recorded.space.config(peer.draw(number)))
        return recorded.of(nearest.key(recorded.values_of(config)), seed)

    started = 0
    running: list[tuple[float, int, int, Curve]] = []
    """End of the epoch, trial, epoch, curve."""
    seconds: list[float] = []
    aucs: list[float] = []
    now = 0.0
    while True:
        while len(running) < workers and started < trials:
            curve = start(started)
            heapq.heappush(running, (now + float(curve.seconds[0]), started, 1, curve))
            started += 1
        if not running:
            break
        now, number, epoch, curve = heapq.heappop(running)
        auc = float(curve.auc[epoch - 1])
        seconds.append(now)
        aucs.append(auc)
        if peer.goes_on(number, epoch, auc) and epoch < recorded.epochs:
            ends = now + float(curve.seconds[epoch])
            heapq.heappush(running, (ends, number, epoch + 1, curve))
        else:
            peer.end(number, epoch, auc)
    return Trajectory.of(seconds, aucs, recorded.best(seed), started)
