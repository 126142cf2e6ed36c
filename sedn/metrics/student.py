"""Student's distribution in numpy alone: every command that reads results needs its quantiles, and
to import ``scipy.special`` takes 0.2 s of a processor (measured beside NumPy's 0.1 s, with SciPy
1.17), a fifth of what ranking 100,000 trials takes with its start.

The tail is the incomplete beta function by its continued fraction, and from 200 degrees of freedom
on Hill's expansion (Communications of the ACM 13, 1970, algorithm 395). The quantile is sought by
Newton's method on the logarithms of the tail and of the value, on which the tail is concave: no
start leads astray, and that of Wallace (Annals of Mathematical Statistics 30, 1959) is near. Both
agree with SciPy's to eleven digits, far out in the tail too.
"""

from collections.abc import Iterator
from math import erfc, inf, lgamma

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sedn.arrays import Floats

MANY = 200.0
"""Degrees of freedom from which the expansion is exact to the last digits."""
MOST_TERMS = 500
TERMS_AT_ONCE = 16
MOST_STEPS = 1000
CLOSE = 1e-14
LONGEST_STEP = 0.5
"""Of the logarithm, upwards: far beyond the quantile a tail is 0."""
ENDLESS = 1e60
"""Degrees of freedom that stand for more."""
FURTHEST = 1e150
"""The value that stands for larger ones."""
TINY = 1e-300
"""In place of a zero that the continued fraction would divide by."""


def student_quantile(freedom: ArrayLike, level: float) -> Floats:
    """The value that Student's variable stays below with the probability ``level``.

    Args:
        freedom: degrees of freedom, at most infinity; NaN, or none, gives NaN.
        level: between 0 and 1.
    """
    # There may be 100,000 configurations, with a few different numbers of seeds.
    different, places = np.unique(np.asarray(freedom, np.float64), return_inverse=True)
    quantiles = _upper_quantile(different, min(level, 1 - level))
    quantiles = quantiles if level >= 0.5 else -quantiles
    return np.asarray(quantiles[places].reshape(np.shape(freedom)))


def student_tail(freedom: ArrayLike, value: ArrayLike) -> Floats:
    """The probability that Student's variable is above ``value``.

    Args:
        freedom: degrees of freedom, at most infinity; NaN, or none, gives NaN.
        value: broadcast against ``freedom``.
    """
    shape = np.broadcast_shapes(np.shape(freedom), np.shape(value))
    freedoms, values = (
        np.broadcast_to(np.asarray(one, np.float64), shape).ravel() for one in (freedom, value)
    )
    tails = np.exp(_log_tail(freedoms, np.abs(values), _log_norm(freedoms)))
    return np.where(values < 0, 1 - tails, tails).reshape(shape)


def normal_tail(value: ArrayLike) -> Floats:
    """The probability that a standard normal variable is above ``value``."""
    values = np.asarray(value, dtype=np.float64)
    flat = [erfc(one) / 2 for one in (values.ravel() / np.sqrt(2)).tolist()]
    return np.array(flat, dtype=np.float64).reshape(values.shape)


def _upper_quantile(freedom: Floats, tail: float) -> Floats:
    """The quantile of which ``tail``, at most a half, lies above."""
    quantiles = np.full(len(freedom), np.nan)
    rows = freedom > 0
    if tail in (0.0, 0.5):
        quantiles[rows] = inf if tail == 0 else 0.0
        return quantiles
    freedom = freedom[rows]
    norm, some = _log_norm(freedom), np.minimum(freedom, ENDLESS)
    scale = _near_quantile(some, tail)
    for _ in range(MOST_STEPS):
        value = np.exp(scale)
        logarithm = _log_tail(freedom, value, norm)
        density = -(some + 1) / 2 * np.log1p(np.square(value) / some) - norm
        steepness = np.exp(density + scale - logarithm)
        step = np.minimum((logarithm - np.log(tail)) / steepness, LONGEST_STEP)
        scale = scale + step
        if not (np.abs(step) > CLOSE).any():
            break
    quantiles[rows] = np.exp(scale)
    return quantiles


def _near_quantile(freedom: Floats, tail: float) -> Floats:
    """The logarithm of about the quantile, by way of the normal variable's."""
    far = np.sqrt(-2 * np.log(tail))
    # Hastings's rational function, as Abramowitz and Stegun have it (26.2.22).
    normal = far - (2.30753 + 0.27061 * far) / (1 + 0.99229 * far + 0.04481 * far**2)
    stretched = np.maximum(normal, 0.01) * (8 * freedom + 3) / (8 * freedom + 1)
    grown = np.expm1(np.minimum(stretched**2 / freedom, 600.0))
    return np.asarray(np.log(freedom * grown) / 2)


