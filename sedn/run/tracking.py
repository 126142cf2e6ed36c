"""Following a training in TensorBoard and MLflow: each epoch once, however often it is resumed."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sedn.config import TrainingConfig
from sedn.extras import check_extra
from sedn.run.summary import RunSummary
from sedn.training.result import EpochResult


@dataclass(frozen=True)
class Tracking:
    """The places where a training is logged, besides its own folder."""

    tensorboard: bool = False
    """Whether to write event files in the run's folder."""
    mlflow: str | None = None
    """URI of an MLflow tracking server or its database."""
    mlflow_experiment: str = "sedn"


UNTRACKED = Tracking()
"""In its own folder alone."""
EPOCH_MARK = "validation/mean_auc"
"""Logged last of an epoch: where it is, all of the epoch is."""
END_MARK = "test/mean_auc"
"""Logged last of all."""


class Tracker(Protocol):
    """An open tracker of a training."""

    @property
    def last_epoch(self) -> int:
        """The last epoch that the tracker has logged, from 1; 0 if none."""

    def log_epoch(self, result: EpochResult) -> None:
        """Add an epoch."""

    def log_end(self, config: TrainingConfig, summary: RunSummary, folder: Path) -> None:
        """Add what the finished run in the folder reached, unless that is there."""


def check_tracking(tracking: Tracking) -> None:
    """Check that the packages for tracking are installed.

    Raises:
        UserError: an extra is missing.
    """
    if tracking.tensorboard:
        check_extra("`tensorboard`", "tensorboard")
    if tracking.mlflow is not None:
        check_extra("`mlflow`", "mlflow")


@contextmanager
def open_trackers(
    tracking: Tracking, config: TrainingConfig, folder: Path
) -> Iterator[list[Tracker]]:
    """The trackers of the run in ``folder``, which go on with what an earlier start logged.

    Raises:
        UserError: the MLflow server cannot be reached or refuses the experiment.
    """
    trackers: list[Tracker] = []
    with ExitStack() as opened:
        if tracking.tensorboard:
            from sedn.run.tensorboard_tracker import open_tensorboard

            trackers.append(opened.enter_context(open_tensorboard(folder)))
        if tracking.mlflow is not None:
            from sedn.run.mlflow_tracker import open_mlflow

            experiment = tracking.mlflow_experiment
            trackers.append(
                opened.enter_context(open_mlflow(tracking.mlflow, experiment, config, folder))
            )
        yield trackers


def epoch_metrics(result: EpochResult) -> dict[str, float]:
    """The metrics that are logged for each epoch; the mean AUC comes last."""
    metrics = {"train/loss": result.train_loss, "train/epoch_seconds": result.seconds}
    if (speed := result.cost("images_per_second")) is not None:
        metrics["train/images_per_second"] = speed
    for label, auc in result.label_auc.items():
        if auc is not None:
            metrics[f"validation/auc/{label}"] = auc
    return metrics | {EPOCH_MARK: result.mean_auc}


def end_metrics(summary: RunSummary) -> dict[str, float]:
    """The metrics of the run on the test split; the mean AUC comes last."""
    metrics = {
        "test/temperature": summary.temperature,
        "test/calibration_error": summary.calibration_error,
        "test/calibration_error_scaled": summary.calibration_error_scaled,
    }
    for label, score in summary.label_scores.items():
        values = {"auc": summary.label_auc[label], "f1": score.f1, "precision": score.precision,
                 "recall": score.recall}  # fmt: skip
        metrics |= {f"test/{name}/{label}": v for name, v in values.items() if v is not None}
    return metrics | {END_MARK: summary.mean_auc}
