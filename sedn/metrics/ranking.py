"""Every label's images in the order of their scores: what the metrics count on.

Sorting is nearly all the work. Scores of single and half precision are sorted by two stable sorts
of 16 bits each, which numpy does by radix, in a third of the time of a sort by comparison; numpy
lets go of the interpreter meanwhile, so blocks of labels are ranked in threads.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sedn.arrays import Ints

BLOCK = 8
"""Labels that are copied and ranked at a time."""
THREADS = 2
SMALL = 200_000
"""Entries up to which threads would cost more than they save."""

T = TypeVar("T")


@dataclass(frozen=True)
class Ranking:
    """The images whose truth is known for one label, by ascending score.

    All that the metrics ask follows from where the positive images stand.
    """

    images: Ints
    """``(known,)``: their numbers; an image's place is its position in here."""
    positives: Ints
    """``(positives,)``: the places of the images that have the label, ascending."""
    first: Ints
    """``(positives,)``: the place at which the scores equal to each positive's begin."""
    last: Ints
    """``(positives,)``: the place after which they have ended."""


def map_labels(
    targets: ArrayLike, scores: ArrayLike, function: Callable[[Iterator[Ranking]], T]
) -> list[T]:
    """What ``function`` makes of the rankings of each block of labels, in order.

    Args:
        targets: ``(images, labels)``: 1, 0, or NaN where the truth is unknown.
        scores: ``(images, labels)``, of any floating type.
        function: called with the rankings of consecutive labels; on several threads.

    Raises:
        ValueError: the shapes differ, a score is not finite, or a target is none of 0, 1, NaN.
    """
    truth, values = np.asarray(targets), np.asarray(scores)
    if truth.shape != values.shape or truth.ndim != 2:
        raise ValueError(
            f"targets {truth.shape} and scores {values.shape} must both be (images, labels)"
        )

    def block(first: int) -> T:
        return function(_rank_block(truth, values, first))

    firsts = range(0, truth.shape[1], BLOCK)
    if truth.size <= SMALL or len(firsts) == 1:
        return [block(first) for first in firsts]
    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(block, firsts))


def _rank_block(
    targets: NDArray[np.floating], scores: NDArray[np.floating], first: int
) -> Iterator[Ranking]:
    """Rank the labels from ``first`` on, one after the other."""
    columns = slice(first, first + BLOCK)
    values = np.ascontiguousarray(scores[:, columns].T)
    truth = np.ascontiguousarray(targets[:, columns].T)
    finite = np.isfinite(values)
    if not finite.all():
        label, image = np.argwhere(~finite)[0]
        score = values[label, image]
        raise ValueError(
            f"the score of image {image}, label {first + label} is {score}, not finite"
        )
    positive = truth == 1
    known = positive | (truth == 0)
    if not (known | np.isnan(truth)).all():
        raise ValueError("targets must be 0, 1 or NaN")
    for row, of_row, is_known in zip(values, positive, known, strict=True):
        yield _rank(row, of_row, is_known)


def _rank(
    scores: NDArray[np.floating], positive: NDArray[np.bool_], known: NDArray[np.bool_]
) -> Ranking:
    """Rank one label, all arguments ``(images,)``."""
    if known.all():
        images = _argsort(scores)
    else:
        kept = np.flatnonzero(known)
        images = kept.take(_argsort(scores.take(kept)))
    ranked = scores.take(images)
    positives = np.flatnonzero(positive.take(images))
    return Ranking(images, positives, *_tie_bounds(ranked, positives))


def _tie_bounds(ranked: NDArray[np.floating], places: Ints) -> tuple[Ints, Ints]:
    """The begin and end of the run of scores that are equal to the score at each of ``places``."""
    differs = np.ones(len(ranked) + 1, dtype=bool)
    np.not_equal(ranked[1:], ranked[:-1], out=differs[1:-1])
    first, last = places.copy(), places + 1
    # A search costs much more than a look at both neighbours, and few scores may be tied.
    tied = np.flatnonzero(~(differs.take(first) & differs.take(last)))
    equal = ranked.take(places.take(tied))
    first[tied] = np.searchsorted(ranked, equal, side="left")
    last[tied] = np.searchsorted(ranked, equal, side="right")
    return first, last


def _argsort(scores: NDArray[np.floating]) -> Ints:
    """The order of one row of finite scores, of equal ones any."""
    if scores.dtype not in (np.float32, np.float16):
        return np.argsort(scores)
    bits = scores.astype(np.float32).view(np.int32)
    # As integers, floats below zero are in reverse order: turn these around.
    keys = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    order = np.argsort(keys.astype(np.uint16), kind="stable")
    high = (keys >> 16).astype(np.int16)
    return order.take(np.argsort(high.take(order), kind="stable"))
