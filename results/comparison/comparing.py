"""Two sides compared on the same images."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from results.columns import Columns, objects
from results.comparison.sides import Side, baseline_of, find_side
from results.database.store import Store
from results.predictions import Predictions
from sedn.errors import UserError
from sedn.metrics import SIGNIFICANCE, PairedComparison, compare_paired

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Comparison:
    """Two sides compared on the same images, of one validation split or of the same folds."""

    first: Side
    second: Side
    labels: tuple[str, ...]
    positives: NDArray[np.int64]
    """``(labels,)``: images with each label."""
    paired: PairedComparison

    @property
    def has_groups(self) -> bool:
        """Whether images of one group were counted as one draw."""
        return self.paired.units < self.paired.images

    @property
    def folds(self) -> int | None:
        """Into how many the images are cut; ``None``: they are one validation split."""
        of_images = self.first.trainings[0].folds
        return max(of_images) + 1 if of_images else None

    def counted(self, difference: float, p: float) -> float:
        """The p of a difference, times the number of configurations of which the side that is
        ahead was chosen as the best on the same images (Bonferroni).
        """
        ahead = self.first if difference > 0 else self.second
        return min(p * ahead.best_of, 1.0)

    def frame(self) -> "pd.DataFrame":
        """One row per label, as :meth:`by_label` gives them."""
        return self.by_label().frame()

    def by_label(self) -> Columns:
        """One row per label, in the order of the data.

        Returns:
            Columns label, positives, first and second (AUC, means over seeds), difference (first
            less second), low and high (its 95 % interval), p, p_holm (p by Holm's method, for all
            labels together) and differs (whether that is below 0.05). NaN where validation lacks
            images with or without the label.
        """
        paired = self.paired
        return Columns(
            {
                "label": objects(self.labels),
                "positives": self.positives,
                "first": paired.first,
                "second": paired.second,
                "difference": paired.labels.value,
                "low": paired.labels.low,
                "high": paired.labels.high,
                "p": paired.labels.p,
                "p_holm": paired.adjusted,
                "differs": paired.adjusted < SIGNIFICANCE,
            }
        )

    def mean(self) -> dict[str, float]:
        """The comparison of the mean AUC over labels: first, second, difference, low, high and
        p.
        """
        mean = self.paired.mean
        return {
            "first": self.paired.mean_first,
            "second": self.paired.mean_second,
            "difference": float(mean.value[0]),
            "low": float(mean.low[0]),
            "high": float(mean.high[0]),
            "p": float(mean.p[0]),
        }


def compare(
    store: Store | None, first: str, second: str | None = None, storage: str | None = None
) -> Comparison:
    """Compare two trials, configurations or runs on the validation images that they share.

    Args:
        store: has the experiments; ``None`` where both are folders of runs.
        first: ``"NAME:12"`` for a trial, ``"NAME#1"`` for the configuration at a rank with all its
            seeds, ``"NAME:baseline"``, ``"NAME"`` for the leader, or the folder of a run.
        second: the same; by default the baseline of the experiment that ``first`` is of.
        storage: folder or URI below which the checkpoints of searches lie now, where they were
            moved.

    Raises:
        UserError: one of them cannot be had, both are, or share, a training, or they were not
            validated on the same images and labels.
    """
    one = find_side(store, first, storage)
    return compare_sides(one, find_side(store, second or baseline_of(first), storage))


def compare_sides(first: Side, second: Side) -> Comparison:
    """Compare two sides.

    Raises:
        UserError: as :func:`compare`.
    """
    one = first.trainings[0]
    for training in (*first.trainings, *second.trainings):
        if training.fingerprint != one.fingerprint:
            raise UserError(
                f"'{first.name}' and '{second.name}': cannot be compared, as "
                f"{_difference(one, training)}; both must have the same split or folds"
            )
    if shared := first.identities & second.identities:
        raise UserError(_shared(first, second, len(shared)))
    paired = compare_paired(
        one.targets,
        [training.scores for training in first.trainings],
        [training.scores for training in second.trainings],
        one.numbered_groups,
        one.numbered_folds,
    )
    positives = (one.targets == 1).sum(axis=0)
    return Comparison(first, second, one.labels, positives, paired)


def _difference(one: Predictions, other: Predictions) -> str:
    """In what two validation splits differ, in a clause."""
    if set(one.labels) != set(other.labels):
        alone = sorted(set(one.labels) ^ set(other.labels))
        return f"their labels differ ({', '.join(alone[:3])}{' …' if len(alone) > 3 else ''})"
    if one.labels != other.labels:
        return "their labels come in another order"
    counts = [max(side.folds, default=0) + 1 for side in (one, other)]
    if counts[0] != counts[1]:
        valued = ["one cut" if count == 1 else f"{count} folds" for count in counts]
        return f"they were validated on {valued[0]} and {valued[1]}"
    if len(one.images) != len(other.images):
        return f"they were validated on {len(one.images)} and {len(other.images)} images"
    differing = sum(a != b for a, b in zip(one.images, other.images, strict=True))
    if differing:
        return f"{differing} of their {len(one.images)} images differ"
    if one.folds != other.folds:
        return "their images are in other folds"
    return "the truth of their images is another"


def _shared(first: Side, second: Side, shared: int) -> str:
    both = f"'{first.name}' and '{second.name}'"
    if first.identities == second.identities:
        return f"{both}: are the same training; name two that differ"
    trainings = "a training" if shared == 1 else f"{shared} trainings"
    return f"{both}: have {trainings} in common; name two that share none"
