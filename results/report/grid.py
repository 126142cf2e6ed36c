"""Placement, fusion and reduction ratio together: the mean AUC of each combination."""

import numpy as np
import plotly.graph_objects as go

from results.database.models import TrialState
from results.report.cells import add_cells
from results.report.contents import Findings
from results.report.style import value_text
from sedn.style import PALE, count_of, layout, number_text, plain

ROWS = "embedding.placement"
COLUMNS = ("embedding.fusion", "attention.reduction_ratio")
MOST_ROWS, MOST_COLUMNS = 40, 24
"""More are not drawn: those with the highest mean AUC stay."""

BETWEEN = " · "
"""Stands between a fusion and a ratio."""

Cells = dict[tuple[str, str], list[float]]


def placement_grid(findings: Findings) -> go.Figure | None:
    """A row for each placement, a column for each fusion and reduction ratio; ``None`` where the
    placement, or both of the others, did not vary.
    """
    columns = [path for path in COLUMNS if path in findings.varied.columns]
    if ROWS not in findings.varied.columns or not columns:
        return None
    cells: Cells = {}
    for trial in findings.listed:
        if trial.state is TrialState.COMPLETE and trial.mean_auc is not None:
            own = findings.varied.loc[trial.number]
            parts = [
                f"{path.split('_')[-1].split('.')[-1]} {value_text(own[path])}"
                for path in columns
                if value_text(own[path]) != "–"
            ]
            key = (value_text(own[ROWS]), BETWEEN.join(parts) or "without fusion")
            cells.setdefault(key, []).append(trial.mean_auc)
    return _heat_map(cells) if cells else None


def _heat_map(cells: Cells) -> go.Figure:
    rows, columns = _best_first(cells, 0, MOST_ROWS), _best_first(cells, 1, MOST_COLUMNS)
    aucs = [cells.get((row, column)) for row in rows for column in columns]
    means = np.array([np.mean(some) if some else np.nan for some in aucs])
    shape = (len(rows), len(columns))
    hover = [
        f"<b>{plain(row)}</b><br>{plain(column)}<br>"
        f"mean AUC {number_text(mean)}, the best {number_text(max(some or [np.nan]))}, "
        f"{count_of(len(some or []), 'trial')}"
        for (row, column), mean, some in zip(
            ((row, column) for row in rows for column in columns), means, aucs, strict=True
        )
    ]
    figure = go.Figure(layout=layout(130 + 26 * len(rows), plot_bgcolor=PALE))
    texts = [hover[i : i + shape[1]] for i in range(0, len(hover), shape[1])]
    add_cells(figure, means.reshape(shape), texts, 3)
    figure.update_yaxes(
        range=[len(rows) - 0.5, -0.5],
        showgrid=False,
        tickvals=list(range(len(rows))),
        ticktext=[plain(row) for row in rows],
    )
    figure.update_xaxes(
        range=[-0.5, len(columns) - 0.5],
        side="top",
        showgrid=False,
        tickvals=list(range(len(columns))),
        ticktext=[plain(column).replace(BETWEEN, "<br>") for column in columns],
    )
    return figure.update_layout(margin={"l": 64, "r": 16, "t": 90, "b": 12})


def _best_first(cells: Cells, side: int, most: int) -> list[str]:
    """The names of one side of the grid, those with the highest mean AUC first."""
    of_name: dict[str, list[float]] = {}
    for key, aucs in cells.items():
        of_name.setdefault(key[side], []).extend(aucs)
    return sorted(of_name, key=lambda name: -float(np.mean(of_name[name])))[:most]
