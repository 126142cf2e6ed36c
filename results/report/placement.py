"""What each placement of the map reaches by reduction ratio, or by fusion where no ratio varies."""

import pandas as pd
import plotly.graph_objects as go

from results.report.contents import Findings
from results.report.style import value_text
from sedn.style import INK, SCALE, layout, plain

PLACEMENT = "embedding.placement"
BESIDE = ("attention.reduction_ratio", "embedding.fusion", "embedding.width", "attention.kind")
"""What stands beside the placement: the first of these that varies."""


def placement_by_ratio(findings: Findings) -> go.Figure | None:
    """A row for each placement, a column for each ratio, the best mean AUC and the number of
    configurations in each cell; ``None`` where the placement or all else is the same everywhere.
    """
    ranked = findings.ranked
    beside = next((path for path in BESIDE if path in ranked.columns), None)
    if PLACEMENT not in ranked.columns or beside is None:
        return None
    frame = pd.DataFrame(
        {
            "row": [value_text(value) for value in ranked[PLACEMENT]],
            "column": [value_text(value) for value in ranked[beside]],
            "auc": ranked["mean_auc"].astype(float),
        }
    )
    best = frame.pivot_table(index="row", columns="column", values="auc", aggfunc="max")
    best = best.loc[best.max(axis=1).sort_values(ascending=False).index]
    best = best[sorted(best.columns, key=lambda one: _order(str(one)))]
    counts = frame.pivot_table(index="row", columns="column", values="auc", aggfunc="count")
    return _heat_map(best, counts.loc[best.index, best.columns].fillna(0).astype(int), beside)


def _heat_map(best: pd.DataFrame, counts: pd.DataFrame, beside: str) -> go.Figure:
    aucs, numbers = best.to_numpy(float), counts.to_numpy(int)
    known = aucs[aucs == aucs]
    middle = (known.min() + known.max()) / 2
    rows, columns = [plain(row) for row in best.index], [plain(one) for one in best.columns]
    height = max(210, 130 + 30 * len(rows))
    figure = go.Figure(layout=layout(height, plot_bgcolor="#eef0f3", showlegend=False))
    figure.add_heatmap(
        z=[[None if auc != auc else float(auc) for auc in row] for row in aucs],
        colorscale=SCALE,
        xgap=2,
        ygap=2,
        hoverongaps=False,
        customdata=[
            [
                f"<b>{name}</b> · {column}<br>best mean AUC {auc:.4f}<br>of {number} configurations"
                for column, auc, number in zip(columns, of_row, of_numbers, strict=True)
            ]
            for name, of_row, of_numbers in zip(rows, aucs, numbers, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
        colorbar={"title": {"text": "AUC"}, "thickness": 12, "outlinewidth": 0},
    )
    cells = [(x, y) for y in range(len(rows)) for x in range(len(columns)) if numbers[y, x]]
    figure.add_scatter(
        x=[x for x, _ in cells],
        y=[y for _, y in cells],
        mode="text",
        text=[f"{aucs[y, x]:.3f} ({numbers[y, x]})".removeprefix("0") for x, y in cells],
        textfont={"color": ["white" if aucs[y, x] > middle else INK for x, y in cells]},
        hoverinfo="skip",
    )
    figure.update_yaxes(
        tickvals=list(range(len(rows))), ticktext=rows, range=[len(rows) - 0.5, -0.5],
        showgrid=False,
    )  # fmt: skip
    title = plain(beside.rsplit(".", 1)[-1].replace("_", " "))
    figure.update_xaxes(
        tickvals=list(range(len(columns))), ticktext=columns, side="bottom", showgrid=False,
        title_text=f"{title} (–: no effect); in brackets, configurations",
    )  # fmt: skip
    return figure


def _order(text: str) -> tuple[int, float, str]:
    """Nothing first, then numbers by size, then words."""
    if text == "–":
        return 0, 0.0, text
    try:
        return 1, float(text), text
    except ValueError:
        return 2, 0.0, text
