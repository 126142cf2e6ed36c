"""The trials that have not ended: those that are handed out, and those that wait."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from search.schedulers.verdict import GO_ON, Verdict
from sedn.config import TrainingConfig
from sedn.training.bounds import Bounds
from sedn.training.result import EpochResult

TrainFunction = Callable[[TrainingConfig, str, int, Bounds], Iterator[EpochResult]]
"""``train(config, folder, after_epoch, bounds)`` yields a result for each epoch after
``after_epoch``."""


@dataclass(frozen=True)
class Assignment:
    """One trial for a worker: what to train, where, and which epochs are known already."""

    number: int
    role: str
    config: TrainingConfig
    folder: str
    """Where the checkpoint and the predictions of the trial are kept."""
    after_epoch: int = 0
    """Only results of later epochs are reported."""
    bounds: Bounds = field(default_factory=Bounds)
    cpus: float = 1.0
    gpus: float = 0.0


@dataclass
class Live:
    """A trial that was handed out and has not ended."""

    assignment: Assignment
    last: EpochResult | None = None
    verdict: Verdict = GO_ON
    """What was decided after the last epoch."""
    counted: int = 0
    """Epochs of earlier runs, whose time is counted."""
    node: str | None = None
    """The node from which the last epoch was reported."""


@dataclass
class OpenTrials:
    """The trials that have not ended, by number."""

    live: dict[int, Live] = field(default_factory=dict)
    """Those that are handed out."""
    unfinished: deque[int] = field(default_factory=deque)
    """Those that are to go on, in their order."""
    paused: set[int] = field(default_factory=set)
    """Those that wait at a rung."""

    @property
    def are_none(self) -> bool:
        """Whether all trials have ended."""
        return not (self.live or self.unfinished or self.paused)

    def numbers(self) -> set[int]:
        """All of them."""
        return {*self.live, *self.unfinished, *self.paused}
