"""Configurations of known worth, scored on the same images, as a search has them.

Images that are hard for one configuration are hard for most, labels share causes in their truth and
in their scores, and the seeds of a configuration differ in worth.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from results.ranking.errors import Errors, estimate
from sedn.arrays import Floats

Scores = NDArray[np.float32]

LABELS = 8
SETS = 2000
"""Sets of images of each case."""
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

    @property
    def negatives(self) -> int:
        """Images without each label."""
        return self.images - self.positives


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
    n, many = case.images, case.configurations
    likely = generator.normal(size=(n, 1)) + generator.normal(size=(n, case.labels))
    # The images in the order of each label: those that have the label come first.
    order = np.argsort(-likely, axis=0).T
    middle = NormalDist().inv_cdf(case.area) * np.sqrt(2)
    worth = middle + case.spread * SHAPES[case.shape](generator, many)
    own = case.of_seeds if case.seeds > 1 else 0.0
    shifts = (worth[:, None] + own * generator.normal(size=(many, case.seeds))).ravel()
    scores = _noise(case, order, generator)
    scores[..., : case.positives] += shifts.astype(np.float32)[:, None, None]
    means, influences = mean_aucs(order, scores, case.positives)
    by_seed = means.reshape(many, case.seeds)
    truth = ndtr(worth / np.sqrt(2 + own**2))
    rarer = min(case.positives, case.negatives)
    values, errors = estimate(means, influences / n, np.arange(len(means)) // case.seeds, rarer)
    stderrs = np.sqrt(np.square(influences / n).sum(axis=1)).reshape(many, case.seeds)
    return Drawn(truth, values, errors, by_seed, stderrs)


def _noise(case: Case, order: NDArray[np.int64], generator: np.random.Generator) -> Scores:
    """``(rows, labels, images)``: what a score is beside the truth, in the labels' order."""
    n, rows = case.images, case.configurations * case.seeds
    hard = generator.normal(size=(n, 1)) + generator.normal(size=(n, case.labels))
    of_image = generator.standard_normal((rows, n), dtype=np.float32)
    noise = generator.standard_normal((rows, case.labels, n), dtype=np.float32)
    for label, images in enumerate(order):
        noise[:, label] += of_image[:, images]
    noise *= np.float32(np.sqrt((1 - SHARED) / 2))
    noise += np.sqrt(SHARED / 2) * np.take_along_axis(hard.T, order, axis=1).astype(np.float32)
    return noise


def mean_aucs(order: NDArray[np.int64], scores: Scores, positives: int) -> tuple[Floats, Floats]:
    """The mean AUC of many rows at once ``(rows,)``, and each image's influence ``(rows, images)``.

    What :func:`sedn.metrics.auc` gives for each, where no scores are tied and each label has as
    many positives.

    Args:
        order: ``(labels, images)``: the images of each label, those that have the label first.
        scores: ``(rows, labels, images)``, in this order.
        positives: images with each label.
    """
    rows, labels, n = scores.shape
    negatives = n - positives
    ascending = np.argsort(scores, axis=-1)
    positives_passed = np.cumsum(ascending < positives, axis=-1)
    right = np.where(
        ascending < positives,
        (np.arange(1, n + 1) - positives_passed) / negatives,
        (positives - positives_passed) / positives,
    )
    # The share of the other class on the right side of each image.
    sides = np.empty_like(right)
    np.put_along_axis(sides, ascending, right, axis=-1)
    of_positives, of_negatives = sides[..., :positives], sides[..., positives:]
    areas = of_positives.mean(axis=-1)
    components = np.concatenate(
        [
            (of_positives - areas[..., None]) * np.sqrt(positives / (positives - 1)) / positives,
            (of_negatives - areas[..., None]) * np.sqrt(negatives / (negatives - 1)) / negatives,
        ],
        axis=-1,
    )
    influence = np.zeros((rows, n))
    for label, images in enumerate(order):
        influence[:, images] += components[:, label]
    return areas.mean(axis=1), influence * (n / labels)