def _log_norm(freedom: Floats) -> Floats:
    """The logarithm of what the density is divided by."""
    half = np.where(freedom > 0, np.minimum(freedom, ENDLESS), 1.0) / 2
    # Of large numbers the difference of two logarithms of factorials loses its digits.
    of_many = np.log(2 * np.pi) / 2 + 1 / (8 * half) - 1 / (192 * half**3)
    of_few = [
        lgamma(one) - lgamma(one + 0.5) + np.log(2 * one * np.pi) / 2
        for one in np.minimum(half, MANY).tolist()
    ]
    return np.where(half > MANY, of_many, of_few)


def _log_tail(freedom: Floats, value: Floats, norm: Floats) -> Floats:
    """The logarithm of the probability of more than ``value``, which is not negative.

    Args:
        freedom: degrees of freedom.
        value: as many.
        norm: as :func:`_log_norm` gives it.
    """
    tails = np.full(len(value), np.nan)
    value = np.minimum(value, FURTHEST)
    many = freedom >= MANY
    tails[many] = _log_tail_of_many(freedom[many], value[many])
    few = (freedom > 0) & ~many & ~np.isnan(value)
    tails[few] = _log_tail_of_few(freedom[few], value[few], norm[few])
    return tails


def _log_tail_of_many(freedom: Floats, value: Floats) -> Floats:
    """By Hill's expansion: the normal variable with the same tail."""
    some = np.minimum(freedom, ENDLESS)
    less = some - 0.5
    spread = 48 * less**2
    z = np.sqrt(less * np.log1p(np.square(value) / some))
    more = 4 * z**7 + 33 * z**5 + 240 * z**3 + 855 * z
    z += (z**3 + 3 * z) / spread - more / (10 * spread * (spread + 0.8 * z**4 + 100))
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(normal_tail(z)))


def _log_tail_of_few(freedom: Floats, value: Floats, norm: Floats) -> Floats:
    """By the incomplete beta function."""
    square = np.square(value)
    inside = freedom / (freedom + square)
    first, second = freedom / 2, np.full(len(value), 0.5)
    # The continued fraction is short on one side of this.
    turned = inside > (first + 1) / (first + 2.5)
    at = np.where(turned, square / (freedom + square), inside)
    left, right = np.where(turned, second, first), np.where(turned, first, second)
    # The density's norm has the factorials that the beta function has.
    gammas = np.log(freedom) / 2 - norm
    with np.errstate(divide="ignore"):
        front = gammas + left * np.log(at) + right * np.log1p(-at) - np.log(left)
    logarithm = front + np.log(_fraction(left, right, at)) - np.log(2)
    turned_back = np.log1p(-2 * np.exp(logarithm)) - np.log(2)
    return np.asarray(np.where(turned, turned_back, logarithm))


def _fraction(first: Floats, second: Floats, at: Floats) -> Floats:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    # No number is 0 by TINY, which changes no digit of others. The arrays are short, so that what
    # counts is the number of operations: each works in place.
    lower = 1 / (1 - (first + second) * at / (first + 1) + TINY)
    upper, found = np.ones(len(at)), lower.copy()
    for m in range(1, MOST_TERMS, TERMS_AT_ONCE):
        for even, odd in _terms(first, second, at, np.arange(m, m + TERMS_AT_ONCE)):
            for term in (even, odd):
                lower *= term
                lower += 1
                lower += TINY
                np.divide(1, lower, out=lower)
                np.divide(term, upper, out=upper)
                upper += 1
                upper += TINY
                found *= lower
                found *= upper
            change = lower * upper
            change -= 1
            if not (np.abs(change, out=change) > CLOSE / 10).any():
                return found
    return found


def _terms(
    first: Floats, second: Floats, at: Floats, numbers: NDArray[np.int64]
) -> Iterator[tuple[Floats, Floats]]:
    """The even and the odd terms of the continued fraction, by their numbers from 1 on."""
    m = numbers[:, None]
    even = m * (second - m) * at / ((first + 2 * m - 1) * (first + 2 * m))
    odd = -(first + m) * (first + second + m) * at / ((first + 2 * m) * (first + 2 * m + 1))
    return zip(even, odd, strict=True)
