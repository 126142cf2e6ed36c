"""How well scores rank images, label by label, and how surely that is known."""

from sedn.metrics.bootstrap import bootstrap_mean, bootstrap_means
from sedn.metrics.precision import average_precision
from sedn.metrics.roc import (
    AucEstimate,
    auc,
    label_influences,
    label_intervals,
    paired_difference,
    paired_label_differences,
    root_sum_of_squares,
)

__all__ = [
    "AucEstimate",
    "auc",
    "average_precision",
    "bootstrap_mean",
    "bootstrap_means",
    "label_influences",
    "label_intervals",
    "paired_difference",
    "paired_label_differences",
    "root_sum_of_squares",
]
