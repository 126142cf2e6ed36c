"""Scores of a confirmation: its configurations against the baseline, over seeds and images.

Each configuration's mean AUC is that over its seeds. A difference to the baseline is paired over
images, as all trainings score the same ones, and has the spread between seeds beside it. The
intervals of the differences hold together for all configurations (Bonferroni), as the largest of
several is looked at first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from results.predictions import Predictions
from results.ranking.errors import Errors, estimate, rarer_class
from results.ranking.pooling import intervals_of
from results.ranking.probability import probability_best
from sedn.arrays import Floats
from sedn.errors import UserError
from sedn.metrics import auc_within
from sedn.metrics.student import student_quantile
from sedn.training.checkpoints.influence import influence_of

LEVEL = 0.95


@dataclass(frozen=True)
class Score:
    """The scores of one configuration on a split."""

    mean_auc: float
    """Over labels and seeds."""
    low: float
    """95 % interval, over images and seeds."""
    high: float
    probability_best: float
    """The probability of being the best of all that were confirmed, the baseline included."""
    gain: float | None = None
    """Difference of the mean AUC to that of the baseline; ``None`` for the baseline."""
    gain_low: float | None = None
    """Its 95 % interval, which holds for all configurations together."""
    gain_high: float | None = None


@dataclass(frozen=True)
class Confirmed:
    """A configuration of a confirmation, with its scores."""

    title: str
    config_hash: str
    trials: tuple[int, ...]
    """Numbers in the confirmation's experiment, one for each seed."""
    validation: Score
    test: Score | None
    """``None`` where the test split has no label with images of both classes."""

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Confirmed":
        """Read back what :meth:`to_json` gave."""
        return cls(
            fields["title"],
            fields["config_hash"],
            tuple(fields["trials"]),
            Score(**fields["validation"]),
            fields["test"] and Score(**fields["test"]),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def best_confirmed(confirmed: Sequence[Confirmed]) -> Confirmed:
    """The best on validation: the test split chooses nothing."""
    return max(confirmed, key=lambda one: one.validation.mean_auc)


@dataclass(frozen=True)
class _Reached:
    """The AUC of a training on a split, the mean over its networks."""

    mean_auc: float
    influences: Floats
    """``(groups,)``: as :class:`sedn.training.checkpoints.influence.Influence` has them."""

    @classmethod
    def of(cls, networks: Sequence[Predictions]) -> "_Reached":
        estimates = [auc_within(one.targets, one.scores, one.numbered_folds) for one in networks]
        of_groups = [influence_of(*pair).values for pair in zip(networks, estimates, strict=True)]
        return cls(
            float(np.mean([one.mean for one in estimates])),
            np.mean(of_groups, axis=0),
        )


def score_candidates(
    candidates: Mapping[str, Sequence[Sequence[Predictions]]],
) -> dict[str, Score]:
    """Score each configuration on one split.

    Args:
        candidates: by the configuration's title, the baseline first: for each seed what its
            networks say of the images, one network as a rule. The AUC of several, as those of a
            training over folds on images that none of them saw, is the mean of theirs.

    Raises:
        UserError: the predictions are of different images, labels or truths.
    """
    trained = [(title, one) for title, several in candidates.items() for one in several]
    first = trained[0][1][0]
    if any(one.fingerprint != first.fingerprint for _, several in trained for one in several):
        raise UserError(
            f"the trials of the confirmation scored different images or labels of the "
            f"{first.split} split, so they cannot be compared"
        )
    titles = list(candidates)
    reached = [_Reached.of(networks) for _, networks in trained]
    values, errors = estimate(
        np.array([one.mean_auc for one in reached]),
        np.stack([one.influences for one in reached]),
        np.array([titles.index(title) for title, _ in trained]),
        rarer_class(*_classes(first)),
    )
    return dict(zip(titles, score_values(values, errors, *_classes(first)), strict=True))


def score_values(
    values: Floats, errors: Errors, positives: ArrayLike, negatives: ArrayLike
) -> list[Score]:
    """The scores of configurations of which mean AUCs and their errors are known.

    Args:
        values: ``(configurations,)``: mean AUC of each, over its seeds; the baseline's first.
        errors: of the values.
        positives: ``(labels,)``: images with each label.
        negatives: ``(labels,)``: images known not to have it.
    """
    ends = intervals_of(values, errors, positives, negatives)
    probable = probability_best(values, errors)
    bounds = _gain_bounds(values, errors)
    return [
        Score(
            mean_auc=float(values[row]),
            low=float(ends[row, 0]),
            high=float(ends[row, 1]),
            probability_best=float(probable[row]),
            gain=float(values[row] - values[0]) if row else None,
            gain_low=float(bounds[row, 0]) if row else None,
            gain_high=float(bounds[row, 1]) if row else None,
        )
        for row in range(len(values))
    ]


def _classes(predictions: Predictions) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``(labels,)`` each: images with the label, and images known to be without it."""
    truth = predictions.targets
    return (truth == 1).sum(axis=0), (truth == 0).sum(axis=0)


def _gain_bounds(values: Floats, errors: Errors) -> Floats:
    """``(configurations, 2)``: bounds of the differences to the first configuration."""
    several = max(len(values) - 1, 1)
    tail = 1 - (1 - LEVEL) / (2 * several)
    images, seeds = errors.over_images, errors.over_seeds
    of_images = np.diag(images) + images[0, 0] - 2 * images[0]
    of_both = errors.of_both + errors.of_both[0]
    by_images = student_quantile(errors.image_freedom, tail) ** 2 * np.maximum(
        of_images - of_both, 0.0
    )
    freedom = errors.seed_freedom
    by_seeds = (
        student_quantile(freedom, tail) ** 2 * (seeds + seeds[0] + of_both)
        if np.isfinite(freedom)
        else 0.0
    )
    half = np.sqrt(by_images + by_seeds)
    gains = values - values[0]
    return np.stack([gains - half, gains + half], axis=1)
