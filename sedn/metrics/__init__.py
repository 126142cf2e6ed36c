"""Metrics of how well scores rank images, label by label, with their uncertainty and
calibration."""

from sedn.metrics.bootstrap import bootstrap_mean, bootstrap_means
from sedn.metrics.calibration import (
    Reliability,
    calibrate,
    fit_temperature,
    log_loss,
    reliability,
    temperature_warning,
)
from sedn.metrics.folds import auc_within, images_of_folds, label_influences_within
from sedn.metrics.intervals import (
    auc_interval,
    estimate_interval,
    label_intervals,
    mean_interval,
)
from sedn.metrics.mid_ranks import mid_ranks
from sedn.metrics.paired import SIGNIFICANCE, Differences, PairedComparison, compare_paired, holm
from sedn.metrics.platt import fit_sigmoids
from sedn.metrics.precision import average_precision
from sedn.metrics.roc import (
    AucEstimate,
    auc,
    label_influences,
    paired_difference,
    paired_label_differences,
    root_sum_of_squares,
)
from sedn.metrics.thresholds import (
    DEFAULT_THRESHOLD,
    LabelScore,
    best_thresholds,
    score_labels,
)

__all__ = [
    "DEFAULT_THRESHOLD",
    "SIGNIFICANCE",
    "AucEstimate",
    "Differences",
    "LabelScore",
    "PairedComparison",
    "Reliability",
    "auc",
    "auc_interval",
    "auc_within",
    "average_precision",
    "best_thresholds",
    "bootstrap_mean",
    "bootstrap_means",
    "calibrate",
    "compare_paired",
    "estimate_interval",
    "fit_sigmoids",
    "fit_temperature",
    "holm",
    "images_of_folds",
    "label_influences",
    "label_influences_within",
    "label_intervals",
    "log_loss",
    "mean_interval",
    "mid_ranks",
    "paired_difference",
    "paired_label_differences",
    "reliability",
    "root_sum_of_squares",
    "score_labels",
    "temperature_warning",
]
