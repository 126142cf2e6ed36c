"""Parallel coordinates: each trial a line over the parameters that differ, dark where it is good.

Drawn from lines of our own, as plotly's trace of that name draws no line where a parameter has no
effect, and tells nothing under the pointer. A value that several trials have is a band, in which
they lie by AUC, the best on top: so that a parameter that matters shows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from results.database.models import Trial, TrialState
from results.report.contents import Findings
from results.report.figures import DIGITS, of_trials
from results.report.style import round_numbers, value_text
from results.varied import AS_SAMPLED
from sedn.style import FAINT, INK, LOG_RATIO, SCALE, VEIL, layout, plain

MOST_VALUES = 8
"""Numbers with more distinct values, or that hardly repeat, are a scale and not bands."""
BAND = 0.68
"""Share of a band's room that its lines take."""
LEAST_WIDTH = 112
"""Pixels from one axis to the next; where they are more than the page has room for, the figure
scrolls."""


@dataclass(frozen=True)
class Coordinate:
    """One axis: where each trial lies on it, from 0 to 1, and what is written beside it."""

    title: str
    heights: dict[int, float]
    """By trial number."""
    ticks: list[tuple[float, str]]


def parallel_coordinates(findings: Findings) -> go.Figure | None:
    """Every trial over the varied parameters and its AUC; ``None`` when nothing varies."""
    scored = [t for t in findings.trials if t.mean_auc is not None and t.mean_auc == t.mean_auc]
    scored = [t for t in scored if t.state is not TrialState.FAILED]
    scored.sort(key=lambda trial: trial.mean_auc or 0.0)
    if findings.varied.columns.empty or not scored:
        return None
    coordinates = [
        coordinate(str(path), {t.number: findings.varied.loc[t.number, path] for t in scored})
        for path in findings.varied.columns
        if not str(path).endswith(AS_SAMPLED)
    ]
    complete = [t for t in scored if t.state is TrialState.COMPLETE]
    others = [t for t in scored if t.state is not TrialState.COMPLETE]
    if complete:
        # The others' AUC is of fewer epochs, so their lines end before this axis.
        coordinates.append(_scale("mean AUC", {t.number: t.mean_auc for t in complete}))
    figure = go.Figure(layout=layout(540, showlegend=False))
    figure.update_layout(margin={"l": 16, "r": 16, "t": 84, "b": 16})
    _add_others(figure, others, coordinates)
    _add_complete(figure, complete, coordinates)
    _add_axes(figure, coordinates)
    return figure


def least_width(figure: go.Figure | None) -> int:
    """Pixels that a figure of parallel coordinates needs."""
    return 0 if figure is None else LEAST_WIDTH * len(figure.layout.shapes)


def coordinate(path: str, values: dict[int, Any]) -> Coordinate:
    """The axis of a parameter, from each trial's value in order of rising AUC."""
    present = [value for value in values.values() if value is not None]
    numbers = [v for v in present if isinstance(v, int | float) and not isinstance(v, bool)]
    distinct = {repr(value) for value in present}
    few = len(distinct) <= MOST_VALUES and 2 * len(distinct) <= len(present)
    if numbers and len(numbers) == len(present) and not few:
        return _scale(path, values)
    return _bands(path, values)


def _bands(path: str, values: dict[int, Any]) -> Coordinate:
    """An axis of few values: a band for each, the absent one at the foot."""
    numeric = all(isinstance(v, int | float) for v in values.values() if v is not None)
    distinct = {value_text(value): value for value in values.values()}
    order = sorted(
        distinct,
        key=lambda text: (distinct[text] is not None, distinct[text] if numeric else text),
    )
    heights: dict[int, float] = {}
    ticks = []
    for position, text in enumerate(order):
        middle = (position + 0.5) / len(order)
        members = [n for n, value in values.items() if value_text(value) == text]
        spread = np.linspace(-0.5, 0.5, len(members)) if len(members) > 1 else [0.0]
        heights |= {
            number: middle + BAND * shift / len(order)
            for number, shift in zip(members, spread, strict=True)
        }
        ticks.append((middle, text))
    return Coordinate(path, heights, ticks)


