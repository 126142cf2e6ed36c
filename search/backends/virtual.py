"""Virtual time: trials whose epochs take the seconds that they report, on any number of workers.

What a training function yields is reported in the order in which so many workers would report it,
without any waiting. So recorded or made-up curves show in seconds what a search of days would have
done under a sampler and a scheduler.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

from search.backends.generators import close_training, draw_epoch, start_training
from search.driver import Assignment, Driver, TrainFunction
from search.progress import Watcher
from sedn.training.result import EpochResult


class Clock:
    """Seconds of a simulated search; the clock of its driver."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Seconds since the search began."""
        return self.seconds


@dataclass(order=True)
class _Step:
    """The epoch that a worker is training, ordered by the epoch's end."""

    ends_at: float
    order: int
    trial: Assignment = field(compare=False)
    epochs: Iterator[EpochResult] = field(compare=False)
    result: EpochResult = field(compare=False)


def run_virtual(
    driver: Driver,
    train: TrainFunction,
    clock: Clock,
    workers: int = 1,
    watch: Watcher = lambda snapshot: None,
) -> None:
    """Run the driver's trials in virtual time, until none is left or a budget is used up.

    Args:
        driver: of the search, made with ``clock``.
        train: the training function of a trial; its results' ``seconds`` are what epochs take.
        clock: moved on as time passes.
        workers: trials at a time.
        watch: called with a snapshot after each epoch.

    Raises:
        UserError: the database cannot be written any more.
    """
    running: list[_Step] = []
    started = 0
    try:
        while not driver.out_of_budget:
            while len(running) < workers and (trial := driver.next()) is not None:
                epochs = start_training(train, trial)
                started += 1
                _push(driver, running, clock, started, trial, epochs)
            if not running:
                if driver.waits:
                    raise RuntimeError("a storage fault does not pass in virtual time")
                return
            step = heapq.heappop(running)
            clock.seconds = step.ends_at
            verdict = driver.report(step.trial.number, step.result)
            watch(driver.snapshot())
            if verdict.ends_training:
                driver.finish(step.trial.number)
                close_training(step.epochs)
            else:
                _push(driver, running, clock, step.order, step.trial, step.epochs)
    finally:
        for step in running:
            close_training(step.epochs)


def _push(
    driver: Driver,
    running: list[_Step],
    clock: Clock,
    order: int,
    trial: Assignment,
    epochs: Iterator[EpochResult],
) -> None:
    """Let a worker train the next epoch of a trial, unless the training raises."""
    result = draw_epoch(driver, trial, epochs)
    if result is None:
        close_training(epochs)
    else:
        heapq.heappush(running, _Step(clock.seconds + result.seconds, order, trial, epochs, result))
