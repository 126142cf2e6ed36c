"""Methods of search, simulated side by side over many seeds."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from search.settings import SearchSettings
from search.simulation.curves import RecordedCurves
from search.simulation.replay import Trajectory, simulate
from sedn.arrays import Floats
from sedn.processes import in_processes

WITHIN = 0.01
"""A search has arrived when its best result lacks at most this share of the target."""
MOMENTS = 200
"""Moments at which regret is shown."""


@dataclass(frozen=True)
class Method:
    """A method of search: what the user chooses."""

    sampler: str
    scheduler: str
    workers: int

    @property
    def name(self) -> str:
        """In a line, such as ``tpe, asha, 4 workers``."""
        return f"{self.sampler}, {self.scheduler}, {self.workers} worker{'s'[: self.workers > 1]}"


@dataclass(frozen=True)
class Outcome:
    """What a method came to, over all seeds."""

    method: Method
    trajectories: Sequence[Trajectory]

    @property
    def arrivals(self) -> Floats:
        """Virtual seconds until each search was within 1 % of its target, ``(seeds,)``; infinite
        where a search did not get there.
        """
        return np.array([one.seconds_to(one.target * (1 - WITHIN)) for one in self.trajectories])

    @property
    def ends(self) -> Floats:
        """Virtual seconds of each search, ``(seeds,)``."""
        return np.array([one.seconds[-1] for one in self.trajectories])

    @property
    def regrets(self) -> Floats:
        """What each search lacked at its end to the target, as mean AUC, ``(seeds,)``."""
        return np.array([one.target - one.best[-1] for one in self.trajectories])

    def regret(self, seconds: Floats) -> Floats:
        """Quartiles over the seeds of the regret at each of ``seconds``, ``(3, moments)``.

        A search without a report yet counts as one that has AUC 0.5, as chance has.
        """
        rows = [
            np.nan_to_num(one.regret_at(seconds), nan=one.target - 0.5) for one in self.trajectories
        ]
        return np.quantile(rows, (0.25, 0.5, 0.75), axis=0)


def quartiles(values: Floats) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile; each is one of the values, so that values which are
    infinite stay what they are.
    """
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75), method="inverted_cdf")
    return float(low), float(middle), float(high)


def methods_of(
    samplers: Sequence[str], schedulers: Sequence[str], workers: Sequence[int]
) -> list[Method]:
    """All combinations, in order."""
    return [Method(*one) for one in product(samplers, schedulers, workers)]


def run_methods(
    recorded: RecordedCurves,
    methods: Sequence[Method],
    base: SearchSettings,
    seeds: int,
    processes: int = 1,
    watch: Callable[[int, int], None] = lambda done, of: None,
) -> list[Outcome]:
    """Simulate each method with each seed.

    Args:
        recorded: the curves.
        methods: what to simulate.
        base: the settings that all share; its seed is the first.
        seeds: simulations of each method.
        processes: at a time.
        watch: called with the number of simulations that are done, and of all.

    Raises:
        UserError: a sampler or a scheduler does not take the space.
    """
    tasks = [
        (recorded, _settings(base, method, base.seed + seed), method.workers)
        for method in methods
        for seed in range(seeds)
    ]
    done: list[Trajectory] = []
    for trajectory in _run(tasks, processes):
        done.append(trajectory)
        watch(len(done), len(tasks))
    return [
        Outcome(method, done[place * seeds : (place + 1) * seeds])
        for place, method in enumerate(methods)
    ]


_Task = tuple[RecordedCurves, SearchSettings, int]


def _settings(base: SearchSettings, method: Method, seed: int) -> SearchSettings:
    fields = base.model_dump(exclude_unset=True) | {
        "sampler": method.sampler,
        "scheduler": method.scheduler,
        "seed": seed,
    }
    return SearchSettings.model_validate(fields)


def _run(tasks: Sequence[_Task], processes: int) -> Iterator[Trajectory]:
    if processes == 1:
        yield from map(_simulate, tasks)
        return
    yield from in_processes(_simulate, tasks, processes)


def _simulate(task: _Task) -> Trajectory:
    return simulate(*task)


def moments(outcomes: Iterable[Outcome]) -> Floats:
    """Moments from the first report to the end of the longest search, on a logarithmic scale."""
    searches = [one for outcome in outcomes for one in outcome.trajectories]
    first = min(float(one.seconds[0]) for one in searches)
    last = max(float(one.seconds[-1]) for one in searches)
    return np.geomspace(max(first, 1e-3), max(last, 2e-3), MOMENTS)
