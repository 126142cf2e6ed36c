"""A trial that is handed out."""

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
