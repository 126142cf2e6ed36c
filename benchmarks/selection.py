"""How far what is said of a ranking is right, by simulation.

``python -m benchmarks.selection 600`` prints the tables of ``docs/statistics.md``. Configurations
of known worth are scored on the same images, as a search has them: images that are hard for one are
hard for most, labels share causes in their truth and in their scores, and a configuration's seeds
differ in worth.
"""

import os
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from results.database.models import Label
from results.ranking.confidence_set import lower_bounds, may_be_best
from results.ranking.errors import Errors, estimate
from results.ranking.pooling import of_labels, of_means, pool
from results.ranking.probability import probability_best
from results.ranking.winner import winner
from sedn.style import share_text

Floats = NDArray[np.float64]

LABELS = 8
SETS = 2000
"""Sets of images of each case of rankings."""
INTERVAL_SETS = 2000
"""Sets of images of each case of intervals."""
SHARED = 0.5
"""Part of a score's variance that all configurations share: some images are hard for all."""


SHAPES: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "normal": lambda generator, many: generator.normal(size=many),
    # Most are near the best, and some far below.
    "tail below": lambda generator, many: -generator.exponential(size=many),
    "one ahead": lambda generator, many: np.eye(many)[0],
}


@dataclass(frozen=True)
class Case:
    """What is drawn."""

    positives: int
    """Images with each label."""
    area: float
    """The AUC around which the configurations lie."""
    seeds: int = 1
    spread: float = 0.0
    """Standard deviation of the configurations' worth, in standard deviations of the scores."""
    shape: str = "normal"
    """How the worths lie: one of :data:`SHAPES`."""
    configurations: int = 20
    images: int = 100
    labels: int = LABELS
    of_seeds: float = 0.1
    """Standard deviation between seeds, in the same unit."""
    sets: int = SETS


@dataclass(frozen=True)
class Drawn:
    """One set of images with the configurations that were scored on it."""

    truth: Floats
    """``(configurations,)``: true mean AUC, over images and seeds."""
    values: Floats
    errors: Errors
    by_seed: Floats
    """``(configurations, seeds)``: mean AUC of each training."""
    stderrs: Floats
    """``(configurations, seeds)``: its standard error."""


def draw(case: Case) -> Iterator[Drawn]:
    """All sets of a case, always the same."""
    cell = [case.positives, round(1000 * case.area), case.seeds, round(1000 * case.spread)]
    generator = np.random.default_rng([*cell, case.configurations, case.labels])
    for _ in range(case.sets):
        yield _one(case, generator)


