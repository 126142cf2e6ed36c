"""How often the intervals of paired differences hold the truth, beside DeLong's, by simulation.

``python -m benchmarks.paired`` prints the tables of ``docs/statistics.md``; ``--keep FILE`` keeps
finished cells, so that a call that was ended goes on. Two models score the same images: both share
what makes an image hard. Negatives score as a standard normal, positives as
one that lies higher, so that the true AUC of each model is known. With several seeds each training
of a model has noise of its own, and reaches more or less than the model does on average.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from benchmarks.kept_cells import KeptCells, Numbers
from sedn.arrays import Floats
from sedn.metrics import auc, compare_paired, paired_difference, paired_label_differences

SIZES = ((5, 95), (10, 90), (50, 150))
"""Positive and negative images of a label."""
AREAS = ((0.6, 0.6), (0.9, 0.9), (0.99, 0.99), (0.9, 0.8), (0.99, 0.95))
"""True AUC of both models."""
COMMON = (0.5, 0.9)
"""Share of a score's variance, within a class, that both models have in common."""
SEEDS = (1, 5)
OF_SEED = 0.1
"""Standard deviation between seeds of how far the classes lie apart, in units of their spread."""
OF_MODEL = 0.5
"""Share of what a training does not share with the other model's that it shares with its own."""
SETS = 2000
LABELS = 8
PREVALENCE = ((100, 0.05), (100, 0.1), (200, 0.25))
"""Images, and the share of positives of each of the 8 labels of a mean."""
MEAN_SETS = 2000
MEAN_AREAS = ((0.6, 0.6), (0.9, 0.9), (0.99, 0.99), (0.9, 0.85), (0.99, 0.95))
Z = 1.959964


@dataclass(frozen=True)
class Coverage:
    """How an interval of a difference did over many sets of images."""

    covered: float
    """Share of sets whose interval holds the true difference."""
    width: float
    """Mean width."""


def distance(area: float, spread: float = 0.0) -> float:
    """How much higher positives score on average, for an AUC of ``area`` on average over seeds."""
    return NormalDist().inv_cdf(area) * float(np.sqrt(2 + spread**2))


def draw_scores(
    rng: np.random.Generator,
    targets: Floats,
    areas: Sequence[float],
    common: float,
    seeds: int,
    *,
    shared_by_labels: float = 0.0,
) -> list[list[Floats]]:
    """Scores ``(images, labels)`` of each training of each model.

    Args:
        rng: draws them.
        targets: ``(images, labels)``.
        areas: true AUC of each model.
        common: as :data:`COMMON`.
        seeds: trainings of each model; with more than one they differ by :data:`OF_SEED`.
        shared_by_labels: share of variance that the labels of an image have in common.
    """

    def noise() -> Floats:
        of_image = rng.normal(size=(len(targets), 1))
        own = rng.normal(size=targets.shape)
        mixed: Floats = np.sqrt(shared_by_labels) * of_image + np.sqrt(1 - shared_by_labels) * own
        return mixed

    spread, kept = (OF_SEED, OF_MODEL) if seeds > 1 else (0.0, 1.0)
    both, models = np.sqrt(common) * noise(), []
    for area in areas:
        model = np.sqrt((1 - common) * kept) * noise()
        trainings = []
        for _ in range(seeds):
            lies = distance(area, spread) + spread * rng.normal(size=(1, targets.shape[1]))
            alone = np.sqrt((1 - common) * (1 - kept)) * noise()
            trainings.append(both + model + alone + lies * targets)
        models.append(trainings)
    return models


def label_coverage(
    size: tuple[int, int],
    areas: tuple[float, float],
    common: float,
    seeds: int = 1,
    sets: int = SETS,
) -> Coverage:
    """One label of so many positives and negatives: each set of images is a column of its own."""
    targets, first, second = _draw_label(size, areas, common, seeds, sets)
    found = compare_paired(targets, first, second).labels
    return _coverage(areas[0] - areas[1], found.low, found.high)


def delong_label_coverage(
    size: tuple[int, int],
    areas: tuple[float, float],
    common: float,
    seeds: int = 1,
    sets: int = SETS,
) -> Coverage:
    """The same of the difference plus and minus 1.96 standard errors, which knows no seeds."""
    targets, first, second = _draw_label(size, areas, common, seeds, sets)
    value, error = paired_label_differences(targets, first[0], second[0])
    return _coverage(areas[0] - areas[1], value - Z * error, value + Z * error)


