"""What workers write down of the epochs they train, on a disk of this machine."""

import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ray import cloudpickle

# The workers of a cluster are sent this package's modules, and not those of the benchmarks.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


@dataclass(frozen=True)
class Note:
    """One line: a trial began, from a checkpoint of so many epochs, or trained one more."""

    is_start: bool
    trial: str
    epochs: int
    value: str = ""
    """The mean AUC of the epoch, written out."""


@dataclass(frozen=True)
class Account:
    """A file of such lines, in the order in which they were written."""

    path: Path

    def start(self, folder: str, held: int) -> None:
        """Note that a worker begins a trial, whose checkpoint holds so many epochs."""
        self._write(f"start {Path(folder).name} {held} -")

    def trained(self, folder: str, epoch: int, mean_auc: float | None) -> None:
        """Note that a worker has trained an epoch, and its checkpoint is there."""
        self._write(f"trained {Path(folder).name} {epoch} {mean_auc!r}")

    def _write(self, line: str) -> None:
        # In one write, so that the lines of several workers do not mix.
        with self.path.open("ab", buffering=0) as file:
            file.write(f"{line} {time.time():.3f}\n".encode())

    def notes(self) -> list[Note]:
        """All lines; of a worker that was killed while it wrote, the last may be cut off."""
        lines = self.path.read_text().split("\n")[:-1] if self.path.exists() else []
        words = [line.split() for line in lines]
        return [Note(w[0] == "start", w[1], int(w[2]), w[3]) for w in words if len(w) == 5]

    def repeated(self) -> int:
        """Epochs that were trained more than once."""
        times = Counter((n.trial, n.epochs) for n in self.notes() if not n.is_start)
        return sum(times.values()) - len(times)

    def lost(self) -> list[str]:
        """The epochs of checkpoints that were there, and were not when the trial went on."""
        reached: Counter[str] = Counter()
        found = []
        for note in self.notes():
            if note.is_start and note.epochs < reached[note.trial]:
                found.append(f"{note.trial}: {reached[note.trial]}, then {note.epochs}")
            reached[note.trial] = max(reached[note.trial], note.epochs)
        return found

    def contradictions(self) -> list[str]:
        """Epochs that were trained twice, and to different values."""
        values: dict[tuple[str, int], str] = {}
        trained = [note for note in self.notes() if not note.is_start]
        return [
            f"{note.trial} epoch {note.epochs}: {note.value}"
            for note in trained
            if values.setdefault((note.trial, note.epochs), note.value) != note.value
        ]
