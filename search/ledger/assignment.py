"""A trial that is handed out."""

from dataclasses import dataclass, field

from sedn.config import TrainingConfig
from sedn.training.bounds import Bounds
from sedn.training.result import EpochResult


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
    optuna_id: int
    last: EpochResult | None = None
    counted: int = 0
    """Epochs of earlier runs, whose time is counted."""