def _one(case: Case, generator: np.random.Generator) -> Drawn:
    n, many, labels = case.images, case.configurations, case.labels
    rows = many * case.seeds
    likely = generator.normal(size=(n, 1)) + generator.normal(size=(n, labels))
    targets = np.zeros((n, labels), dtype=bool)
    np.put_along_axis(targets, np.argsort(-likely, axis=0)[: case.positives], True, axis=0)
    middle = NormalDist().inv_cdf(case.area) * np.sqrt(2)
    worth = middle + case.spread * SHAPES[case.shape](generator, many)
    own = case.of_seeds if case.seeds > 1 else 0.0
    shifts = worth[:, None] + own * generator.normal(size=(many, case.seeds))
    hard = np.sqrt(0.5) * (generator.normal(size=(n, 1)) + generator.normal(size=(n, labels)))
    each = np.sqrt(0.5) * (
        generator.normal(size=(rows, n, 1)) + generator.normal(size=(rows, n, labels))
    )
    noise = np.sqrt(SHARED) * hard + np.sqrt(1 - SHARED) * each
    scores = noise + shifts.reshape(rows, 1, 1) * targets
    means, influences = mean_aucs(targets, scores)
    by_seed = means.reshape(many, case.seeds)
    truth = ndtr(worth / np.sqrt(2 + own**2))
    rarer = min(case.positives, n - case.positives)
    values, errors = estimate(means, influences / n, np.arange(rows) // case.seeds, rarer)
    stderrs = np.sqrt(np.square(influences / n).sum(axis=1)).reshape(many, case.seeds)
    return Drawn(truth, values, errors, by_seed, stderrs)


def mean_aucs(targets: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """The mean AUC of many rows at once ``(rows,)``, and each image's influence ``(rows, images)``.

    What :func:`sedn.metrics.auc` gives for each, where no scores are tied and each label has as
    many positives.

    Args:
        targets: ``(images, labels)``.
        scores: ``(rows, images, labels)``.
    """
    n, labels = scores.shape[1:]
    positives = int(targets[:, 0].sum())
    negatives = n - positives
    order = np.argsort(scores, axis=1)
    sorted_targets = targets[order, np.arange(labels)]
    passed = np.cumsum(sorted_targets, axis=1)
    places = np.arange(n)[None, :, None]
    components = np.where(
        sorted_targets, (places + 1 - passed) / negatives, (positives - passed) / positives
    )
    areas = (components * sorted_targets).sum(axis=1) / positives
    weights = np.where(
        sorted_targets,
        np.sqrt(positives / (positives - 1)) / positives,
        np.sqrt(negatives / (negatives - 1)) / negatives,
    )
    influence = np.empty_like(components)
    np.put_along_axis(influence, order, (components - areas[:, None]) * weights * n, axis=1)
    return areas.mean(axis=1), influence.mean(axis=2)


@dataclass(frozen=True)
class Judged:
    """How often what is said of a ranking is right."""

    holds_best: float
    """Share of sets in which the confidence set holds the truly best configuration."""
    size: float
    """Share of the configurations that are in it, in the mean."""
    better: float
    """Share of sets in which something is called better than the first configuration and is not."""
    covered: float
    """Share of sets in which the interval of the first of the ranking holds what it is worth."""
    optimism: float
    """How far the first's value lies above what it is worth, in the mean."""
    estimated: float
    """How far it is said to."""


def judge(case: Case) -> Judged:
    """Confidence set, comparison with a baseline, and optimism."""
    rows = []
    for drawn in draw(case):
        inside = may_be_best(drawn.values, drawn.errors)
        above = lower_bounds(drawn.values, drawn.errors, 0)
        first, best = np.argmax(drawn.values), np.argmax(drawn.truth)
        is_wrong = (above > drawn.truth - drawn.truth[0]) & (above > 0)
        expected = winner(drawn.values, drawn.errors)
        if expected is None:
            continue
        worth = drawn.truth[first]
        covered = expected.low <= worth <= expected.high
        excess = expected.value - worth, expected.optimism
        rows.append((inside[best], inside.mean(), is_wrong.any(), covered, *excess))
    return Judged(*np.mean(rows, axis=0).tolist())


def interval_coverage(case: Case) -> float:
    """Share of sets in which a configuration's interval holds its mean AUC, or its AUC where there
    is one label, over images and seeds.
    """
    sets = list(draw(case))
    frame = pd.DataFrame(
        {
            "label": "label",
            "set": np.repeat(np.arange(len(sets)), case.seeds),
            "seed": np.tile(np.arange(case.seeds), len(sets)),
            "auc": np.concatenate([drawn.by_seed[0] for drawn in sets]),
            "stderr": np.concatenate([drawn.stderrs[0] for drawn in sets]),
        }
    )
    label = Label(name="label", validation_positives=case.positives, validation_known=case.images)
    ends = of_labels([label]) if case.labels == 1 else of_means([label] * case.labels)
    pooled = pool(frame, ["label", "set"], ends)
    truth = np.array([drawn.truth[0] for drawn in sets])
    return float(((pooled["low"] <= truth) & (truth <= pooled["high"])).mean())


def said_and_true(
    cases: Sequence[Case], edges: Sequence[float] = (0.1, 0.3, 0.5, 0.7, 0.9)
) -> list[tuple[float, float, int]]:
    """Probabilities to be the best, in bins: what was said in the mean, how often it was true, and
    how many there were.
    """
    said, true = [], []
    for case in cases:
        for drawn in draw(case):
            said.append(probability_best(drawn.values, drawn.errors, 1000))
            true.append(np.arange(case.configurations) == np.argmax(drawn.truth))
    probabilities, outcomes = np.concatenate(said), np.concatenate(true)
    bins = np.digitize(probabilities, edges)
    return [
        (
            float(probabilities[bins == i].mean()),
            float(outcomes[bins == i].mean()),
            int(sum(bins == i)),
        )
        for i in range(len(edges) + 1)
    ]


def cells(sets: int) -> Iterator[Case]:
    """All cases of the tables."""
    for positives, images in ((5, 100), (10, 100), (50, 200)):
        for area in (0.6, 0.9, 0.99):
            for seeds in (1, 5):
                yield Case(positives, area, seeds, images=images, sets=sets)


PROBABILITY_SPREADS = (0.02, 0.05, 0.1, 0.2, 0.4)


def probability_cases(cell: Case, sets: int) -> list[Case]:
    """Four configurations, as far apart as may be."""
    return [
        replace(cell, configurations=4, spread=spread, sets=sets) for spread in PROBABILITY_SPREADS
    ]


def rows(cell: Case) -> tuple[str, str]:
    """A line of the table of intervals and sets, and one of that of optimism."""
    alone = replace(cell, configurations=1, sets=INTERVAL_SETS)
    label, mean = interval_coverage(replace(alone, labels=1)), interval_coverage(alone)
    level, apart = judge(cell), judge(replace(cell, spread=0.2))
    ahead = judge(replace(cell, spread=0.5, shape="one ahead"))
    held = f"{level.holds_best:.3f} | {apart.holds_best:.3f} | {share_text(apart.size, 0)}"
    called = f"{level.better:.3f} | {apart.better:.3f}"
    optimism = " | ".join(
        f"{one.covered:.3f} | {one.optimism:.4f} | {one.estimated:.4f}"
        for one in (level, apart, ahead)
    )
    return (
        f"{_head(cell)} | {label:.3f} | {mean:.3f} | {held} | {called} |",
        f"{_head(cell)} | {optimism} |",
    )


def probability_row(cell: Case, sets: int) -> str:
    """A line of the table of probabilities."""
    bins = said_and_true(probability_cases(cell, sets))
    return f"{_head(cell)} | " + " | ".join(f"{true:.2f}" for _, true, _ in bins) + " |"


def _head(cell: Case) -> str:
    return f"| {cell.positives}, {cell.images - cell.positives} | {cell.area:g} | {cell.seeds}"


def tables(sets: int) -> Iterator[str]:
    """The lines of all three, as Markdown."""
    case = "| positives, negatives | true AUC | seeds |"
    called = "level, falsely better | apart, falsely better |"
    held = "level, holds the best | apart, holds the best | apart, size |"
    part = "covers | optimism | said |"
    heads = [
        f"{case} label covers | mean covers | {held} {called}",
        f"{case} level, {part} apart, {part} one ahead, {part}",
        f"{case} to 0.1 | 0.1 to 0.3 | 0.3 to 0.5 | 0.5 to 0.7 | 0.7 to 0.9 | from 0.9 |",
    ]
    found = [(*rows(cell), probability_row(cell, sets // 5)) for cell in cells(sets)]
    for head, body in zip(heads, zip(*found, strict=True), strict=True):
        yield from (head, "|" + "---:|" * (head.count("|") - 1), *body, "")


if __name__ == "__main__":
    print("\n".join(tables(int(sys.argv[1]) if len(sys.argv) > 1 else SETS)))
