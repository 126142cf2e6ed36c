"""The AUC of each label under the baseline and the best configurations."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from results.database.models import BASELINE
from results.report.cells import add_cells
from results.report.contents import MOST_COLUMNS, Findings
from sedn.style import PALE, gain_text, layout, number_text, plain

MOST_TALL_ROWS = 60
"""More labels than this get rows too low for numbers."""


def label_heat_map(findings: Findings) -> go.Figure | None:
    """A row per label in the order of the data, a column per configuration, the baseline first.

    The difference to the baseline appears under the pointer. ``None``: no configuration has been
    trained to its last epoch.
    """
    columns = _columns(findings)
    names = [label.name for label in findings.labels]
    if not columns or not names:
        return None
    table = findings.pooled_labels.pivot(index="label", columns="trial", values="auc")
    table = table.reindex(index=names, columns=[row["trial"] for row in columns])
    tall = len(names) <= MOST_TALL_ROWS
    height = 110 + (26 if tall else 14) * len(names)
    margin = {"l": 64, "r": 16, "t": 90, "b": 12}
    figure = go.Figure(layout=layout(max(height, 210), margin=margin, plot_bgcolor=PALE))
    # More digits would say nothing.
    add_cells(figure, table.to_numpy(), _hover(table, columns), 2 if tall else None)
    undefined = set(findings.by_label.loc[findings.by_label["auc"].isna(), "label"])
    figure.update_yaxes(
        range=[len(names) - 0.5, -0.5],
        showgrid=False,
        tickvals=list(range(len(names))),
        ticktext=[plain(name) + (" (no AUC)" if name in undefined else "") for name in names],
    )
    figure.update_xaxes(
        range=[-0.5, len(columns) - 0.5],
        side="top",
        showgrid=False,
        tickvals=list(range(len(columns))),
        ticktext=[_title(row) for row in columns],
    )
    return figure


def _columns(findings: Findings) -> list[dict[str, Any]]:
    """The baseline, if it is trained, and the first of the ranking without it."""
    others = findings.ranked[findings.ranked["role"] != BASELINE].head(MOST_COLUMNS)
    rows = [{str(k): v for k, v in row.items()} for row in others.to_dict("records")]
    return [findings.baseline, *rows] if findings.baseline else rows


def _title(row: dict[str, Any]) -> str:
    head = "baseline" if row["role"] == BASELINE else f"rank {row['rank']}"
    return f"<b>{head}</b><br>trial {row['trial']}"


def _hover(table: pd.DataFrame, columns: list[dict[str, Any]]) -> list[list[str]]:
    """What appears under the pointer, in the table's shape."""
    has_baseline = columns[0]["role"] == BASELINE
    hover = []
    for name, aucs in zip(table.index, table.to_numpy(), strict=True):
        cells = []
        for position, (row, auc) in enumerate(zip(columns, aucs, strict=True)):
            lines = [f"<b>{plain(name)}</b>", _title(row).replace("<br>", " · "), f"AUC {auc:.4f}"]
            if has_baseline and position:
                gain = gain_text(auc / aucs[0] - 1.0) if aucs[0] else "–"
                lines.append(f"{number_text(auc - aucs[0], signed=True)} to the baseline ({gain})")
            cells.append("<br>".join(lines))
        hover.append(cells)
    return hover