def _draw_label(
    size: tuple[int, int], areas: tuple[float, float], common: float, seeds: int, sets: int
) -> tuple[Floats, list[Floats], list[Floats]]:
    """``(images, sets)``: the truth, and the scores of each training of both models."""
    targets = np.zeros((sum(size), sets))
    targets[: size[0]] = 1
    rng = np.random.default_rng(23)
    first, second = draw_scores(rng, targets, areas, common, seeds)
    return targets, first, second


def mean_coverage(
    size: tuple[int, float],
    areas: tuple[float, float],
    common: float,
    seeds: int = 1,
    sets: int = MEAN_SETS,
) -> Coverage:
    """The mean of 8 labels which share causes, in their truth and in their scores; ``size`` as in
    :data:`PREVALENCE`.
    """
    ends = []
    for targets, first, second in _draw_means(size, areas, common, seeds, sets):
        found = compare_paired(targets, first, second).mean
        ends.append((found.low[0], found.high[0]))
    low, high = np.array(ends).T
    return _coverage(areas[0] - areas[1], low, high)


def delong_mean_coverage(
    size: tuple[int, float],
    areas: tuple[float, float],
    common: float,
    seeds: int = 1,
    sets: int = MEAN_SETS,
) -> Coverage:
    """The same of the difference plus and minus 1.96 standard errors, which knows no seeds."""
    differences = [
        paired_difference(auc(targets, first[0]), auc(targets, second[0]))
        for targets, first, second in _draw_means(size, areas, common, seeds, sets)
    ]
    value, error = np.array(differences).T
    return _coverage(areas[0] - areas[1], value - Z * error, value + Z * error)


def _draw_means(
    size: tuple[int, float], areas: tuple[float, float], common: float, seeds: int, sets: int
) -> Iterator[tuple[Floats, list[Floats], list[Floats]]]:
    """``(images, labels)`` of each set: the truth, and the scores of each training of both."""
    rng = np.random.default_rng(29)
    for _ in range(sets):
        targets = draw_truth(rng, *size)
        first, second = draw_scores(rng, targets, areas, common, seeds, shared_by_labels=0.5)
        yield targets, first, second


def draw_truth(rng: np.random.Generator, images: int, prevalence: float) -> Floats:
    """``(images, labels)``: labels that share a cause in each image."""
    likely = np.sqrt(0.5) * (rng.normal(size=(images, 1)) + rng.normal(size=(images, LABELS)))
    return (likely > NormalDist().inv_cdf(1 - prevalence)).astype(np.float64)


def _coverage(truth: float, low: Floats, high: Floats) -> Coverage:
    rounding = 1e-9
    return Coverage(
        covered=float(((low <= truth + rounding) & (truth - rounding <= high)).mean()),
        width=float((high - low).mean()),
    )


OF_LABEL = (label_coverage, delong_label_coverage)
OF_MEAN = (mean_coverage, delong_mean_coverage)


def tables(kept: KeptCells) -> str:
    """The tables, as Markdown."""
    heads = "true AUC | in common | covers | mean width | DeLong covers | DeLong width |"
    rule = "|---:|---:|---:|---:|---:|---:|---:|"
    lines: list[str] = []
    for seeds in SEEDS:
        several = COMMON if seeds == 1 else COMMON[:1]
        lines += [f"| positives, negatives; seeds: {seeds} | {heads}", rule]
        lines += [
            _row(f"{size[0]}, {size[1]}", areas, common, kept, OF_LABEL, size, seeds)
            for size in SIZES
            for areas in AREAS
            for common in several
        ]
        lines += ["", f"| images, prevalence; seeds: {seeds} | {heads}", rule]
        lines += [
            _row(f"{size[0]}, {size[1]}", areas, common, kept, OF_MEAN, size, seeds)
            for size in PREVALENCE
            for areas in MEAN_AREAS
            for common in several
        ]
        lines += [""]
    return "\n".join(lines)


def _row(
    case: str,
    areas: tuple[float, float],
    common: float,
    kept: KeptCells,
    simulations: Sequence[Callable[..., Coverage]],
    size: tuple[float, float],
    seeds: int,
) -> str:
    texts = [case, f"{areas[0]:g}, {areas[1]:g}", f"{common:g}"]
    for simulate in simulations:
        cell = f"{simulate.__name__} {size} {areas} {common} {seeds}"
        covers = kept.get(cell, partial(_numbers, simulate, size, areas, common, seeds))
        found = Coverage(*covers)
        texts += [f"{found.covered:.3f}", f"{found.width:.3f}"]
    return f"| {' | '.join(texts)} |"


def _numbers(simulate: Callable[..., Coverage], *of_cell: Any) -> Numbers:
    return [*astuple(simulate(*of_cell))]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="file that keeps finished cells")
    print(tables(KeptCells(parser.parse_args().keep)))
