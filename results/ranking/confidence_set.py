"""The configurations that may be the best, and those that are better than the baseline.

**The set of the best.** A configuration stays in the set unless the images refute that it is the
best, that is unless some other one is better by more than luck explains. The test's statistic is
the largest of the differences to all others, each over its standard error; its critical value is
the quantile of that largest one where all differences are luck, so that the number of
configurations and how much they resemble each other are counted. The set holds the truly best
configuration with the asked probability, and with the same probability every configuration outside
is truly worse than the best (Mogstad, Romano, Shaikh and Wilhelm, Review of Economic Studies 91,
2024; Hsu's comparison with the best is its like for means of classes). Those that lie far below do
not raise the critical value: a part of the error is spent on finding them (Romano, Shaikh and Wolf,
Econometrica 82, 2014).

**Better than the baseline.** The same largest difference, to the baseline alone, is Dunnett's test:
with the asked probability, all that are called better than the baseline are so.
"""

import numpy as np
from numpy.typing import NDArray

from results.ranking.errors import Errors
from sedn.metrics.ranking import Floats
from sedn.metrics.student import student_quantile

DRAWS = 1000
"""Number of draws of the errors, for a quantile."""
SPENT = 0.1
"""Part of the error that is spent on finding what lies far below."""
ROUNDING = 1e-9
"""Differences up to this are no differences."""
FIRST_TRIED = 64
"""The largest of so many differences bounds that of all from below, and is found sooner."""


def may_be_best(
    values: Floats, errors: Errors, others: int = 0, level: float = 0.95
) -> NDArray[np.bool_]:
    """``(configurations,)``: whether each is in the confidence set of the best.

    Args:
        values: ``(configurations,)``: mean AUCs.
        errors: of the values.
        others: further configurations, with lower values, that are counted and not compared.
        level: the probability with which the set holds the best.
    """
    inside = ~is_far_below(values, errors, level)
    # The best first: the largest difference is most often to one of these.
    kept = np.flatnonzero(inside)[np.argsort(-values[inside], kind="stable")]
    near, of_near = values[kept], errors.of(kept)
    random = of_near.draws(DRAWS, np.random.default_rng(0)).astype(np.float32)
    least = _among(1 - (1 - level) * (1 - SPENT), len(kept), others)
    for position, number in enumerate(kept):
        spreads = _spreads(of_near, position)
        reached = _largest(near - near[position], spreads)
        inside[number] = reached <= 0 or any(
            reached
            <= _quantile(_largest_draws(random[:, :tried], random[:, position], spreads), least)
            for tried in (FIRST_TRIED, len(kept))
        )
    return inside


def is_far_below(values: Floats, errors: Errors, level: float = 0.95) -> NDArray[np.bool_]:
    """``(configurations,)``: whether each lies below the highest by more than a bound that holds
    for all pairs together, however they are correlated (Bonferroni's).
    """
    leader = int(np.argmax(values))
    freedom = min(errors.image_freedom, errors.seed_freedom)
    bound = far_quantile(len(values), freedom, level) * _spreads(errors, leader)
    return np.asarray(values[leader] - values > np.maximum(bound, ROUNDING))


def far_quantile(configurations: int, freedom: float, level: float = 0.95) -> float:
    """Standard errors of a difference beyond which it is no luck, in any pair."""
    pairs = max(configurations * (configurations - 1), 1)
    return float(student_quantile(freedom, 1 - (1 - level) * SPENT / pairs))


def lower_bounds(
    values: Floats, errors: Errors, reference: int, others: int = 0, level: float = 0.95
) -> Floats:
    """``(configurations,)``: by how much each is better than ``reference`` at the least, for all
    together; above 0 where it is better.

    Args:
        values: ``(configurations,)``: mean AUCs.
        errors: of the values.
        reference: the baseline's position.
        others: further configurations, with lower values, that are counted and not compared.
        level: the probability with which all the bounds hold.
    """
    spreads = _spreads(errors, reference)
    random = errors.draws(DRAWS, np.random.default_rng(0))
    largest = _largest_draws(random, random[:, reference], spreads)
    quantile = np.quantile(largest, _among(level, len(values), others))
    return np.asarray(values - values[reference] - quantile * spreads)


def _among(level: float, compared: int, others: int) -> float:
    """The level at which the largest of ``compared`` differences is as rare as that of all, were
    the others independent; they are not, so that it is rarer.
    """
    return float(level ** ((compared + others) / compared))


def _spreads(errors: Errors, position: int) -> Floats:
    """The standard error of the difference of each to the one at ``position``."""
    variances, covariances = np.diag(errors.covariance), errors.covariance[position]
    square = variances + variances[position] - 2 * covariances
    # Rounding of two equal rows leaves more than nothing.
    tiny = ROUNDING * (variances + variances[position])
    return np.asarray(np.sqrt(np.where(square > tiny, square, 0.0)))


def _largest(differences: Floats, spreads: Floats) -> float:
    """The largest difference over its error; one without an error counts as far as it goes."""
    certain = np.where(differences > ROUNDING, np.inf, 0.0)
    ratios = np.divide(differences, spreads, out=certain, where=spreads > 0)
    return float(ratios.max())


def _quantile(values: NDArray[np.floating], level: float) -> float:
    """What ``np.quantile`` gives, in a tenth of the time: it is asked for hundreds of times."""
    place = level * (len(values) - 1)
    below, above = int(place), min(int(place) + 1, len(values) - 1)
    ends = np.partition(values, (below, above))[[below, above]]
    return float(ends[0] + (place - below) * (ends[1] - ends[0]))


def _largest_draws(
    random: NDArray[np.floating], reference: NDArray[np.floating], spreads: Floats
) -> NDArray[np.floating]:
    """``(draws,)``: the largest difference over its error, where all differences are luck."""
    scale = np.where(spreads > 0, spreads, np.inf)[: random.shape[1]].astype(random.dtype)
    return np.asarray(((random - reference[:, None]) / scale).max(axis=1))
