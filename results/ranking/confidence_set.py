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
from sedn.arrays import Floats
from sedn.metrics.student import student_quantile

DRAWS = 1000
"""Number of draws of the errors, for a quantile."""
SPENT = 0.1
"""Part of the error that is spent on finding what lies far below."""
ROUNDING = 1e-9
"""Differences up to this are no differences."""
LEAST_ABOVE = 10
"""Draws that must lie above a quantile. Of a rarer one, as where very many configurations are
counted and few are compared, a bound is taken in its place."""
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
    inside = ~is_far_below(values, errors, others, level)
    # The best first: the largest difference is most often to one of these.
    kept = np.flatnonzero(inside)[np.argsort(-values[inside], kind="stable")]
    near, of_near = values[kept], errors.of(kept)
    rest = 1 - (1 - level) * (1 - SPENT)
    spreads = _all_spreads(of_near)
    reached = _largest(near - near[:, None], spreads)
    bound = _bound(rest, len(kept) + others, of_near)
    inside[kept] = reached <= bound
    least = _among(rest, len(kept), others)
    if _is_drawn(least):
        random = of_near.draws(DRAWS, np.random.default_rng(0)).astype(np.float32)
        for position in np.flatnonzero((reached > 0) & (reached <= bound)).tolist():
            is_luck = _is_luck(reached[position], random, position, spreads[position], least)
            inside[kept[position]] = is_luck
    return inside


def _is_luck(
    reached: float,
    random: NDArray[np.float32],
    position: int,
    spreads: Floats,
    level: float,
) -> bool:
    """Whether the largest difference to the one at ``position`` is within the quantile of what luck
    gives.
    """
    own = random[:, position]
    return any(
        reached <= _quantile(_largest_draws(random[:, :tried], own, spreads), level)
        for tried in (FIRST_TRIED, random.shape[1])
    )


def is_far_below(
    values: Floats, errors: Errors, others: int = 0, level: float = 0.95
) -> NDArray[np.bool_]:
    """``(configurations,)``: whether each lies below the highest by more than a bound that holds
    for all pairs together, however they are correlated (Bonferroni's).

    Args:
        values: ``(configurations,)``: mean AUCs.
        errors: of the values.
        others: further configurations that are counted.
        level: the probability with which the bound holds.
    """
    leader = int(np.argmax(values))
    bound = far_quantile(len(values) + others, _freedom(errors), level) * _spreads(errors, leader)
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
    least = _among(level, len(values), others)
    if _is_drawn(least):
        random = errors.draws(DRAWS, np.random.default_rng(0))
        quantile = _quantile(_largest_draws(random, random[:, reference], spreads), least)
    else:
        quantile = _bound(level, len(values) + others, errors)
    return np.asarray(values - values[reference] - quantile * spreads)


def _among(level: float, compared: int, others: int) -> float:
    """The level at which the largest of ``compared`` differences is as rare as that of all, were
    the others alike and independent; as these are not, the largest difference is rarer.
    """
    return float(level ** (compared / (compared + others)))


def _is_drawn(level: float) -> bool:
    """Whether the draws tell the quantile at ``level``: enough of them lie above."""
    return (1 - level) * DRAWS >= LEAST_ABOVE


def _bound(level: float, configurations: int, errors: Errors) -> float:
    """A bound of the largest difference over its error, whatever the correlations (Bonferroni's),
    of one configuration to all others.
    """
    each = 1 - (1 - level) / max(configurations - 1, 1)
    return float(student_quantile(_freedom(errors), each))


def _freedom(errors: Errors) -> float:
    """The fewest degrees of freedom that any part of the errors has."""
    return min(errors.image_freedom, errors.seed_freedom)


def _all_spreads(errors: Errors) -> Floats:
    """``(configurations, configurations)``: :func:`_spreads` of each."""
    variances = np.diag(errors.covariance)
    return _roots(variances + variances[:, None], errors.covariance)


def _spreads(errors: Errors, position: int) -> Floats:
    """The standard error of the difference of each to the one at ``position``."""
    variances = np.diag(errors.covariance)
    return _roots(variances + variances[position], errors.covariance[position])


def _roots(sums: Floats, covariances: Floats) -> Floats:
    """The standard errors of differences, by the sums of both variances."""
    square = sums - 2 * covariances
    # Rounding of two equal rows leaves more than nothing.
    return np.asarray(np.sqrt(np.where(square > ROUNDING * sums, square, 0.0)))


def _largest(differences: Floats, spreads: Floats) -> Floats:
    """The largest of each row's differences over their errors; one without an error counts as far
    as it goes.
    """
    certain = np.where(differences > ROUNDING, np.inf, 0.0)
    ratios = np.divide(differences, spreads, out=certain, where=spreads > 0)
    return np.asarray(ratios.max(axis=1))


def _quantile(values: NDArray[np.floating], level: float) -> float:
    """What ``np.quantile`` gives, in a tenth of the time, and without loading its masked arrays."""
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
