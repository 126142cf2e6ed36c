"""The cells of a heat map of AUCs, with the numbers in them."""

import numpy as np
import plotly.graph_objects as go

from sedn.arrays import Floats
from sedn.style import INK, SCALE


def add_cells(figure: go.Figure, aucs: Floats, hover: list[list[str]], digits: int | None) -> None:
    """Add a heat map to a figure.

    Args:
        figure: gets the cells.
        aucs: ``(rows, columns)``; NaN leaves a cell empty.
        hover: the text of each cell, in the same shape.
        digits: of the number in each cell, ``.87``, in ink or white as the cell's colour asks;
            ``None``: the cells have no numbers.
    """
    figure.add_heatmap(
        z=aucs.tolist(),
        colorscale=SCALE,
        xgap=2,
        ygap=1,
        hoverongaps=False,
        customdata=hover,
        hovertemplate="%{customdata}<extra></extra>",
        colorbar={"title": {"text": "AUC"}, "thickness": 12, "outlinewidth": 0},
    )
    if digits is not None:
        _add_numbers(figure, aucs, digits)


def _add_numbers(figure: go.Figure, aucs: Floats, digits: int) -> None:
    rows, columns = np.nonzero(~np.isnan(aucs))
    values = aucs[rows, columns]
    middle = (values.min() + values.max()) / 2 if len(values) else 0.0
    figure.add_scatter(
        x=columns.tolist(),
        y=rows.tolist(),
        mode="text",
        text=[f"{value:.{digits}f}".removeprefix("0") for value in values],
        textfont={"color": ["white" if value > middle else INK for value in values]},
        hoverinfo="skip",
        showlegend=False,
    )
