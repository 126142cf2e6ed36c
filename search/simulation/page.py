"""A page of simulated searches: regret over virtual time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import plotly.graph_objects as go

from search.simulation.methods import Outcome, moments
from search.simulation.rows import EXPLAINED, HEADS, outcome_row
from sedn.files import write_text
from sedn.page.figures import figure
from sedn.page.parts import document, paragraph, section, table, text
from sedn.style import SERIES, layout

LEAST = 1e-4
"""The lowest regret that the figure tells from none."""
DASHES = ("solid", "dash", "dot", "dashdot")


def write_page(outcomes: Sequence[Outcome], source: str, path: Path) -> None:
    """Write the page of simulated searches.

    Raises:
        UserError: the page cannot be written.
    """
    title = f"Simulated searches of {source}"
    shown = figure(regret_figure(outcomes), "regret", "No search was simulated.", least=560)
    sections = [
        section(
            "regret-over-time",
            "Regret over time",
            "What the best result so far lacks to the best recorded one: the median over the "
            "seeds. The time is that of the recorded trainings.",
            shown,
        ),
        section("methods", "Methods", EXPLAINED, _table(outcomes)),
    ]
    page = document(title, f"<h1>{text(title)}</h1>", sections, paragraph("Made by sedn simulate."))
    write_text(path, page)


def regret_figure(outcomes: Sequence[Outcome]) -> go.Figure:
    """Median regret over virtual time, with the quartiles as a band."""
    drawn = go.Figure()
    seconds = moments(outcomes)
    for place, outcome in enumerate(outcomes):
        # A logarithmic axis has no place for 0.
        low, middle, high = np.maximum(outcome.regret(seconds), LEAST)
        colour = SERIES[place % len(SERIES)]
        line = {"color": colour, "dash": DASHES[place // len(SERIES) % len(DASHES)]}
        drawn.add_scatter(
            x=seconds, y=middle, name=outcome.method.name, line=line, legendgroup=str(place)
        )
        for edge in (low, high):
            drawn.add_scatter(
                x=seconds,
                y=edge,
                line={**line, "width": 0.5},
                legendgroup=str(place),
                showlegend=False,
                hoverinfo="skip",
            )
    drawn.update_layout(layout(520))
    drawn.update_xaxes(type="log", title="seconds of the simulated search")
    drawn.update_yaxes(type="log", title="regret (mean AUC)", exponentformat="power")
    return drawn


def _table(outcomes: Sequence[Outcome]) -> str:
    rows = [[text(cell) for cell in outcome_row(outcome)] for outcome in outcomes]
    return table(HEADS, rows, right=HEADS[2:])
