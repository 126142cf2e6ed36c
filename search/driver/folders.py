"""Where the checkpoints of an experiment's trials lie."""

from dataclasses import dataclass
from pathlib import Path

from results.database.models import Experiment
from results.predictions import folder_below
from sedn.training.checkpoints.storage import has_checkpoint


@dataclass(frozen=True)
class TrialFolders:
    """The folders of an experiment's trials below the storage path of this start of the search."""

    storage: str
    """A folder or a URI."""
    experiment: str
    """The folder of the experiment below it."""

    @classmethod
    def of(cls, storage: str, experiment: Experiment) -> "TrialFolders":
        """The folders of ``experiment``."""
        return cls(storage, experiment.folder)

    def new(self, number: int) -> str:
        """The folder of a trial that starts now."""
        return f"{self.storage}/{self.experiment}/{number:05d}"

    def find(self, stored: str) -> str:
        """The folder of a trial that started in ``stored``, perhaps below another storage path.

        The storage path may have moved since, so the folder below this one is taken, unless only
        the old one holds a checkpoint.
        """
        moved = folder_below(self.storage, stored)
        return stored if not _has_checkpoint(moved) and _has_checkpoint(stored) else moved


def _has_checkpoint(folder: str) -> bool:
    """Whether a folder of this machine holds a checkpoint; what lies behind a URI is not asked."""
    return "://" not in folder and has_checkpoint(Path(folder))
