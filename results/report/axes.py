"""What mattered, on the page: the axes, what their values do, and for which labels."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from results.axes.importance import Importance
from results.axes.words import answer, assumptions, effect_text, of_label, shown_effects, value_name
from results.trial_facts import PLACEMENT
from sedn import page
from sedn.style import (
    BLUE,
    FAINT,
    GREY,
    INK,
    MIDDLE,
    PALE,
    VERMILION,
    layout,
    number_text,
    plain,
    share_text,
)

MOST_LABELS = 60
"""Rows of the heat map, those with the largest effects."""
DIVERGING = [[0.0, VERMILION], [0.5, MIDDLE], [1.0, BLUE]]


def axes_section(importance: Importance, of_trials: str = "") -> str:
    """The section of the page; ``of_trials`` says of which trials it is, where not of all."""
    content = "".join(page.paragraph(line) for line in answer(importance))
    rests_on = "".join(page.paragraph(line) for line in assumptions(importance))
    if importance.mean.effects is not None:
        content += page.figure(
            shares(importance), "axes", "", "Share of the variance of the mean AUC by axis", 420
        )
        content += "<h3>What each value does to the mean AUC</h3>"
        content += page.paragraph(
            "Difference in AUC with all other axes held alike; bars are 95 % intervals for all "
            "effects together. Against `none` where that is a value, else against the average of "
            "the axis's values. Blue: found."
        )
        content += page.figure(
            value_effects(importance),
            "axis-values",
            "",
            "Effect of each value on the mean AUC",
            560,
        )
    if (figure := label_effects(importance)) is not None:
        axis = _of_heat_map(importance)
        content += f"<h3>Labels by {page.text(axis)}</h3>"
        content += page.paragraph(
            "Difference in each label's AUC; a number stands where an effect was found, and the "
            "others may be luck."
        )
        content += page.figure(
            figure, "axis-labels", "", f"Effects on the AUC of each label by {axis}", 640
        )
    lead = (
        _LEAD
        if importance.mean.effects
        else "Which axis mattered, for the mean AUC and for labels."
    )
    return page.section("axes", "What mattered", lead + of_trials, content + rests_on)


_LEAD = (
    "The share of the variance of the mean AUC that is each axis's, were its values tried equally "
    "often and where it has an effect, with 95 % intervals. What is left is luck, and what axes do "
    "only together. `sedn importance` has the numbers."
)


def shares(importance: Importance) -> go.Figure:
    """A bar for each axis, what matters most on top."""
    axes = of_label(importance.axes, None).dropna(subset=["share"]).sort_values("share")
    figure = go.Figure(layout=layout(90 + 30 * len(axes), showlegend=False))
    figure.add_bar(
        x=axes["share"].tolist(),
        y=[plain(axis) for axis in axes["axis"]],
        orientation="h",
        marker={"color": [BLUE if matters else FAINT for matters in axes["matters"]]},
        error_x=_bars(axes["share"], axes["share_low"], axes["share_high"]),
        customdata=[
            f"{share_text(row['share'])} [{share_text(row['share_low'])}, "
            f"{share_text(row['share_high'])}]<br>{row['configurations']} configurations"
            f"<br>p {number_text(row['p'], 3)}"
            for row in axes.to_dict("records")
        ],
        hovertemplate="<b>%{y}</b><br>%{customdata}<extra></extra>",
    )
    figure.update_xaxes(title_text="share of the variance", tickformat=".0%", rangemode="tozero")
    figure.update_layout(margin={"l": 64, "r": 16, "t": 12, "b": 48}, bargap=0.35)
    return figure


def value_effects(importance: Importance) -> go.Figure:
    """A point with its interval for each value, axis below axis."""
    rows = shown_effects(of_label(importance.values, None).dropna(subset=["effect"]))
    names = [f"{plain(row['axis'])}  <b>{plain(_value(row))}</b>" for row in rows]
    figure = go.Figure(layout=layout(80 + 24 * len(rows), showlegend=False))
    frame = pd.DataFrame(rows)
    for is_significant, colour in ((True, BLUE), (False, GREY)):
        chosen = frame[frame["significant"] == is_significant] if rows else frame
        if chosen.empty:
            continue
        figure.add_scatter(
            x=chosen["effect"].tolist(),
            y=chosen.index.tolist(),
            mode="markers",
            marker={"color": colour, "size": 9},
            error_x=_bars(chosen["effect"], chosen["low"], chosen["high"], colour),
            customdata=[_hover(row) for row in chosen.to_dict("records")],
            hovertemplate="%{customdata}<extra></extra>",
        )
    figure.add_vline(x=0, line={"color": INK, "width": 1})
    last = len(rows) - 1
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=names, range=[last + 0.6, -0.6])
    figure.update_xaxes(title_text="difference in mean AUC", tickformat="+.3f")
    figure.update_layout(margin={"l": 64, "r": 16, "t": 12, "b": 48})
    return figure


def label_effects(importance: Importance) -> go.Figure | None:
    """A row for each label, a column for each value of the placement; of another axis where the
    placement was not varied. ``None``: nothing is known of labels.
    """
    axis = _of_heat_map(importance)
    if importance.labels.effects is None or axis is None:
        return None
    values = importance.values[
        (importance.values["axis"] == axis) & importance.values["label"].notna()
    ]
    has_reference = values["against"].notna().any()
    values = values[values["against"].notna() == has_reference]
    columns = list(dict.fromkeys(value_name(value) for value in values["value"]))
    rows = _labels_shown(values)
    count, shape = len(columns), (len(rows), len(columns))
    values = values.set_index("label").loc[rows]
    effects = values["effect"].to_numpy(float).reshape(shape)
    largest = float(np.nanmax(np.abs(effects), initial=1e-4))
    height = 100 + 24 * len(rows)
    figure = go.Figure(layout=layout(max(height, 190), plot_bgcolor=PALE))
    records = values.reset_index().to_dict("records")
    hover = [f"<b>{plain(row['label'])}</b><br>{_hover(row)}" for row in records]
    figure.add_heatmap(
        z=effects.tolist(),
        zmin=-largest,
        zmax=largest,
        colorscale=DIVERGING,
        xgap=2,
        ygap=1,
        customdata=[hover[i * count : (i + 1) * count] for i in range(len(rows))],
        hovertemplate="%{customdata}<extra></extra>",
        colorbar={"title": {"text": "AUC"}, "thickness": 12, "outlinewidth": 0},
    )
    _add_significant(figure, effects, values["significant"].to_numpy(bool).reshape(shape), largest)
    against = value_name(values["against"].iloc[0]) if has_reference else "the average"
    _name_rows_and_columns(figure, rows, columns, against)
    return figure


def _name_rows_and_columns(
    figure: go.Figure, rows: list[str], columns: list[str], against: str
) -> None:
    """Name the cells of a heat map, whose columns are compared with ``against``."""
    figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[plain(row) for row in rows],
        range=[len(rows) - 0.5, -0.5],
        showgrid=False,
    )
    figure.update_xaxes(
        tickvals=list(range(len(columns))),
        ticktext=[plain(column) for column in columns],
        side="top",
        showgrid=False,
        title_text=f"against {plain(against)}",
    )
    figure.update_layout(margin={"l": 64, "r": 16, "t": 80, "b": 12})


def _of_heat_map(importance: Importance) -> str | None:
    """The placement, or else the axis that was found for most labels."""
    axes = importance.axes[importance.axes["label"].notna()]
    known = list(dict.fromkeys(axes["axis"]))
    if PLACEMENT in known or not known:
        return PLACEMENT if known else None
    counts = axes.groupby("axis", sort=False)["matters"].sum()
    return str(counts.index[int(np.argmax(counts))])


def _labels_shown(values: pd.DataFrame) -> list[str]:
    """All labels in order, or those with the largest effects where they are too many."""
    largest = values.groupby("label", sort=False)["effect"].apply(lambda one: one.abs().max())
    if len(largest) <= MOST_LABELS:
        return list(largest.index)
    kept = set(largest.sort_values(ascending=False).index[:MOST_LABELS])
    return [label for label in largest.index if label in kept]


def _add_significant(figure: go.Figure, effects: Any, is_significant: Any, largest: float) -> None:
    """The numbers of the significant effects, white on dark."""
    rows, columns = np.nonzero(is_significant)
    values = effects[rows, columns]
    figure.add_scatter(
        x=columns.tolist(),
        y=rows.tolist(),
        mode="text",
        text=[f"<b>{number_text(value, 3, signed=True)}</b>" for value in values],
        textfont={"color": ["white" if abs(v) > 0.6 * largest else INK for v in values]},
        hoverinfo="skip",
        showlegend=False,
    )


def _value(row: dict[Any, Any]) -> str:
    if row["against"] is None:
        return value_name(row["value"])
    return f"{value_name(row['value'])} against {value_name(row['against'])}"


def _hover(row: dict[Any, Any]) -> str:
    lines = [
        f"{plain(row['axis'])}: {plain(_value(row))}",
        effect_text(row["effect"], row["low"], row["high"]),
        f"{row['configurations']} configurations · p {number_text(row['p'], 3)}",
    ]
    if row["pairs"]:
        lines.append(
            f"{row['pairs']} pairs: "
            + effect_text(row["paired"], row["paired_low"], row["paired_high"])
        )
    return "<br>".join(lines)


def _bars(
    middle: "pd.Series[float]",
    low: "pd.Series[float]",
    high: "pd.Series[float]",
    colour: str = INK,
) -> dict[str, Any]:
    return {
        "symmetric": False,
        "array": (high - middle).clip(lower=0).tolist(),
        "arrayminus": (middle - low).clip(lower=0).tolist(),
        "width": 0,
        "thickness": 1.5,
        "color": colour,
    }
