"""A comparison as one self-contained page: a forest plot, and the table behind it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from results.comparison.comparing import Comparison
from results.comparison.words import answer, assumptions, difference, interval, p_text
from results.held_out import images_of, measured_on
from sedn import page
from sedn.files import write_text
from sedn.metrics import SIGNIFICANCE
from sedn.style import (
    AXIS,
    BLUE,
    FAINT,
    INK,
    MUTED,
    VERMILION,
    layout,
    number_text,
    one_line,
    plain,
)

MOST_ROWS = 60
"""Labels in the picture: those that differ most surely."""
ROW = 22
"""Height of a label's row in pixels."""
MEAN = "mean AUC"


def write_page(comparison: Comparison, output: Path) -> None:
    """Write the page as one file that needs no network and no other file.

    Raises:
        UserError: the file cannot be written.
    """
    write_text(output, render_page(comparison))


def render_page(comparison: Comparison) -> str:
    """The page as HTML."""
    frame = comparison.frame().sort_values("p", kind="stable", ignore_index=True)
    first, second = one_line(comparison.first.name), one_line(comparison.second.name)
    shown = frame[frame["p"].notna()].head(MOST_ROWS)
    left_out = len(frame) - len(shown)
    lead = (
        f"AUC of {first} less that of {second} on the same {comparison.paired.images} "
        f"{images_of(comparison.folds)}, with 95 % intervals. Right of the line {first} is "
        f"higher. In colour: differs, all labels looked at together."
    )
    if left_out:
        labels = "1 label" if left_out == 1 else f"{left_out} labels"
        lead += (
            f" Left out of the picture: {labels} without an AUC, or beyond the first {MOST_ROWS}."
        )
    sections = [
        page.section(
            "differences",
            "Differences",
            lead,
            page.figure(
                _forest(comparison, shown),
                "forest",
                "No label has an AUC.",
                "Differences in AUC with their intervals",
                480,
            ),
        ),
        page.section("labels", "Labels", "Those that differ most surely first.", _table(frame)),
    ]
    header = (
        f'<div class="quiet">Comparison {measured_on(comparison.folds)}</div>'
        f"<h1>{page.text(first)} and {page.text(second)}</h1>"
        f"{''.join(page.paragraph(line) for line in answer(comparison))}"
        f'<div class="cards">{"".join(_cards(comparison))}</div>'
    )
    now = f"Written {datetime.now(UTC):%-d %B %Y, %H:%M} UTC."
    footer = "".join(page.paragraph(line) for line in (*assumptions(comparison), now))
    return page.document(f"{first} and {second} – sedn", header, sections, footer)


def _cards(comparison: Comparison) -> list[str]:
    mean = comparison.mean()
    frame = comparison.frame()
    differing, known = int(frame["differs"].sum()), int(frame["p"].notna().sum())
    sides = ((comparison.first, mean["first"]), (comparison.second, mean["second"]))
    return [
        *(
            page.card(one_line(side.name), number_text(auc), f"mean AUC · {side.description}")
            for side, auc in sides
        ),
        page.card(
            "Difference", difference(mean["difference"]), interval(mean["low"], mean["high"])
        ),
        page.card("Labels that differ", str(differing), f"of {known}, by Holm"),
    ]


def _forest(comparison: Comparison, shown: pd.DataFrame) -> go.Figure | None:
    if shown.empty:
        return None
    mean = comparison.mean()
    top: dict[Any, Any] = {"label": MEAN, "differs": mean["p"] < SIGNIFICANCE, **mean}
    rows = [top, *shown.to_dict("records")]
    figure = go.Figure()
    for colour, name, some in _colours(comparison, rows):
        figure.add_trace(_intervals(some, len(rows), colour, name))
    figure.add_vline(0, line={"color": INK, "width": 1})
    figure.add_hline(len(rows) - 1.5, line={"color": FAINT, "width": 1})
    names = [f"<b>{MEAN}</b>", *(_short(row["label"]) for row in rows[1:])]
    figure.update_layout(
        layout(
            110 + ROW * len(rows),
            xaxis=AXIS | {"title": {"text": "difference of AUC", "standoff": 12}},
            yaxis=AXIS
            | {
                "tickvals": [len(rows) - 1 - place for place in range(len(rows))],
                "ticktext": names,
                "range": [-0.7, len(rows) - 0.3],
                "ticks": "",
                "showgrid": False,
            },
        )
    )
    return figure


def _colours(
    comparison: Comparison, rows: list[dict[Any, Any]]
) -> list[tuple[str, str, list[tuple[int, dict[Any, Any]]]]]:
    """The rows by whether and how they differ, each with its place from the top."""
    first = plain(one_line(comparison.first.name))
    placed = list(enumerate(rows))
    groups = [
        (BLUE, f"{first} is higher", [(i, r) for i, r in placed if _sign(r) > 0]),
        (VERMILION, f"{first} is lower", [(i, r) for i, r in placed if _sign(r) < 0]),
        (MUTED, "no significant difference", [(i, r) for i, r in placed if _sign(r) == 0]),
    ]
    return [group for group in groups if group[2]]


def _sign(row: dict[Any, Any]) -> int:
    if not row["differs"]:
        return 0
    return 1 if row["difference"] > 0 else -1


def _intervals(
    some: list[tuple[int, dict[Any, Any]]], rows: int, colour: str, name: str
) -> go.Scatter:
    """Points with their intervals, in one colour."""
    values = [row["difference"] for _, row in some]
    return go.Scatter(
        x=values,
        y=[rows - 1 - place for place, _ in some],
        mode="markers",
        name=name,
        marker={
            "color": colour,
            "size": [11 if place == 0 else 8 for place, _ in some],
            "symbol": ["diamond" if place == 0 else "circle" for place, _ in some],
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [row["high"] - row["difference"] for _, row in some],
            "arrayminus": [row["difference"] - row["low"] for _, row in some],
            "color": colour,
            "thickness": 1.6,
            "width": 0,
        },
        text=[
            f"{plain(row['label'])}<br>{number_text(row['first'])} and "
            f"{number_text(row['second'])}<br>{difference(row['difference'])} "
            f"{interval(row['low'], row['high'])}"
            for _, row in some
        ],
        hovertemplate="%{text}<extra></extra>",
    )


def _short(label: str) -> str:
    text = one_line(label)
    return plain(text if len(text) <= 40 else f"{text[:39]}…")


def _table(frame: pd.DataFrame) -> str:
    heads = ["label", "images with it", "A", "B", "A less B", "95 %", "p", "p by Holm"]
    rows = [
        [
            page.text(one_line(row["label"])),
            page.text(row["positives"]),
            page.text(number_text(row["first"])),
            page.text(number_text(row["second"])),
            page.text(difference(row["difference"])),
            page.text(interval(row["low"], row["high"]) or "–"),
            page.text(p_text(row["p"])),
            page.text(p_text(row["p_holm"])),
        ]
        for row in frame.to_dict("records")
    ]
    marked = [place for place, differs in enumerate(frame["differs"]) if differs]
    return page.table(heads, rows, right=heads[1:], marked=marked)
