"""Two finished runs side by side, on the same test images."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sedn.errors import UserError
from sedn.metrics import auc, paired_difference, paired_label_differences
from sedn.run.finishing import read_test_scores
from sedn.run.summary import read_summary


@dataclass(frozen=True)
class PairedAuc:
    """The AUC of a label, or the mean of all labels, in two runs."""

    label: str
    auc: float | None
    other: float | None
    difference: float | None
    """``auc - other``; the images are the same, so what makes one hard for both cancels."""
    difference_stderr: float | None
    gain: float | None
    """``auc / other - 1``."""


@dataclass(frozen=True)
class RunComparison:
    """A run beside another."""

    rows: tuple[PairedAuc, ...]
    mean: PairedAuc
    """The comparison of the mean AUC over labels; its gain is the gain of the mean, not the mean of
    gains.
    """

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain JSON values."""
        return asdict(self)


def compare_runs(folder: Path, beside: Path) -> RunComparison:
    """Compare the finished run in ``folder`` with the one in ``beside``.

    Raises:
        UserError: one of them is not finished, or they were tested on different images or labels.
    """
    one, other = read_summary(folder), read_summary(beside)
    if (one.data_fingerprint, list(one.label_auc)) != (
        other.data_fingerprint,
        list(other.label_auc),
    ):
        raise UserError(f"{folder} and {beside}: tested on different data; train both on the same")
    (targets, scores), (_, other_scores) = read_test_scores(folder), read_test_scores(beside)
    differences, stderrs = paired_label_differences(targets, scores, other_scores)
    rows = tuple(
        _row(label, one.label_auc[label], other.label_auc[label], difference, stderr)
        for label, difference, stderr in zip(one.label_auc, differences, stderrs, strict=True)
    )
    difference, stderr = paired_difference(auc(targets, scores), auc(targets, other_scores))
    return RunComparison(rows, _row("mean", one.mean_auc, other.mean_auc, difference, stderr))


def _row(
    label: str, auc: float | None, other: float | None, difference: float, stderr: float
) -> PairedAuc:
    gain = auc / other - 1 if auc is not None and other else None
    return PairedAuc(label, auc, other, _defined(difference), _defined(stderr), gain)


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
