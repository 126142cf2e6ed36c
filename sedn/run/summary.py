"""The scores of a finished run, as a file in its folder."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedn.data import Dataset
from sedn.errors import UserError
from sedn.files import write_text
from sedn.metrics import (
    LabelScore,
    auc,
    calibrate,
    estimate_interval,
    label_intervals,
    reliability,
    score_labels,
)
from sedn.run.model_file import ModelHeader
from sedn.style import interval_text
from sedn.training.result import by_label

SUMMARY = "summary.json"


@dataclass(frozen=True)
class RunSummary:
    """The scores of a finished run on the test split, which the run read once."""

    mean_auc: float
    mean_auc_stderr: float
    mean_auc_interval: tuple[float, float]
    """Both ends at 95 %, over the choice of images, as :mod:`sedn.metrics.intervals` has them."""
    label_auc: dict[str, float | None]
    """AUC by label; ``None`` where the test split lacks one of the classes."""
    label_auc_stderr: dict[str, float | None]
    label_auc_interval: dict[str, tuple[float, float] | None]
    """Both ends at 95 % by label; ``None`` where there is no AUC."""
    label_scores: dict[str, LabelScore]
    """By label: its threshold, chosen on validation, and F1, precision and recall at it."""
    undecided_labels: list[str]
    """Labels of which validation lacks images with or without it; their threshold is 0.5."""
    temperature: float
    """The temperature that logits are divided by before the sigmoid; fitted on validation."""
    calibration_error: float
    """Expected calibration error of the test split without the temperature …"""
    calibration_error_scaled: float
    """… and with it."""
    validation_mean_auc: float
    map_source: str
    """Who supplied the maps at test time: a given map is an oracle's."""
    data_fingerprint: str
    skipped_images: int
    """Images of the data that could not be read and were left out."""
    epochs: int
    parameters: int
    folds: int | None = None
    """Number of folds whose networks scored train and validation in place of the model, which saw
    all of these images: the results on validation are those of these scores."""

    def label_text(self, label: str) -> str:
        """A label's AUC with its interval, ``0.9731 [0.912, 0.995]``."""
        return interval_text(self.label_auc[label], *(self.label_auc_interval[label] or ()))

    @property
    def mean_text(self) -> str:
        """The mean AUC with its interval."""
        return interval_text(self.mean_auc, *self.mean_auc_interval)

    def to_json(self) -> dict[str, Any]:
        """The summary as plain JSON values."""
        return asdict(self)


def summarise(
    header: ModelHeader,
    dataset: Dataset,
    logits: NDArray[np.float32],
    *,
    validation_mean_auc: float,
    epochs: int,
    parameters: int,
) -> RunSummary:
    """Score the ``logits`` (images, labels) of the test split."""
    calibration = header.calibration
    targets = dataset.splits["test"].truth
    estimate = auc(targets, logits)
    probabilities = calibration.probabilities(logits)
    scores = score_labels(targets, probabilities, calibration.thresholds)
    return RunSummary(
        mean_auc=estimate.mean,
        mean_auc_stderr=estimate.mean_stderr,
        mean_auc_interval=estimate_interval(estimate),
        label_auc=by_label(dataset.labels, estimate.labels),
        label_auc_stderr=by_label(dataset.labels, estimate.labels_stderr),
        label_auc_interval={
            label: None if np.isnan(low) else (float(low), float(high))
            for label, (low, high) in zip(dataset.labels, label_intervals(estimate), strict=True)
        },
        label_scores=dict(zip(dataset.labels, scores, strict=True)),
        undecided_labels=list(calibration.undecided),
        temperature=calibration.temperature,
        calibration_error=reliability(targets, calibrate(logits, 1.0)).error,
        calibration_error_scaled=reliability(targets, probabilities).error,
        validation_mean_auc=validation_mean_auc,
        map_source=header.config.map_source,
        data_fingerprint=dataset.fingerprint,
        skipped_images=dataset.skipped,
        epochs=epochs,
        parameters=parameters,
        folds=header.config.folds,
    )


def write_summary(summary: RunSummary, folder: Path) -> None:
    """Write the summary into the run's folder, which marks the run as finished."""
    write_text(folder / SUMMARY, json.dumps(summary.to_json(), indent=1) + "\n")


def read_summary(folder: Path) -> RunSummary:
    """Read the summary of the finished run in ``folder``.

    Raises:
        UserError: the folder holds no finished run, or one of an older version.
    """
    path = folder / SUMMARY
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        scores = {label: LabelScore(**score) for label, score in fields["label_scores"].items()}
        intervals = {
            "mean_auc_interval": tuple(fields["mean_auc_interval"]),
            "label_auc_interval": {
                label: ends and tuple(ends) for label, ends in fields["label_auc_interval"].items()
            },
        }
        return RunSummary(**fields | {"label_scores": scores} | intervals)
    except FileNotFoundError:
        raise UserError(f"{folder}: holds no finished run; `sedn train` makes one") from None
    except (KeyError, TypeError):
        raise UserError(
            f"{path}: no summary of this version of `sedn train`; train it again in a new folder"
        ) from None
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
