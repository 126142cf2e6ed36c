"""The training of a trial as a generator of its epochs: begun, drawn from, and closed."""

import sys
import traceback
from collections.abc import Iterator

from search.driver import Assignment, Driver, TrainFunction
from search.failures import error_line
from sedn.training.result import EpochResult


def start_training(train: TrainFunction, trial: Assignment) -> Iterator[EpochResult]:
    """The epochs of a trial; nothing is done before the first is drawn."""
    yield from train(trial.config, trial.folder, trial.after_epoch, trial.bounds)


def draw_epoch(
    driver: Driver, trial: Assignment, epochs: Iterator[EpochResult]
) -> EpochResult | None:
    """Train the next epoch of a trial in this process.

    ``None`` where the training has raised: the driver has ended the trial, or queued it again.
    """
    try:
        return next(epochs)
    except StopIteration:
        driver.fail(trial.number, f"the training ended before epoch {trial.config.total_epochs}")
    except Exception as error:
        driver.break_off(trial.number, error, f"{error_line(error)}\n{traceback.format_exc()}")
    return None


def close_training(epochs: Iterator[EpochResult] | None) -> None:
    """Close a training generator, and give back what the training held of a GPU, which other
    trials may share.
    """
    close = getattr(epochs, "close", None)
    if close is None:
        return
    close()
    if "torch" in sys.modules and sys.modules["torch"].cuda.is_initialized():
        from sedn.training.memory import release_memory

        release_memory()
