"""Peers that search recorded curves in virtual time, by their own code."""

import heapq
import json
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

    def draw(self, number: int, *, may_be_new: bool) -> dict[str, Any] | int | None:
        """Parameters of a new trial, by the path of the axis, or the number of a paused one that
        goes on; ``None`` where only a new one is left, and none ``may_be_new``.
        """
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

    def draw(self, number: int, *, may_be_new: bool) -> dict[str, Any] | None:
        """Parameters that the sampler suggests."""
        if not may_be_new:
            return None
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

    def draw(self, number: int, *, may_be_new: bool) -> dict[str, Any] | None:
        """Parameters that the searcher suggests."""
        if not may_be_new:
            return None
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


Keys = dict[str, str]
"""The key of the curve of a point, by the point as JSON: canonical forms take the time."""


def simulate_peer(
    recorded: RecordedCurves,
    make: MakePeer,
    trials: int,
    seed: int,
    workers: int,
    keys: Keys | None = None,
) -> Trajectory:
    """Let a peer search recorded curves in virtual time, as our own simulations do.

    Args:
        recorded: the curves.
        make: makes the peer.
        trials: at most.
        seed: of the peer; chooses the recorded seed of each curve too.
        workers: trials at a time.
        keys: what earlier searches of the same curves met, to look up and to add to.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    peer = make(recorded.space, recorded.epochs, seed)
    return _Simulation(recorded, peer, trials, seed, {} if keys is None else keys).run(workers)


class _Simulation:
    """A peer's search."""

    def __init__(
        self, recorded: RecordedCurves, peer: Peer, trials: int, seed: int, keys: Keys
    ) -> None:
        self._recorded, self._peer, self._trials, self._seed = recorded, peer, trials, seed
        self._keys = keys
        self._nearest = Nearest(recorded)
        self._curves: list[Curve] = []
        """By the number of the trial."""
        self._epochs: dict[int, int] = {}
        """Epochs of the trials that do not run."""
        self._running: list[tuple[float, int, int]] = []
        """End of the epoch, trial, epoch."""
        self._now = 0.0

    def run(self, workers: int) -> Trajectory:
        """Let the workers train until no trial is left."""
        seconds: list[float] = []
        aucs: list[float] = []
        while True:
            while len(self._running) < workers and self._start():
                pass
            if not self._running:
                break
            self._now, number, epoch = heapq.heappop(self._running)
            auc = float(self._curves[number].auc[epoch - 1])
            seconds.append(self._now)
            aucs.append(auc)
            if self._peer.goes_on(number, epoch, auc) and epoch < self._recorded.epochs:
                self._train(number, epoch + 1)
            else:
                self._epochs[number] = epoch
                self._peer.end(number, epoch, auc)
        return Trajectory.of(seconds, aucs, self._recorded.best(self._seed), len(self._curves))

    def _start(self) -> bool:
        """Start a trial, or let a paused one go on; whether there was one."""
        number = len(self._curves)
        drawn = self._peer.draw(number, may_be_new=number < self._trials)
        if drawn is None:
            return False
        if isinstance(drawn, int):
            self._train(drawn, self._epochs.pop(drawn) + 1)
            return True
        self._curves.append(self._recorded.of(self._key(drawn), self._seed))
        self._train(number, 1)
        return True

    def _key(self, drawn: dict[str, Any]) -> str:
        name = json.dumps(drawn, sort_keys=True)
        if name not in self._keys:
            config = canonical_config(self._recorded.space.config(drawn))
            self._keys[name] = self._nearest.key(self._recorded.values_of(config))
        return self._keys[name]

    def _train(self, number: int, epoch: int) -> None:
        ends = self._now + float(self._curves[number].seconds[epoch - 1])
        heapq.heappush(self._running, (ends, number, epoch))
