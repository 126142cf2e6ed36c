"""A training as TensorBoard's event files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sedn.config import TrainingConfig
from sedn.run.summary import RunSummary
from sedn.run.tracking import END_MARK, EPOCH_MARK, end_metrics, epoch_metrics
from sedn.training.result import EpochResult

TENSORBOARD = "tensorboard"


class TensorBoardTracker:
    """Writes the event files of one run."""

    def __init__(self, writer: Any, last_epoch: int, is_ended: bool) -> None:
        self._writer = writer
        self._is_ended = is_ended
        self.last_epoch = last_epoch

    def log_epoch(self, result: EpochResult) -> None:
        """Add an epoch."""
        for name, value in epoch_metrics(result).items():
            self._writer.add_scalar(name, value, result.epoch)
        self._writer.flush()
        self.last_epoch = result.epoch

    def log_end(self, config: TrainingConfig, summary: RunSummary, folder: Path) -> None:
        """Add the configuration and what the test split gave."""
        if self._is_ended:
            return
        indented = "".join(f"    {line}\n" for line in config.to_yaml().splitlines())
        self._writer.add_text("configuration", indented, summary.epochs)
        for name, value in end_metrics(summary).items():
            self._writer.add_scalar(name, value, summary.epochs)
        self._writer.flush()


@contextmanager
def open_tensorboard(folder: Path) -> Iterator[TensorBoardTracker]:
    """A tracker of the run in ``folder`` that goes on after the epochs that its files have."""
    from torch.utils.tensorboard import SummaryWriter

    path = folder / TENSORBOARD
    last_epoch, is_ended = _read(path)
    # What was cut off within an epoch is written again: TensorBoard drops the first half.
    purge = last_epoch + 1 if path.exists() and not is_ended else None
    with SummaryWriter(str(path), purge_step=purge) as writer:
        yield TensorBoardTracker(writer, last_epoch, is_ended)


def _read(path: Path) -> tuple[int, bool]:
    """The last epoch that the files have, and whether they have the end."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    if not path.is_dir():
        return 0, False
    events = EventAccumulator(str(path))
    events.Reload()
    tags = events.Tags()["scalars"]
    steps = [event.step for event in events.Scalars(EPOCH_MARK)] if EPOCH_MARK in tags else []
    return max(steps, default=0), END_MARK in tags
