"""The expected AUC of the best of many configurations on fresh images.

The first of a ranking is partly first by luck: among equals it is the luckiest. How much it owes to
luck is measured by the spread of the values: the part that their errors explain is no merit.
So the first is drawn towards the mean of those near it by that part (James and Stein's estimate for
many means; Efron and Morris, Journal of the American Statistical Association 70, 1975). The
correction never exceeds what the largest of as many errors is on average, so that one configuration
far ahead is not drawn back much (limited translation, Efron and Morris 1972). The lower end of the
interval is Morris's (same journal 78, 1983), who counts that the part is itself estimated; the
upper end is that of a configuration that was not chosen, as the first may owe nothing to luck.

All is done with the arcsine of the root of each value, on whose scale the error hardly depends on
the value; so that the errors of all can be put together, also where a value is exactly 1 and tells
nothing of its own error.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from results.ranking.confidence_set import is_far_below
from results.ranking.errors import Errors
from sedn.arrays import Floats
from sedn.metrics.student import normal_tail, student_quantile

LEAST_ROOM = 1e-6
"""Distance from 0 and 1 at which a value is taken where it is nearer."""

LONGEST = 5.0
"""Standard errors of a difference beyond which it is no luck."""


@dataclass(frozen=True)
class Winner:
    """The best of many configurations, with its expected AUC on fresh images."""

    value: float
    """The value by which it was chosen."""
    expected: float
    """Its value on fresh images."""
    low: float
    high: float
    """Both ends of the interval of what it is truly worth."""

    @property
    def optimism(self) -> float:
        """The part of the value that is owed to the choice of the highest."""
        return self.value - self.expected


@dataclass(frozen=True)
class _Parts:
    """The variance of an error: what all configurations share of it, and what is each one's own."""

    shared: float
    own: float


def winner(
    values: Floats, errors: Errors, others: Floats | None = None, level: float = 0.95
) -> Winner | None:
    """The best of several configurations, corrected for its having been chosen.

    Args:
        values: ``(configurations,)``: mean AUCs.
        errors: of the values.
        others: ``(configurations,)``: mean AUCs of further ones of which no error is known; theirs
            is taken to be like those of the values.
        level: of the interval.

    Returns:
        ``None`` where nothing is known of the errors, as all values near the highest are 1.
    """
    near = np.flatnonzero(~is_far_below(values, errors, level=level))
    inside, of_near = values[near], errors.of(near)
    parts = _parts(inside, of_near)
    if parts.shared + parts.own <= 0:
        return None
    scaled = _scaled(inside)
    if others is not None:
        least = scaled.max() - LONGEST * float(np.sqrt(2 * parts.own))
        further = _scaled(others)
        scaled = np.append(scaled, further[further > least])
    ahead = float(scaled.max() - scaled.mean())
    part, uncertainty = _drawn_back(scaled, parts.own, ahead)
    optimism = min(part * ahead, float(np.sqrt(parts.own)) * largest_of(len(scaled)))
    variance = parts.shared + parts.own * (1 - part * (1 - 1 / len(scaled))) + uncertainty
    quantile = float(student_quantile(errors.value_freedom, (1 + level) / 2))
    top = float(scaled.max())
    low = top - optimism - quantile * float(np.sqrt(variance))
    high = top + quantile * float(np.sqrt(parts.shared + parts.own))
    return Winner(float(values.max()), _back(top - optimism), _back(low), _back(high))


def _scaled(values: Floats) -> Floats:
    return np.asarray(np.arcsin(np.sqrt(np.clip(values, 0.0, 1.0))))


def _drawn_back(scaled: Floats, own: float, ahead: float) -> tuple[float, float]:
    """By which part of what it is ahead the first is drawn back, and what the part's own error adds
    to the variance.
    """
    many = len(scaled)
    spread = float(scaled.var(ddof=1)) if many > 1 else 0.0
    if spread <= 0:
        return (1.0 if many > 1 else 0.0), 0.0
    if many <= 3:
        return min(1.0, own / spread), 0.0
    part = min(1.0, own / spread * (many - 3) / (many - 1))
    return part, 2 / (many - 3) * (part * ahead) ** 2


def _parts(values: Floats, errors: Errors) -> _Parts:
    """The variance on the scale of the arcsine, in the mean over the configurations."""
    room = np.clip(values * (1 - values), LEAST_ROOM, None)
    covariance = errors.covariance / (4 * np.sqrt(np.outer(room, room)))
    many, variance = len(values), float(np.diag(covariance).mean())
    if many == 1:
        return _Parts(variance, 0.0)
    shared = float(covariance.sum() - np.trace(covariance)) / (many * (many - 1))
    shared = min(max(shared, 0.0), variance)
    return _Parts(shared, variance - shared)


@cache
def largest_of(count: int) -> float:
    """The mean of the largest of ``count`` standard normal numbers."""
    # The sum over such a grid is the integral to the last digits, as nothing is left at its ends.
    step = 0.01
    values = np.arange(-12, 12, step)
    density = np.exp(-np.square(values) / 2) / np.sqrt(2 * np.pi)
    others_below = np.exp((count - 1) * np.log(normal_tail(-values)))
    return float(step * count * (values * density * others_below).sum())


def _back(scaled: float) -> float:
    return float(np.sin(np.clip(scaled, 0.0, np.pi / 2)) ** 2)
