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
import pandas as pd
from scipy.special import stdtrit

from results.predictions import Predictions
from results.ranking.errors import Errors, estimate, rarer_class
from results.ranking.pooling import pool
from results.ranking.probability import probability_best
from sedn.errors import UserError
from sedn.metrics import auc, mean_interval
from sedn.metrics.ranking import Floats
from sedn.metrics.roc import AucEstimate
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


def score_candidates(candidates: Mapping[str, Sequence[Predictions]]) -> dict[str, Score]:
    """Score each configuration on one split.

    Args:
        candidates: predictions of all seeds by the configuration's title, the baseline first.

    Raises:
        UserError: the predictions are of different images, labels or truths.
    """
    trained = [(title, one) for title, several in candidates.items() for one in several]
    first = trained[0][1]
    if any(one.fingerprint != first.fingerprint for _, one in trained):
        raise UserError(
            f"the trials of the confirmation scored different images or labels of the "
            f"{first.split} split, so they cannot be compared"
        )
    titles = list(candidates)
    estimates = [auc(one.targets, one.scores) for _, one in trained]
    values, errors = estimate(
        np.array([one.mean for one in estimates]),
        np.stack(
            [influence_of(one, of).values for (_, one), of in zip(trained, estimates, strict=True)]
        ),
        np.array([titles.index(title) for title, _ in trained]),
        rarer_class(estimates[0].positives, estimates[0].negatives),
    )
    ends = _intervals(trained, estimates).loc[titles, ["low", "high"]].to_numpy(dtype=np.float64)
    probable = probability_best(values, errors)
    bounds = _gain_bounds(values, errors)
    return {
        title: Score(
            mean_auc=float(values[row]),
            low=float(ends[row, 0]),
            high=float(ends[row, 1]),
            probability_best=float(probable[row]),
            gain=float(values[row] - values[0]) if row else None,
            gain_low=float(bounds[row, 0]) if row else None,
            gain_high=float(bounds[row, 1]) if row else None,
        )
        for row, title in enumerate(titles)
    }


def _intervals(
    trained: Sequence[tuple[str, Predictions]], estimates: Sequence[AucEstimate]
) -> pd.DataFrame:
    """The mean AUC of each title over its seeds, with its interval, by title."""
    frame = pd.DataFrame(
        {
            "title": [title for title, _ in trained],
            "seed": [one.seed for _, one in trained],
            "auc": [one.mean for one in estimates],
            "stderr": [one.mean_stderr for one in estimates],
        }
    )
    positives, negatives = estimates[0].positives, estimates[0].negatives
    return pool(
        frame,
        ["title"],
        lambda rows: mean_interval(rows["auc"], rows["stderr"], positives, negatives),
    )


def _gain_bounds(values: Floats, errors: Errors) -> Floats:
    """``(configurations, 2)``: bounds of the differences to the first configuration."""
    several = max(len(values) - 1, 1)
    tail = 1 - (1 - LEVEL) / (2 * several)
    images, seeds = errors.over_images, errors.over_seeds
    of_images = np.diag(images) + images[0, 0] - 2 * images[0]
    by_images = stdtrit(errors.image_freedom, tail) ** 2 * np.maximum(of_images, 0.0)
    freedom = errors.seed_freedom
    by_seeds = stdtrit(freedom, tail) ** 2 * (seeds + seeds[0]) if np.isfinite(freedom) else 0.0
    half = np.sqrt(by_images + by_seeds)
    gains = values - values[0]
    return np.stack([gains - half, gains + half], axis=1)
