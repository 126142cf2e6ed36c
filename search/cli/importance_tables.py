"""The tables of `sedn importance`."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.table import Table

from results.axes.words import effect_text, shown_effects, value_name
from search.cli.tables import titled_table
from sedn.style import number_text, one_line, share_text

if TYPE_CHECKING:
    import pandas as pd

MOST_LABELS = 30
"""Rows of the table of labels; `--json` has all."""
LEAST_P = 0.001


def axes_table(axes: "pd.DataFrame", name: str, label: str | None) -> Table:
    """The axes for one outcome, the most important first."""
    what = "mean AUC" if label is None else f"AUC of {one_line(label)}"
    table = _table(f"{name}: axes, for the {what}")
    table.add_column("axis", overflow="fold")
    table.add_column("share of variance", justify="right", no_wrap=True)
    table.add_column("best, worst value", overflow="fold")
    table.add_column("apart", justify="right", no_wrap=True)
    table.add_column("p", justify="right", no_wrap=True)
    names = axis_names(axes["axis"])
    for row in axes.sort_values("share", ascending=False).to_dict("records"):
        known = row["difference"] == row["difference"]
        ends = f"[{share_text(row['share_low'], 0)}, {share_text(row['share_high'], 0)}]"
        table.add_row(
            names[row["axis"]],
            f"{share_text(row['share'], 0)} {ends}" if known else "unknown",
            f"{value_name(row['best'])}, {value_name(row['worst'])}" if known else "–",
            number_text(row["difference"], 3),
            _p(row["p"]),
            style="bold" if row["matters"] else None,
        )
    table.caption = "Bold: p below 0.05. p: how often luck alone shows as much on any axis" + (
        "." if label is None else " and label."
    )
    table.caption_justify = "left"
    return table


def effects_table(values: "pd.DataFrame", label: str | None) -> Table:
    """The effects of the values of some axes, against ``none`` where the axis has such a value."""
    table = _table("Difference in AUC of each value, all other axes held alike")
    table.add_column("axis", overflow="fold")
    table.add_column("value", overflow="fold")
    table.add_column("against", overflow="fold")
    table.add_column("trials", justify="right", no_wrap=True)
    table.add_column("effect [95 %]", justify="right", no_wrap=True)
    if values["pairs"].any():
        table.add_column("in pairs", justify="right", no_wrap=True)
    previous, names = None, axis_names(values["axis"].unique())
    for row in shown_effects(values):
        cells = [
            names[row["axis"]] if row["axis"] != previous else "",
            value_name(row["value"]),
            "average" if row["against"] is None else value_name(row["against"]),
            str(row["configurations"]),
            effect_text(row["effect"], row["low"], row["high"]),
        ]
        if values["pairs"].any():
            pairs = f" ({row['pairs']})" if row["pairs"] else ""
            cells.append(number_text(row["paired"], 3, signed=True) + pairs)
        previous = row["axis"]
        table.add_row(*cells, style="bold" if row["significant"] else None)
    return table


def axis_names(paths: Iterable[str]) -> dict[str, str]:
    """Short names of axes: the last part of the path, or the group of a ``kind`` or ``name``; the
    whole path where two short names would be equal.
    """
    names = {}
    for path in paths:
        group, _, name = path.rpartition(".")
        names[path] = group if name in ("kind", "name") and group else name
    counts = Counter(names.values())
    return {path: name if counts[name] == 1 else path for path, name in names.items()}


def labels_table(values: "pd.DataFrame") -> Table:
    """The significant effects on labels, the largest of each axis and label first."""
    table = _table("Significant effects on labels")
    table.add_column("label", min_width=8, overflow="fold")
    table.add_column("axis", overflow="fold")
    table.add_column("value", overflow="fold")
    table.add_column("against", overflow="fold")
    table.add_column("effect [95 %]", justify="right", no_wrap=True)
    rows = [row for row in shown_effects(values) if row["significant"]]
    names = axis_names(values["axis"].unique())
    for row in rows[:MOST_LABELS]:
        table.add_row(
            one_line(row["label"]),
            names[row["axis"]],
            value_name(row["value"]),
            "average" if row["against"] is None else value_name(row["against"]),
            effect_text(row["effect"], row["low"], row["high"]),
        )
    if len(rows) > MOST_LABELS:
        table.caption = f"{len(rows) - MOST_LABELS} more: --json has all, --label one label."
        table.caption_justify = "left"
    return table


def _p(value: float) -> str:
    if value != value:
        return "–"
    return number_text(value, 3) if value > LEAST_P else f"≤{LEAST_P}"


def _table(title: str) -> Table:
    table = titled_table(title)
    table.padding = (0, 1, 0, 0)
    return table
