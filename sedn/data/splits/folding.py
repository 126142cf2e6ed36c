"""Drawing folds of the images that a search may see, by group and stratified by every label.

Groups, an image of no group being one by itself, are placed from the largest to the smallest where
sizes and labels then come out most even, which is iterative stratification (Sechidis et al., ECML
PKDD 2011) by the need of all labels at once. Then they are exchanged or moved as long as that makes
the folds more even. That is counted in whole numbers, so that rounding decides nothing.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sedn.data.dataset import cut
from sedn.data.splits.stratification import Counts, draw_groups
from sedn.errors import UserError

_DRAWS = 20
"""Draws until one gives each fold both classes of every label."""
_PASSES = 8
_PARTNERS = 512
"""Groups, at most, with which a group may be exchanged in a pass."""
_PARTNERS_OF_MANY = 64
_MANY = 5_000
"""Groups from which on fewer partners are tried."""


def draw_folds(
    targets: NDArray[np.float32],
    labels: Sequence[str],
    groups: Sequence[str],
    folds: int,
    seed: int,
) -> Counts:
    """Draw ``(images,)``: the fold of each image, from 0.

    Each fold has images with and without every label.

    Args:
        targets: ``(images, labels)``: 1, 0, between, or NaN where the truth is unknown.
        labels: their names.
        groups: the group of each image, ``""`` for none; empty where the data have no groups.
        folds: number of folds, 2 or more.
        seed: of the draw.

    Raises:
        UserError: there are fewer groups than folds, or a label has a class in too few of them.
    """
    truth = cut(targets)
    classes = np.hstack([truth == 1, truth == 0]).astype(np.int64)
    members = _number_groups(groups, len(truth))
    sizes = np.bincount(members)
    of_group = np.zeros((len(sizes), classes.shape[1]), dtype=np.int64)
    np.add.at(of_group, members, classes)
    unit = "group" if any(groups) else "image"
    _check_enough(of_group, labels, folds, unit)
    missing = 0
    for draw in range(_DRAWS):
        drawn_by = int(np.random.SeedSequence([seed, draw]).generate_state(1)[0])
        drawn = draw_groups(sizes, of_group[:, : len(labels)], [1 / folds] * folds, drawn_by)
        drawn = _even_out(drawn, sizes, of_group, folds, drawn_by)
        lacking = np.flatnonzero((_sums(drawn, of_group, folds) == 0).any(axis=0))
        if not len(lacking):
            return np.asarray(drawn[members])
        missing = int(lacking[0])
    raise UserError(
        f"`folds={folds}`: train and validation cannot be cut by {unit} so that each fold has "
        f"images {_class(missing, labels)}; give fewer folds"
    )


def _number_groups(groups: Sequence[str], images: int) -> Counts:
    """``(images,)``: a number for each group, in the order in which groups come."""
    names = [name or f"\0{row}" for row, name in enumerate(groups or [""] * images)]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], dtype=np.int64)


def _check_enough(of_group: Counts, labels: Sequence[str], folds: int, unit: str) -> None:
    """Refuse what no draw could part.

    Args:
        of_group: ``(groups, 2 * labels)``, images with each label, then without.
        labels: their names.
        folds: number of folds.
        unit: what stays whole, in a word.
    """
    if len(of_group) < folds:
        raise UserError(
            f"`folds={folds}`: train and validation have {_number(len(of_group), unit)}, and each "
            f"fold needs one; give fewer folds"
        )
    have = (of_group > 0).sum(axis=0)
    for column in np.flatnonzero(have < folds):
        raise UserError(
            f"`folds={folds}`: train and validation have {_number(int(have[column]), unit)} "
            f"{_class(int(column), labels)}, and each fold needs one; give fewer folds, or leave "
            f"the label out"
        )


def _number(count: int, unit: str) -> str:
    return f"{count} {unit}{'s' * (count != 1)}"


def _class(column: int, labels: Sequence[str]) -> str:
    """The class of a label that a column counts, in words."""
    word = "with" if column < len(labels) else "known to be without"
    return f"{word} label '{labels[column % len(labels)]}'"


def _sums(drawn: Counts, counts: Counts, folds: int) -> Counts:
    """``(folds, columns)``: the counts of each fold."""
    sums = np.zeros((folds, counts.shape[1]), dtype=np.int64)
    np.add.at(sums, drawn, counts)
    return sums


def _even_out(drawn: Counts, sizes: Counts, of_group: Counts, folds: int, seed: int) -> Counts:
    """Exchange and move groups as long as that leaves fewer classes without an image in some fold,
    or as many and the sums of squares over folds lower.
    """
    # A move is an exchange with a group of no images, of which each fold has one.
    counts = np.vstack(
        [np.column_stack([sizes, of_group]), np.zeros((folds, 1 + of_group.shape[1]), np.int64)]
    )
    drawn = np.concatenate([drawn, np.arange(folds)])
    weight = np.ones(counts.shape[1], dtype=np.int64)
    weight[0] = of_group.shape[1]
    # More than all squares together: that no class is missing comes first.
    missing = 1 + 4 * int((weight * counts.sum(axis=0) ** 2).sum())
    sums = _sums(drawn, counts, folds)
    generator = np.random.default_rng(seed)
    most = _PARTNERS if len(sizes) <= _MANY else _PARTNERS_OF_MANY
    for _ in range(_PASSES):
        moved = False
        for group in range(len(sizes)):
            others = np.arange(len(counts))
            if len(others) > most:
                others = np.append(
                    generator.choice(len(sizes), most, replace=False), others[-folds:]
                )
            change = counts[others] - counts[group]
            cost = _cost_of_exchange(
                change, sums[drawn[group]], sums[drawn[others]], weight, missing
            )
            cost[drawn[others] == drawn[group]] = 0
            best = int(cost.argmin())
            if cost[best] < 0:
                other = others[best]
                sums[drawn[group]] += change[best]
                sums[drawn[other]] -= change[best]
                drawn[group], drawn[other] = drawn[other], drawn[group]
                moved = True
        if not moved:
            break
    return drawn[: len(sizes)]


def _cost_of_exchange(
    change: Counts, own: Counts, theirs: Counts, weight: Counts, missing: int
) -> Counts:
    """``(others,)``: what each exchange adds to the weighted squares and the missing classes.

    Args:
        change: ``(others, columns)``, what the group's fold gains.
        own: ``(columns,)``, the sums of the group's fold.
        theirs: ``(others, columns)``, those of the others' folds.
        weight: ``(columns,)``, of squares.
        missing: what a class that no image of a fold has adds.
    """
    cost = 2 * (change * (own - theirs + change)) @ weight
    before = (own == 0).sum() + (theirs == 0).sum(axis=1)
    after = ((own + change) == 0).sum(axis=1) + ((theirs - change) == 0).sum(axis=1)
    return np.asarray(cost + missing * (after - before))
