"""What a trial may use: images at once, time, and a share of the cluster."""

from dataclasses import dataclass, replace

from search.driver.assignment import Assignment
from search.driver.memory import Memory
from search.packing import Grant
from sedn.config import DataConfig, TrainingConfig
from sedn.training.bounds import Bounds


@dataclass(frozen=True)
class Allotment:
    """The bounds of each trial of a search, by what earlier trials have shown of memory."""

    memory: Memory
    data: DataConfig
    """Of the baseline."""
    data_fingerprint: str
    """Of the data that the baseline names."""
    trial_seconds: float | None
    """A trial is stopped after so long; ``None``: never."""

    def complete(self, assignment: Assignment, grant: Grant) -> Assignment:
        """The assignment with the bounds of its training and its share of the ``grant``."""
        config = assignment.config
        return replace(
            assignment,
            bounds=Bounds(
                self.memory.micro_batch(config),
                self.trial_seconds,
                self._fingerprint_of(config),
            ),
            cpus=grant.cpus,
            gpus=self.memory.gpus(config, grant),
        )

    def _fingerprint_of(self, config: TrainingConfig) -> str | None:
        """The fingerprint of a trial's data; ``None`` where the trial has others than the
        baseline.
        """
        return self.data_fingerprint if config.data.source == self.data.source else None
