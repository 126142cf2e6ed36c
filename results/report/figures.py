"""The history of a search, its learning curves and its costs; ``None`` where nothing is to show."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from results.database.models import BASELINE, Trial, TrialState
from results.held_out import measured_on
from results.ranking.pareto import on_front
from results.ranking.pooling import of_means
from results.report.contents import Findings
from results.report.style import STATE_COLOURS, STATE_SYMBOLS, STATES, round_numbers
from results.report.thinning import MOST_POINTS, evenly
from sedn.arrays import Floats
from sedn.measures import COSTS
from sedn.style import AXIS, FAINT, INK, LOG_RATIO, duration, layout

DIGITS = 5
"""Of an AUC in a curve: more cannot be seen, and make the page larger."""
MOST_RUNGS = 8
"""Epochs at which trials were stopped that are marked."""
MOST_TICKS = 20
"""Up to so many trials or epochs, each has its tick."""
UNITS = (86_400.0, 3_600.0, 60.0)
"""Seconds of the units that a time is written in, beside the second itself."""


def history(findings: Findings) -> go.Figure | None:
    """Every trial by its number, the best so far, and the baseline.

    A trial that ended no epoch stands at the foot.
    """
    known = [trial.mean_auc for trial in findings.trials if trial.mean_auc is not None]
    known += [auc for _, auc in findings.best_so_far]
    if not known:
        return None
    foot = min(known) - 0.08 * max(max(known) - min(known), 0.02)
    figure = go.Figure(layout=layout(420))
    for state, title in STATES.items():
        rows = findings.in_state(state)
        if rows:
            figure.add_scatter(
                x=[trial.number for trial in rows],
                y=[foot if trial.mean_auc is None else trial.mean_auc for trial in rows],
                mode="markers",
                name=title,
                marker=_state_marker(state),
                **of_trials(trial.number for trial in rows),
                cliponaxis=False,
            )
    last = findings.trials[-1].number
    _add_best_so_far(figure, findings.best_so_far, last)
    _add_baseline(figure, findings)
    figure.update_xaxes(title_text="trial", range=[-0.6, max(last, 1) + 0.6], tickformat="d")
    if last <= MOST_TICKS:
        figure.update_xaxes(dtick=1)
    pad = max(0.06 * (max(known) - foot), 0.01)
    figure.update_yaxes(title_text=_mean_auc(findings), range=[foot - pad, max(known) + pad])
    return figure


def learning_curves(findings: Findings) -> go.Figure | None:
    """Mean AUC by epoch of every trial; the baseline and the best stand out."""
    if not findings.epochs:
        return None
    best, baseline = findings.best, findings.baseline
    leading = {row["trial"] for row in (best, baseline) if row}
    figure = go.Figure(layout=layout(420))
    for state, title in STATES.items():
        rows = [trial for trial in findings.in_state(state) if trial.number not in leading]
        _add_curves(figure, findings, rows, title, STATE_COLOURS[state])
    if best and best["role"] != BASELINE:
        _add_leading(figure, findings, best["trial"], f"best, trial {best['trial']}", "solid")
    if baseline:
        _add_leading(figure, findings, baseline["trial"], "baseline", "dash")
    _add_stops(figure, findings)
    longest = max(epochs[-1].epoch for epochs in findings.epochs.values())
    figure.update_xaxes(title_text="epochs completed", range=[0.8, longest + 0.2], tickformat="d")
    if longest <= MOST_TICKS:
        figure.update_xaxes(dtick=1)
    figure.update_yaxes(title_text=_mean_auc(findings))
    return figure


def cost(findings: Findings) -> go.Figure | None:
    """Mean AUC against what a configuration costs, with those that none beats on both."""
    kinds = {"seconds": "training time"} | {name: COSTS[name].title for name in findings.costs}
    known = {kind: findings.ranked.dropna(subset=[kind]) for kind in kinds}
    known = {kind: rows for kind, rows in known.items() if not rows.empty}
    if not known:
        return None
    figure = make_subplots(rows=1, cols=len(known), shared_yaxes=True, horizontal_spacing=0.05)
    figure.update_layout(layout(420))
    figure.update_xaxes(AXIS)
    figure.update_yaxes(AXIS)
    for column, (kind, rows) in enumerate(known.items(), start=1):
        _add_cost(figure, findings, rows, kind, column)
        figure.update_xaxes(_cost_axis(rows[kind].astype(float), kind), col=column)
        figure.update_xaxes(title_text=kinds[kind], col=column)
    figure.update_yaxes(title_text=_mean_auc(findings), col=1)
    return figure


def _mean_auc(findings: Findings) -> str:
    """What an axis is called that has mean AUCs."""
    return f"mean AUC {measured_on(findings.experiment.folds)}"


def pareto_front(cost: Sequence[float], auc: Sequence[float]) -> list[int]:
    """Positions that no other beats in both, by rising cost; of equals, the first."""
    values = np.column_stack([cost, auc])
    front = np.flatnonzero(on_front(values, [False, True], np.ones(len(values), dtype=bool)))
    # Who costs the same on the front is equal in both.
    _, first = np.unique(values[front, 0], return_index=True)
    return [int(i) for i in front[first]]


def of_trials(numbers: Iterable[int]) -> dict[str, Any]:
    """Of a trace of points, one a trial: the page's script tells under the pointer what the table
    of trials has of them.
    """
    return {"customdata": list(numbers), "meta": "trials"}


def over_images(
    findings: Findings, means: Sequence[float], stderrs: Sequence[float | None]
) -> Floats:
    """``(means, 2)``: the intervals of mean AUCs over images; NaN where the error is unknown."""
    rows = pd.DataFrame({"auc": means, "stderr": stderrs}, dtype=float)
    return of_means(findings.labels)(rows)


def _state_marker(state: TrialState) -> dict[str, Any]:
    colour = STATE_COLOURS[state]
    line = {"width": 1.5 if "open" in STATE_SYMBOLS[state] else 0, "color": colour}
    return {"color": colour, "symbol": STATE_SYMBOLS[state], "size": 9, "line": line}


def _add_best_so_far(figure: go.Figure, steps: Sequence[tuple[int, float]], last: int) -> None:
    """A step at each trial that was better than all before it, on to the ``last`` trial."""
    if steps:
        figure.add_scatter(
            x=[*(number for number, _ in steps), last],
            y=[*(auc for _, auc in steps), steps[-1][1]],
            mode="lines",
            name="best so far",
            line={"color": STATE_COLOURS[TrialState.COMPLETE], "width": 2, "shape": "hv"},
            hoverinfo="skip",
        )


def _add_baseline(figure: go.Figure, findings: Findings) -> None:
    if findings.baseline:
        height = findings.baseline["mean_auc"]
        figure.add_hline(y=height, line={"color": INK, "width": 1.5, "dash": "dash"})
        figure.add_annotation(
            text="baseline", xref="paper", x=1, y=height, xanchor="left", xshift=4, showarrow=False
        )
        figure.update_layout(margin_r=72)


def _add_curves(
    figure: go.Figure, findings: Findings, trials: Sequence[Trial], name: str, colour: str
) -> None:
    """Curves of one colour as one trace, with gaps between: there may be thousands."""
    x: list[int | None] = []
    y: list[float | None] = []
    numbers: list[int | None] = []
    for trial in trials:
        epochs = evenly(findings.epochs.get(trial.number, []), MOST_POINTS)
        x += [*(epoch.epoch for epoch in epochs), None]
        y += [*(round(epoch.mean_auc, DIGITS) for epoch in epochs), None]
        numbers += [*(trial.number for _ in epochs), None]
    if any(value is not None for value in x):
        figure.add_scatter(
            x=x,
            y=y,
            customdata=numbers,
            name=name,
            mode="lines+markers",
            opacity=0.55,
            line={"color": colour, "width": 1},
            marker={"size": 3},
            hovertemplate="trial %{customdata}, epoch %{x}: %{y:.4f}<extra></extra>",
        )


def _add_stops(figure: go.Figure, findings: Findings) -> None:
    """Where curves were stopped early, and lines at the epochs at which most were."""
    ends = [
        (trial.number, findings.epochs[trial.number][-1])
        for trial in findings.in_state(TrialState.PRUNED)
        if findings.epochs.get(trial.number)
    ]
    if not ends:
        return
    figure.add_scatter(
        x=[last.epoch for _, last in ends],
        y=[round(last.mean_auc, DIGITS) for _, last in ends],
        mode="markers",
        name="stopped here",
        marker=_state_marker(TrialState.PRUNED) | {"size": 7},
        **of_trials(number for number, _ in ends),
    )
    for epoch, _ in Counter(last.epoch for _, last in ends).most_common(MOST_RUNGS):
        figure.add_vline(x=epoch, line={"color": FAINT, "width": 1, "dash": "dot"}, layer="below")


def _add_leading(figure: go.Figure, findings: Findings, number: int, name: str, dash: str) -> None:
    epochs = findings.epochs.get(number, [])
    values = [epoch.mean_auc for epoch in epochs]
    low, high = over_images(findings, values, [epoch.mean_auc_stderr for epoch in epochs]).T
    bars = {"array": (high - values).tolist(), "arrayminus": (values - low).tolist()}
    figure.add_scatter(
        x=[epoch.epoch for epoch in epochs],
        y=values,
        error_y={"symmetric": False, **bars, "width": 0, "thickness": 1},
        mode="lines+markers",
        name=name,
        line={"color": INK, "width": 2.5, "dash": dash},
        marker={"size": 6},
        hovertemplate="epoch %{x}: %{y:.4f}<extra>" + name + "</extra>",
    )


def _cost_axis(values: "pd.Series[float]", kind: str) -> dict[str, Any]:
    """Ticks at round numbers, with their unit; logarithmic where the costs differ much."""
    low, high = float(values.min()), float(values.max())
    log = 0 < LOG_RATIO * low < high
    # Round in the unit that they are written in.
    unit = next((size for size in UNITS if kind == "seconds" and high >= 2 * size), 1.0)
    ticks = [unit * tick for tick in round_numbers(low / unit, high / unit, log=log)]
    write = _whole_units if kind == "seconds" else COSTS[kind].write
    axis = {"tickvals": ticks, "ticktext": [write(tick) for tick in ticks]}
    return axis | {"type": "log" if log else "linear"}


def _whole_units(seconds: float) -> str:
    """``2 min``, not ``2 min 00 s``."""
    return re.sub(r" 00 \w+$", "", duration(seconds))


def _add_cost(
    figure: go.Figure, findings: Findings, rows: pd.DataFrame, kind: str, column: int
) -> None:
    """One kind of cost in its own column of the figure."""
    x, y = rows[kind].astype(float).to_list(), rows["mean_auc"].to_list()
    front = pareto_front(x, y)
    on_it = set(front)
    figure.add_scatter(
        x=[x[i] for i in front],
        y=[y[i] for i in front],
        mode="lines",
        name="Pareto front",
        line={"color": FAINT, "width": 2, "shape": "hv"},
        hoverinfo="skip",
        showlegend=column == 1,
        row=1,
        col=column,
    )
    for is_baseline, name, symbol, colour in (
        (False, "configuration", "circle", STATE_COLOURS[TrialState.COMPLETE]),
        (True, "baseline", "diamond", INK),
    ):
        chosen = [i for i, role in enumerate(rows["role"]) if (role == BASELINE) == is_baseline]
        if not chosen:
            continue
        figure.add_scatter(
            x=[x[i] for i in chosen],
            y=[y[i] for i in chosen],
            mode="markers",
            name=name,
            marker={
                "symbol": symbol,
                "size": 10,
                "color": [colour if i in on_it else "white" for i in chosen],
                "line": {"color": colour, "width": 1.5},
            },
            **of_trials(int(rows["trial"].iloc[i]) for i in chosen),
            showlegend=column == 1,
            row=1,
            col=column,
        )
