"""The learning curve of a trial as a picture of its own, SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from results.held_out import measured_on
from results.report.style import round_numbers
from sedn.style import BLUE, FONT, GRID, INK, MUTED, number_text

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 64, 52
LEAST_SPAN = 0.02
"""Of the vertical axis: less would make noise look like learning."""
MOST_TICKS = 12
"""Epochs that are named."""


@dataclass(frozen=True)
class Curve:
    """Mean AUC by epoch."""

    epochs: Sequence[int]
    aucs: Sequence[float]
    ends: Sequence[tuple[float, float]] = ()
    """The interval of each; NaN where it is not known."""


@dataclass(frozen=True)
class _Axes:
    """Where a value lies in the picture."""

    last: int
    low: float
    high: float

    def x(self, epoch: float) -> float:
        span = max(self.last - 1, 1)
        share = (epoch - 1) / span if self.last > 1 else 0.5
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, auc: float) -> float:
        share = (auc - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def draw_curve(
    title: str, own: Curve, baseline: Curve | None, epochs: int, folds: int | None = None
) -> str:
    """The curve with its intervals, and the baseline's beside it.

    Args:
        title: text above it.
        own: of the trial.
        baseline: of the baseline; ``None``: not drawn.
        epochs: that a whole training has.
        folds: of the search.
    """
    values = [*own.aucs, *(baseline.aucs if baseline else ())]
    values += [end for pair in own.ends for end in pair if end == end]
    middle, half = (max(values) + min(values)) / 2, max(max(values) - min(values), LEAST_SPAN) / 2
    axes = _Axes(max(epochs, *own.epochs), middle - 1.08 * half, middle + 1.08 * half)
    parts = [*_frame(axes, title), *_key(baseline is not None, folds)]
    if baseline is not None:
        parts.append(_line(axes, baseline, INK, dashed=True))
    parts += [
        _segment(axes.x(epoch), axes.y(low), axes.x(epoch), axes.y(high), BLUE, 1.5)
        for epoch, (low, high) in zip(own.epochs, own.ends, strict=False)
        if low == low
    ]
    parts.append(_line(axes, own, BLUE))
    parts += [
        f'<circle cx="{axes.x(epoch):.1f}" cy="{axes.y(auc):.1f}" r="4" fill="{BLUE}"/>'
        for epoch, auc in zip(own.epochs, own.aucs, strict=True)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="{escape(FONT)}" font-size="12">'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>'
    )


def _frame(axes: _Axes, title: str) -> list[str]:
    """Title, grid, ticks and what the axes are."""
    parts = [_text(LEFT, 24, title, size=15, colour=INK)]
    for value in round_numbers(axes.low, axes.high, log=False):
        height = axes.y(value)
        parts.append(_segment(LEFT, height, WIDTH - RIGHT, height, GRID, 1))
        parts.append(_text(LEFT - 8, height + 4, number_text(value, 3), anchor="end"))
    step = -(-axes.last // MOST_TICKS)
    foot = HEIGHT - BOTTOM
    parts += [
        _text(axes.x(epoch), foot + 20, str(epoch), anchor="middle")
        for epoch in range(1, axes.last + 1, step)
    ]
    parts.append(_segment(LEFT, foot, WIDTH - RIGHT, foot, MUTED, 1))
    parts.append(_text((LEFT + WIDTH) / 2, HEIGHT - 12, "epochs completed", anchor="middle"))
    return parts


def _key(has_baseline: bool, folds: int | None) -> list[str]:
    parts = [
        _segment(LEFT, 43, LEFT + 24, 43, BLUE, 2),
        _text(LEFT + 30, 47, f"mean AUC {measured_on(folds)}, bars: 95 % intervals"),
    ]
    if has_baseline:
        parts.append(_segment(LEFT + 320, 43, LEFT + 344, 43, INK, 2, dashed=True))
        parts.append(_text(LEFT + 350, 47, "baseline"))
    return parts


def _line(axes: _Axes, curve: Curve, colour: str, *, dashed: bool = False) -> str:
    points = " ".join(
        f"{axes.x(epoch):.1f},{axes.y(auc):.1f}"
        for epoch, auc in zip(curve.epochs, curve.aucs, strict=True)
    )
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'


def _segment(
    x1: float, y1: float, x2: float, y2: float, colour: str, width: float, *, dashed: bool = False
) -> str:
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width}"{dash}/>'
    )


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", size: int = 12, colour: str = MUTED
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'fill="{colour}">{escape(text)}</text>'
    )
