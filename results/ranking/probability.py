"""The probability of being the best, for each of a few configurations.

The configurations' worths are taken as drawn from a normal distribution of which neither the
centre nor the width is known: both are averaged over, as far as the values leave them open (the
hierarchical model of Gelman, Bayesian Analysis 1, 2006). The width has his half-Cauchy distribution
for few groups, on the scale of the errors: a flat one takes the worths of three or four
configurations to lie too far apart. So values that differ no more than their errors explain give
probabilities that are near each other; without that, the largest value would look the surer the
more there are.
"""

import numpy as np

from results.ranking.errors import Errors
from sedn.arrays import Floats

DRAWS = 4000
WIDTHS = 60
"""Widths of the distribution of worths that are averaged over."""
WIDEST = 4.0
"""The largest of them, in standard deviations of the values and their errors together."""


def probability_best(values: Floats, errors: Errors, draws: int = DRAWS) -> Floats:
    """``(configurations,)``: the probability that each is the best; the sum is 1.

    Equal configurations without an error share the probability.

    Args:
        values: ``(configurations,)``: mean AUCs.
        errors: of the values.
        draws: of the worths.
    """
    if len(values) == 1:
        return np.ones(1)
    generator = np.random.default_rng(0)
    spread = float(values.std() + np.sqrt(np.diag(errors.covariance).mean()))
    if spread <= 0:
        return np.full(len(values), 1 / len(values))
    widths = np.linspace(0, WIDEST * spread, WIDTHS) + 1e-3 * spread
    posteriors = [_given_width(values, errors.covariance, width) for width in widths]
    weights = np.array([weight for weight, _, _ in posteriors])
    own = max(_own_error(errors.covariance), 1e-3 * spread)
    weights -= np.log1p(np.square(widths / own))
    shares = np.exp(weights - weights.max())
    counts = generator.multinomial(draws, shares / shares.sum())
    worths = [
        _student(middle, root, count, errors.image_freedom, generator)
        for count, (_, middle, root) in zip(counts, posteriors, strict=True)
        if count
    ]
    best = np.argmax(np.concatenate(worths), axis=1)
    return np.asarray(np.bincount(best, minlength=len(values)) / draws)


def _own_error(covariance: Floats) -> float:
    """The standard error of a configuration beside what the errors of all have in common."""
    many = len(covariance)
    shared = (covariance.sum() - np.trace(covariance)) / (many * (many - 1))
    return float(np.sqrt(max(np.diag(covariance).mean() - shared, 0.0)))


def _given_width(values: Floats, covariance: Floats, width: float) -> tuple[float, Floats, Floats]:
    """Where worths of this width are: how probable the width is (the logarithm, but for a
    constant), their means, and a root of their covariance.
    """
    many = len(values)
    precision = np.linalg.inv(covariance + width**2 * np.eye(many))
    total = precision.sum()
    centre = precision.sum(axis=0) @ values / total
    rest = values - centre
    weight = 0.5 * (np.linalg.slogdet(precision)[1] - np.log(total) - rest @ precision @ rest)
    pull = width**2 * precision
    middle = centre + pull @ rest
    # The centre is uncertain too: what is not pulled to the values moves with it.
    moves = 1 - pull.sum(axis=1)
    left = width**2 * (np.eye(many) - pull) + np.outer(moves, moves) / total
    roots, vectors = np.linalg.eigh(left)
    return float(weight), middle, vectors * np.sqrt(np.maximum(roots, 0.0))


def _student(
    middle: Floats, root: Floats, count: int, freedom: float, generator: np.random.Generator
) -> Floats:
    normal = generator.standard_normal((count, len(middle))) @ root.T
    return np.asarray(middle + normal * np.sqrt(freedom / generator.chisquare(freedom, (count, 1))))
