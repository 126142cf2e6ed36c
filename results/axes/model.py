"""The effect of each value of each axis, all axes held alike, and what luck alone would show.

**Model.** Functional ANOVA, estimated by least squares: the AUC of a configuration is a constant
and one number for each axis, that of its value. A number on a scale lies on straight lines between
points of the scale. An axis that has no effect on a configuration adds nothing to it, so that an
axis under a condition is learned from the configurations on which it has an effect. The effect of
a value is against the average of the axis's values, each counted equally, or against ``none``.
So all configurations that differ in one axis alone are held against each other, and those that
differ in others are set right for what the others do; that matters where a sampler tries one value
mostly beside good values of another axis.

**Luck.** The residuals of the model are dealt out to the configurations anew, the same deal for all
labels (ter Braak's permutation of residuals under the full model; Anderson and Legendre, Journal of
Statistical Computation and Simulation 62, 1999), and the effects of such a deal are luck. Each is
divided by its standard error; the largest of all over axes, values and labels is what a search
without any effect shows (Westfall and Young's single-step max-T). An effect that exceeds 95 % of
those is found, and the chance that any effect is found wrongly is 5 %, however many there are. The
standard error of what was observed is the larger of the usual one and of one (HC2) that stays right
where values differ in how widely their configurations scatter; where it is known what the choice of
images adds (:mod:`results.axes.images`), that is added to the errors and to luck.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from results.axes.axis import Axis
from sedn.arrays import Floats

LEVEL = 0.95
LEAST_FREEDOM = 10
"""Configurations beyond the numbers to be estimated, or no effect is estimated."""
MOST_DEALS, LEAST_DEALS = 999, 199
DEALT = 1e8
"""Numbers that are dealt out in all, about: fewer deals where there are many configurations and
labels."""
KEPT_DEALS = 199
"""Of these the intervals of the shares are made."""
CHUNK = 64
"""Labels at a time, to bound the memory."""
ROUNDING = 1e-9


@dataclass(frozen=True)
class Contrast:
    """A value of an axis, and the value or average that the contrast compares this value with."""

    axis: int
    point: int
    against: int | None
    """Another point of the axis; ``None`` is the average of its points."""


@dataclass(frozen=True)
class Effects:
    """Estimated effects; ``C`` contrasts, ``L`` outcomes (the mean AUC, or labels), ``J`` axes."""

    contrasts: tuple[Contrast, ...]
    effect: Floats
    """``(C, L)``; NaN where the trials cannot tell it from other effects."""
    half_width: Floats
    """``(C, L)``: of the interval that holds for all effects together."""
    p: Floats
    """``(C, L)``: how often luck alone shows as much anywhere among the effects."""
    share: Floats
    """``(J, L)``: of the variance of the AUC, were the values of each axis tried equally often."""
    share_low: Floats
    share_high: Floats
    freedom: int
    """Configurations beyond the numbers that were estimated."""


@dataclass(frozen=True)
class Design:
    """The configurations as a design of the linear model."""

    basis: Floats
    """``(configurations, rank)``: orthonormal columns that span the model."""
    weights: Floats
    """``(configurations, C)``: what of each AUC is summed to an effect."""
    contrasts: tuple[Contrast, ...]
    known: NDArray[np.bool_]
    """``(C,)``: whether the trials tell the effect from all others."""
    axes: tuple[Axis, ...]
    span: Floats
    """``(configurations, rank or more)``: orthonormal columns that span the weights too, those of
    the basis first."""
    carried: int = 0
    """Numbers that were estimated beside those of the model."""

    @property
    def freedom(self) -> int:
        """Configurations beyond the numbers to be estimated."""
        configurations, rank = self.basis.shape
        return int(configurations - rank - self.carried)


def make_design(axes: Sequence[Axis]) -> Design:
    """The model of some axes over the same configurations."""
    count = len(axes[0].weights)
    columns = [np.ones((count, 1))]
    spans: list[slice] = []
    codes = [_codes(len(axis.points)) for axis in axes]
    for axis, code in zip(axes, codes, strict=True):
        at = sum(one.shape[1] for one in columns)
        columns.append(axis.weights @ code)
        spans.append(slice(at, at + code.shape[1]))
    matrix = np.hstack(columns)
    for axis in axes:
        # What goes with having the axis at all is no effect of a value of it.
        wider = np.column_stack([matrix, axis.active])
        if np.linalg.matrix_rank(wider) > np.linalg.matrix_rank(matrix):
            matrix = wider
    left, sizes, right = np.linalg.svd(matrix, full_matrices=False)
    rank = int((sizes > sizes[0] * max(matrix.shape) * np.finfo(float).eps).sum())
    left, sizes, right = left[:, :rank], sizes[:rank], right[:rank]
    contrasts = _contrasts(axes)
    wanted = np.zeros((matrix.shape[1], len(contrasts)))
    for position, one in enumerate(contrasts):
        code = codes[one.axis]
        row = code[one.point] - (0.0 if one.against is None else code[one.against])
        wanted[spans[one.axis], position] = row
    known = np.abs(right.T @ (right @ wanted) - wanted).max(axis=0) < 1e-6
    weights = left @ ((right @ wanted) / sizes[:, None])
    return Design(left, weights, contrasts, known, tuple(axes), span=left)


def estimate(
    design: Design, aucs: Floats, over_images: Floats | None = None, seed: int = 0
) -> Effects:
    """The effects of all contrasts on all outcomes.

    Args:
        design: with some ``freedom``.
        aucs: ``(configurations, L)``, all known.
        over_images: ``(C, L)``: what the choice of images adds to the variance of each effect;
            nothing where that is not known.
        seed: of the deals.
    """
    largest = np.zeros(int(np.clip(DEALT / max(aucs.size, 1), LEAST_DEALS, MOST_DEALS)))
    starts = range(0, aucs.shape[1], CHUNK)
    added = np.zeros((len(design.contrasts), aucs.shape[1])) if over_images is None else over_images
    parts = [
        _estimate(design, aucs[:, at : at + CHUNK], added[:, at : at + CHUNK], largest, seed, at)
        for at in starts
    ]
    joined = {name: np.concatenate([one[name] for one in parts], axis=-1) for name in parts[0]}
    effect, error = joined["effect"], joined.pop("error")
    with np.errstate(invalid="ignore", divide="ignore"):
        sizes = np.where(np.abs(effect) > ROUNDING, np.abs(effect) / error, 0.0)
    exceeded = len(largest) - np.searchsorted(np.sort(largest), sizes, side="left")
    unknown = np.isnan(effect)
    return Effects(
        contrasts=design.contrasts,
        half_width=np.where(unknown, np.nan, np.quantile(largest, LEVEL) * error),
        p=np.where(unknown, np.nan, (1 + exceeded) / (1 + len(largest))),
        freedom=design.freedom,
        **joined,
    )


def _estimate(
    design: Design, aucs: Floats, over_images: Floats, largest: Floats, seed: int, first: int
) -> dict[str, Floats]:
    """A few outcomes, from the ``first`` on; ``largest`` is raised to what luck shows on these."""
    residuals = np.asarray(aucs - design.basis @ (design.basis.T @ aucs))
    variance = (residuals**2).sum(axis=0) / design.freedom
    effect = np.where(design.known[:, None], design.weights.T @ aucs, np.nan)
    usual = (design.weights**2).sum(axis=0)[:, None] * variance
    with np.errstate(invalid="ignore"):
        of_images = np.nan_to_num(over_images / (over_images + usual))
    random = np.random.default_rng([seed, first])
    kept = []
    for number, (luck, spread) in enumerate(_deals(design, residuals, len(largest), seed)):
        size = _largest(design, luck, spread, of_images, random)
        largest[number] = max(largest[number], size)
        if number < KEPT_DEALS:
            kept.append(luck)
    share, low, high = _shares(design, np.stack(kept), effect, variance, over_images)
    return {
        "effect": effect,
        "error": np.sqrt(_errors(design, residuals, usual) ** 2 + over_images),
        "share": share,
        "share_low": low,
        "share_high": high,
    }


def _largest(
    design: Design,
    luck: Floats,
    variance: Floats,
    of_images: Floats,
    random: np.random.Generator,
) -> float:
    """The largest effect of a deal over its standard error.

    Args:
        design: of the configurations.
        luck: ``(C, L)``: the effects of the deal.
        variance: ``(L,)``: of its residuals.
        of_images: ``(C, L)``: the share of the images in the variance of each effect; their luck is
            another for each label, and taken to be another for each value.
        random: of the images' luck.
    """
    scale = np.sqrt((design.weights**2).sum(axis=0)[:, None] * variance)
    size = luck / np.where(scale > 0, scale, np.inf)
    if of_images.any():
        drawn = random.standard_normal(size.shape)
        size = np.sqrt(1 - of_images) * size + np.sqrt(of_images) * drawn
    return float(np.abs(size[design.known]).max(initial=0.0))


def _errors(design: Design, residuals: Floats, usual: Floats) -> Floats:
    """``(C, L)``: standard errors of the effects; ``usual`` are the squares of the usual ones."""
    squares, variance = design.weights**2, (residuals**2).sum(axis=0) / design.freedom
    leverage = np.minimum((design.basis**2).sum(axis=1), 1.0)
    # A configuration that alone has a value is met exactly: what it scatters is not known of it.
    alone = leverage > 0.99
    scaled = residuals**2 / np.where(alone, 1.0, 1.0 - leverage)[:, None]
    scaled[alone] = variance
    return np.asarray(np.sqrt(np.maximum(usual, squares.T @ scaled)))


def _deals(
    design: Design, residuals: Floats, count: int, seed: int
) -> Iterator[tuple[Floats, Floats]]:
    """The effects ``(C, L)`` and residual variances ``(L,)`` of each deal."""
    generator = np.random.default_rng(seed)
    to_effects, rank = design.span.T @ design.weights, design.basis.shape[1]
    total = (residuals**2).sum(axis=0)
    for _ in range(count):
        order = generator.permutation(len(residuals))
        inside = design.span[order].T @ residuals
        left = np.maximum(total - (inside[:rank] ** 2).sum(axis=0), 0.0)
        yield to_effects.T @ inside, left / design.freedom


def _shares(
    design: Design, luck: Floats, effect: Floats, variance: Floats, over_images: Floats
) -> tuple[Floats, Floats, Floats]:
    """``(J, L)`` each: the share of each axis of the variance, with the ends of its interval.

    Args:
        design: of the configurations.
        luck: ``(deals, C, L)``: the effects of deals.
        effect: ``(C, L)``: those that were observed.
        variance: ``(L,)``: of what the axes do not explain.
        over_images: ``(C, L)``: what the choice of images adds to the variance of each effect.
    """
    # Residuals are smaller than what they estimate, by what the model fitted to them.
    luck = luck * np.sqrt(len(design.basis) / design.freedom)
    luck += np.sqrt(over_images) * np.random.default_rng(0).standard_normal(luck.shape)
    parts, drawn = [], []
    for number, axis in enumerate(design.axes):
        rows = [
            i
            for i, one in enumerate(design.contrasts)
            if one.axis == number and one.against is None
        ]
        active = axis.active.mean()
        noise = (design.weights[:, rows] ** 2).sum() / len(rows) * variance
        noise = noise + over_images[rows].mean(axis=0)
        parts.append(active * ((effect[rows] ** 2).mean(axis=0) - noise))
        drawn.append(active * (((effect[rows] + luck[:, rows]) ** 2).mean(axis=1) - 2 * noise))
    known = np.array(parts)
    whole = np.maximum(known, 0.0).sum(axis=0) + variance
    ranges = np.stack(drawn, axis=1)
    drawn_whole = np.maximum(ranges, 0.0).sum(axis=1, keepdims=True) + variance
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.maximum(known, 0.0) / whole
        low, high = np.quantile(
            np.maximum(ranges, 0.0) / drawn_whole, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0
        )
    return share, low, high


def _codes(points: int) -> Floats:
    """``(points, points - 1)``: orthonormal columns that sum to 0."""
    centred = np.eye(points) - 1 / points
    return np.asarray(np.linalg.svd(centred)[0][:, : points - 1])


def _contrasts(axes: Sequence[Axis]) -> tuple[Contrast, ...]:
    contrasts: list[Contrast] = []
    for number, axis in enumerate(axes):
        points, reference = range(len(axis.points)), axis.reference
        contrasts += [Contrast(number, point, None) for point in points]
        if reference is not None:
            contrasts += [
                Contrast(number, point, reference) for point in points if point != reference
            ]
    return tuple(contrasts)
