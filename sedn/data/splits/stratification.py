"""Drawing parts of given shares, so that each part has its share of the images of every label.

Images alone are drawn by iterative stratification (Sechidis et al., ECML PKDD 2011). Groups, which
weigh as many images as they have, are placed from the largest to the smallest where the shares then
come out best, and moved as long as a move betters them.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
_PASSES = 4
_IMAGES_WEIGH = 4.0
"""Against all labels together: shares in images come first."""


def draw_images(has_label: Counts, shares: Sequence[float], seed: int) -> Counts:
    """``(images,)``: the part of each image; as many parts as images, at most, have one.

    Args:
        has_label: ``(images, labels)``, 1 where an image has the label.
        shares: of the parts; together 1. The first part gets what the others leave.
        seed: of the draw.
    """
    drawn = np.zeros(len(has_label), dtype=np.int64)
    left = np.arange(len(has_label))
    rest = 1.0
    for part in range(len(shares) - 1, 0, -1):
        if len(left) < 2:
            break
        taken = min(max(1, round(len(left) * shares[part] / rest)), len(left) - 1)
        out = _stratified(has_label[left], taken, seed)
        if not 0 < out.sum() <= len(left) - part:
            # Stratifying rounds for each label, so of few images, or of labels that one image has,
            # it may leave a part without any.
            out = np.random.default_rng(seed).permutation(len(left)) < taken
        drawn[left[out]] = part
        left, rest = left[~out], rest - shares[part]
    return drawn


def draw_groups(sizes: Counts, positives: Counts, shares: Sequence[float], seed: int) -> Counts:
    """``(groups,)``: the part of each group; each part has a group where there are enough.

    Args:
        sizes: ``(groups,)``, images of each.
        positives: ``(groups, labels)``, images of each that have the label.
        shares: of the parts in images; together 1.
        seed: of the draw.
    """
    counts = np.column_stack([sizes, positives]).astype(np.float64)
    wanted = np.outer(shares, counts.sum(axis=0))
    weight = 1 / np.maximum(wanted, 1)
    weight[:, 0] *= _IMAGES_WEIGH * max(positives.shape[1], 1)
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    drawn = np.full(len(sizes), -1, dtype=np.int64)
    over = -wanted
    for group in order:
        drawn[group] = np.argmin(_cost_of_adding(counts[group], over, weight))
        over[drawn[group]] += counts[group]
    for _ in range(_PASSES):
        if not _better(order, counts, drawn, over, weight):
            break
    _fill(counts, drawn, over, weight)
    return drawn


def _cost_of_adding(
    counts: NDArray[np.float64], over: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """``(parts,)``: what a group adds to the weighted squares of what each part has too much.

    Args:
        counts: ``(1 + labels,)``, images of the group and those that have each label.
        over: ``(parts, 1 + labels)``, what each part has beyond its share.
        weight: as ``over``.
    """
    return np.asarray((weight * counts * (2 * over + counts)).sum(axis=1))


def _better(
    order: Counts,
    counts: NDArray[np.float64],
    drawn: Counts,
    over: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> bool:
    """Move each group to where it costs least; whether one was moved."""
    moved = False
    for group in order:
        at = drawn[group]
        over[at] -= counts[group]
        cost = _cost_of_adding(counts[group], over, weight)
        to = int(np.argmin(cost))
        # By more than what rounding of floats may feign, or two passes could undo each other.
        if cost[to] < cost[at] - 1e-9 * abs(cost[at]):
            drawn[group], moved = to, True
        over[drawn[group]] += counts[group]
    return moved


def _fill(
    counts: NDArray[np.float64],
    drawn: Counts,
    over: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> None:
    """Give each part without a group one of a part that has several: that which costs least."""
    parts = len(weight)
    for empty in range(parts):
        groups = np.bincount(drawn, minlength=parts)
        able = np.flatnonzero(groups[drawn] > 1)
        if groups[empty] or not len(able):
            continue
        costs = []
        for group in able:
            without = over.copy()
            without[drawn[group]] -= counts[group]
            cost = _cost_of_adding(counts[group], without, weight)
            costs.append(cost[empty] - cost[drawn[group]])
        group = able[int(np.argmin(costs))]
        over[drawn[group]] -= counts[group]
        over[empty] += counts[group]
        drawn[group] = empty


def _stratified(has_label: Counts, taken: int, seed: int) -> NDArray[np.bool_]:
    """``(images,)``: which of them are taken, about ``taken`` of them, so that each label's share
    is the same on both sides.
    """
    # The package imports scikit-learn, which takes its time.
    from iterstrat.ml_stratifiers import MultilabelStratifiedShuffleSplit

    if has_label.shape[1] == 1:
        # A single column would be taken for a target of two classes and refused; whether an image
        # has not the label is balanced by the same draw.
        has_label = np.hstack([has_label, 1 - has_label])
    stratified = MultilabelStratifiedShuffleSplit(1, test_size=taken, random_state=seed)
    _, rows = next(stratified.split(has_label, has_label))
    out = np.zeros(len(has_label), dtype=bool)
    out[rows] = True
    return out
