"""The plots of a study in Optuna's dashboard: the figures of the report, of bounded size."""

from collections.abc import Callable, Iterator

import plotly.graph_objects as go

from results.report.axes import label_effects, shares
from results.report.contents import Findings
from results.report.figures import cost
from results.report.grid import placement_grid
from results.report.heat_map import label_heat_map
from sedn.style import INK

HEIGHT = 450
"""Pixels that the dashboard gives each plot."""
TOP = 88
"""Pixels above a plot, for title and legend."""
MOST_BYTES = 300_000
"""Of one plot. The dashboard reads all plots of all studies whenever a page asks for news."""

Drawn = Callable[[Findings], go.Figure | None]


def _importance(findings: Findings) -> go.Figure | None:
    return None if findings.importance.mean.effects is None else shares(findings.importance)


def _by_label(findings: Findings) -> go.Figure | None:
    return label_effects(findings.importance)


PLOTS: dict[str, tuple[str, Drawn]] = {
    "sedn-labels": ("AUC of each label", label_heat_map),
    "sedn-placement": ("Mean AUC by placement", placement_grid),
    "sedn-importance": ("Share of the variance of the mean AUC", _importance),
    "sedn-importance-by-label": ("Difference in AUC of each label, by value", _by_label),
    "sedn-cost": ("Mean AUC and cost", cost),
}
"""Title and figure of each plot by its id in the study."""


def draw_plots(findings: Findings) -> Iterator[tuple[str, str]]:
    """The id and the JSON of each plot for which something is known."""
    for name, (title, draw) in PLOTS.items():
        figure = draw(findings)
        if figure is None:
            continue
        text = _fitted(figure, title).to_json()
        if len(text) > MOST_BYTES:
            text = _without_hover(figure).to_json()
        if len(text) <= MOST_BYTES:
            yield name, text


def _fitted(figure: go.Figure, title: str) -> go.Figure:
    """The figure with a title, in the room that the dashboard has for it."""
    for trace in figure.data:
        if trace.meta == "trials":
            # The page of the report tells more, by a script of its own.
            text = "trial %{customdata}<br>mean AUC %{y:.4f}<extra></extra>"
            trace.update(hovertemplate=text, hoverinfo=None)
    # Long names that stand upright would run into the title; below, the margin grows with them.
    figure.update_xaxes(side="bottom")
    figure.update_layout(
        height=HEIGHT,
        width=None,
        autosize=True,
        margin_t=TOP,
        title={
            "text": title, "x": 0.02, "xref": "container", "y": 0.98, "yanchor": "top",
            "font": {"size": 16, "color": INK},
        },
    )  # fmt: skip
    return figure


def _without_hover(figure: go.Figure) -> go.Figure:
    """The figure without the words that appear under the pointer: those of many trials are most of
    its size.
    """
    for trace in figure.data:
        if "text" not in (trace.mode or "" if hasattr(trace, "mode") else ""):
            trace.update(customdata=None, hovertemplate=None)
            if hasattr(trace, "text"):
                trace.update(text=None)
    return figure
