"""How often the intervals of the AUC hold the truth, beside DeLong's, by simulation.

``python -m benchmarks.coverage`` prints the tables of ``docs/statistics.md``. The images of a label
are drawn so that its true AUC is known: negatives score as a standard normal, positives as one that
lies higher. The 8 labels of an image share causes, so that neither their truths nor their scores
are independent.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from sedn.arrays import Floats
from sedn.metrics import auc, auc_interval, mean_interval

POSITIVES = ((5, 95), (10, 90), (30, 70))
"""Positive and negative images of a label."""
AREAS = (0.6, 0.9, 0.97, 0.995, 1.0)
SETS = 8000
"""Sets of images of one label."""
MEANS = ((60, 0.1), (60, 0.3), (200, 0.05))
"""Images, and the share of positives of each of the 8 labels."""
MEAN_AREAS = (0.75, 0.9, 0.97)
MEAN_SETS = 4000
LABELS = 8
Z = 1.959964
AT_ONCE = 2_000_000
"""Pairs of images compared at a time."""


@dataclass(frozen=True)
class Coverage:
    """How two intervals did over many sets of images."""

    covered: float
    """Share of sets whose interval holds the true AUC."""
    width: float
    """Mean width."""
    least: float
    greatest: float
    """The lowest and the highest end of all."""
    delong_covered: float
    delong_width: float
    """The same of the estimate plus and minus 1.96 standard errors."""


def label_coverage(
    positives: int, negatives: int, area: float, sets: int = SETS, spread: float = 1.0
) -> Coverage:
    """One label with the true AUC ``area``.

    Args:
        positives: images with the label.
        negatives: images without it.
        area: the true AUC; at 1 the classes do not overlap.
        sets: number of sets of images.
        spread: standard deviation of the positives' scores; the negatives' is 1.
    """
    rng = np.random.default_rng(17)
    step = max(1, AT_ONCE // (positives * negatives))
    estimates = [
        _label_estimates(rng, positives, negatives, area, min(step, sets - first), spread)
        for first in range(0, sets, step)
    ]
    areas, errors = np.concatenate(estimates, axis=1)
    return _coverage(area, areas, errors, auc_interval(areas, errors, positives, negatives))


def mean_coverage(images: int, prevalence: float, area: float, sets: int = MEAN_SETS) -> Coverage:
    """The mean of 8 labels, each with the true AUC ``area``, over the same images.

    A set without a positive of some label has the mean of the others, as a validation split does.
    """
    rng = np.random.default_rng(19)
    means, errors, ends = [], [], []
    for _ in range(sets):
        cause, noise = rng.normal(size=(images, 1)), rng.normal(size=(images, LABELS))
        likely = np.sqrt(0.5) * (cause + noise)
        targets = (likely > NormalDist().inv_cdf(1 - prevalence)).astype(np.float64)
        shared, own = rng.normal(size=(images, 1)), rng.normal(size=(images, LABELS))
        scores = np.sqrt(0.5) * (shared + own) + _shift(area) * targets
        estimate = auc(targets, scores)
        if np.isnan(estimate.mean):
            continue
        means.append(estimate.mean)
        errors.append(estimate.mean_stderr)
        ends.append(mean_interval(means[-1], errors[-1], estimate.positives, estimate.negatives))
    return _coverage(area, np.array(means), np.array(errors), np.stack(ends))


def _shift(area: float, spread: float = 1.0) -> float:
    """How much higher positives score, for an AUC of ``area``."""
    if area >= 1:
        return 1e3
    return NormalDist().inv_cdf(area) * float(np.hypot(1.0, spread))


def _label_estimates(
    rng: np.random.Generator, positives: int, negatives: int, area: float, sets: int, spread: float
) -> Floats:
    """``(2, sets)``: the AUC of sets of images and DeLong's standard error."""
    high = spread * rng.normal(size=(sets, positives)) + _shift(area, spread)
    above = high[:, :, None] > rng.normal(size=(sets, 1, negatives))
    of_positives, of_negatives = above.mean(axis=2), above.mean(axis=1)
    variance = of_positives.var(axis=1, ddof=1) / positives
    variance += of_negatives.var(axis=1, ddof=1) / negatives
    return np.stack([of_positives.mean(axis=1), np.sqrt(variance)])


def _coverage(truth: float, areas: Floats, errors: Floats, ends: Floats) -> Coverage:
    low, high = ends.T
    return Coverage(
        covered=float(((low <= truth) & (truth <= high)).mean()),
        width=float((high - low).mean()),
        least=float(low.min()),
        greatest=float(high.max()),
        delong_covered=float((np.abs(areas - truth) <= Z * errors).mean()),
        delong_width=float(2 * Z * errors.mean()),
    )


def tables() -> str:
    """Both tables, as Markdown."""
    rule = "|---:|---:|---:|---:|---:|---:|"
    heads = "covers | mean width | DeLong covers | DeLong width |"
    lines = [f"| positives, negatives | true AUC | {heads}", rule]
    lines += [
        _row(f"{positives}, {negatives}", area, label_coverage(positives, negatives, area))
        for positives, negatives in POSITIVES
        for area in AREAS
    ]
    lines += ["", f"| images, prevalence | true mean | {heads}", rule]
    lines += [
        _row(f"{images}, {prevalence}", area, mean_coverage(images, prevalence, area))
        for images, prevalence in MEANS
        for area in MEAN_AREAS
    ]
    return "\n".join(lines)


def _row(case: str, area: float, coverage: Coverage) -> str:
    return (
        f"| {case} | {area:g} | {coverage.covered:.3f} | {coverage.width:.3f} "
        f"| {coverage.delong_covered:.3f} | {coverage.delong_width:.3f} |"
    )


if __name__ == "__main__":
    print(tables())