def _scale(path: str, values: dict[int, Any]) -> Coordinate:
    """An axis of many numbers, with an absent value below its foot."""
    present = np.array([float(value) for value in values.values() if value is not None])
    low, high = float(present.min()), float(present.max())
    log = low > 0 and high / low > LOG_RATIO
    foot = 0.12 if any(value is None for value in values.values()) else 0.0

    def height(value: float) -> float:
        ends = np.log([low, high, value]) if log else np.array([low, high, value])
        share = (ends[2] - ends[0]) / (ends[1] - ends[0]) if high > low else 0.5
        return float(foot + (1 - foot) * share)

    ticks = [(height(value), f"{value:.3g}") for value in round_numbers(low, high, log=log)]
    heights = {n: 0.0 if value is None else height(float(value)) for n, value in values.items()}
    return Coordinate(path, heights, ([(0.0, "–")] if foot else []) + ticks)


def _add_others(
    figure: go.Figure, trials: Sequence[Trial], coordinates: Sequence[Coordinate]
) -> None:
    """Trials that were not trained to the end, in one pale trace: their AUC is of fewer epochs."""
    if not trials:
        return
    x, y, numbers = _lines(trials, coordinates)
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines+markers",
        line={"color": FAINT, "width": 1},
        marker={"size": 3},
        opacity=0.6,
        customdata=numbers,
        meta="trials",
    )


def _add_complete(
    figure: go.Figure, trials: Sequence[Trial], coordinates: Sequence[Coordinate]
) -> None:
    """Lines of six shades, the best drawn last, and points that carry the scale."""
    if not trials:
        return
    aucs = np.array([trial.mean_auc for trial in trials], dtype=float)
    span = float(np.ptp(aucs))
    shares = (aucs - aucs.min()) / span if span else np.ones(len(aucs))
    shades = np.minimum((shares * len(SCALE)).astype(int), len(SCALE) - 1)
    for shade in np.unique(shades).tolist():
        some = [trial for trial, its in zip(trials, shades, strict=True) if its == shade]
        x, y, _ = _lines(some, coordinates)
        # Hundreds of lines would bury the few that matter: only the best are thick.
        width = 1 + 2 * (shade / (len(SCALE) - 1)) ** 4
        line = {"color": SCALE[shade], "width": width}
        figure.add_scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip")
    points = [(i, c, trial) for trial in trials for i, c in enumerate(coordinates)]
    figure.add_scatter(
        x=[i for i, _, _ in points],
        y=[_height(c, trial) for _, c, trial in points],
        mode="markers",
        marker={
            "size": 6,
            "color": [round(auc, DIGITS) for auc in aucs.tolist() for _ in coordinates],
            "colorscale": SCALE,
            "colorbar": {"title": {"text": "AUC"}, "thickness": 12, "outlinewidth": 0},
        },
        **of_trials(trial.number for _, _, trial in points),
    )


def _lines(
    trials: Sequence[Trial], coordinates: Sequence[Coordinate]
) -> tuple[list[int | None], list[float | None], list[int | None]]:
    """The lines of several trials as one, with gaps between: positions, heights and numbers."""
    x: list[int | None] = []
    y: list[float | None] = []
    numbers: list[int | None] = []
    for trial in trials:
        x += [*range(len(coordinates)), None]
        y += [*(_height(c, trial) for c in coordinates), None]
        numbers += [*([trial.number] * len(coordinates)), None]
    return x, y, numbers


def _height(axis: Coordinate, trial: Trial) -> float | None:
    """Where a trial lies on an axis, in so many digits as can be seen; ``None``: nowhere."""
    height = axis.heights.get(trial.number)
    return None if height is None else round(height, 4)


def _add_axes(figure: go.Figure, coordinates: Sequence[Coordinate]) -> None:
    """Lines, names and ticks; set at once, as plotly copies them all at each that is added."""
    line = {"type": "line", "y0": -0.02, "y1": 1.02, "line": {"color": INK, "width": 1}}
    shapes = [line | {"x0": i, "x1": i, "layer": "below"} for i in range(len(coordinates))]
    annotations: list[dict[str, Any]] = []
    for position, axis in enumerate(coordinates):
        *group, name = axis.title.split(".")
        title = f"{plain('.'.join(group))}<br><b>{plain(name.replace('_', ' '))}</b>"
        common = {"x": position, "showarrow": False}
        annotations.append(common | {"y": 1.04, "text": title, "yanchor": "bottom", "yshift": 6})
        annotations += [
            common
            | {
                "y": height,
                "text": plain(text),
                "xanchor": "left",
                "xshift": 5,
                "font": {"size": 11},
                "bgcolor": VEIL,
            }
            for height, text in axis.ticks
        ]
    figure.update_layout(shapes=shapes, annotations=annotations)
    figure.update_xaxes(visible=False, range=[-0.3, len(coordinates) - 0.45])
    figure.update_yaxes(visible=False, range=[-0.04, 1.04])
