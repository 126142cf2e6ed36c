"""The parts of a self-contained HTML page. Everything handed in as text is escaped here."""

import re
from collections.abc import Iterable, Sequence
from html import escape

import plotly.graph_objects as go
import plotly.io
from plotly.offline import get_plotlyjs

from sedn.style import BLUE, FONT, GRID, INK, MUTED

Cell = str
"""HTML of a table's cell, from :func:`text` or one of its kin."""

CSS = f"""
:root {{ color-scheme: light; }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: #f5f6f8; color: {INK}; font: 15px/1.5 {FONT}; }}
main, header > div {{ max-width: 1320px; margin: 0 auto; padding: 0 28px; }}
header {{ background: white; border-bottom: 1px solid {GRID}; padding: 30px 0 26px; }}
h1 {{ font-size: 28px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }}
h2 {{ font-size: 19px; margin: 0 0 4px; letter-spacing: -0.005em; }}
h3 {{ font-size: 15px; margin: 26px 0 4px; }}
p {{ margin: 0 0 12px; max-width: 118ch; }}
.quiet {{ color: {MUTED}; }}
nav {{ margin-top: 18px; font-size: 14px; }}
nav a {{ color: {BLUE}; text-decoration: none; margin-right: 18px; }}
nav a:hover {{ text-decoration: underline; }}
section {{ background: white; border: 1px solid {GRID}; border-radius: 10px;
  padding: 22px 26px; margin: 22px 0; }}
.cards {{ display: grid; grid-template-columns: repeat(6, 1fr);
  gap: 12px; margin-top: 20px; }}
@media (max-width: 1150px) {{ .cards {{ grid-template-columns: repeat(3, 1fr); }} }}
@media (max-width: 640px) {{ .cards {{ grid-template-columns: repeat(2, 1fr); }} }}
code {{ font-size: 0.92em; background: #eef0f3; border-radius: 4px; padding: 1px 5px; }}
.card {{ border: 1px solid {GRID}; border-radius: 10px; padding: 12px 16px; }}
.card .name {{ color: {MUTED}; font-size: 13px; }}
.card .value {{ font-size: 25px; font-weight: 600; line-height: 1.3;
  font-variant-numeric: tabular-nums; }}
.card .note {{ color: {MUTED}; font-size: 13px; font-variant-numeric: tabular-nums; }}
.scroll {{ overflow-x: auto; }}
.figure {{ min-width: 980px; }}
table {{ border-collapse: collapse; width: 100%; font-size: 13.5px;
  font-variant-numeric: tabular-nums; }}
th {{ text-align: left; vertical-align: bottom; font-weight: 600; font-size: 12.5px;
  line-height: 1.25; padding: 6px 8px; border-bottom: 1.5px solid {INK}; }}
th span {{ display: block; font-weight: 400; color: {MUTED}; }}
td {{ padding: 5px 8px; border-bottom: 1px solid {GRID}; white-space: nowrap;
  vertical-align: top; }}
td.wide {{ white-space: normal; width: 85%; min-width: 300px; overflow-wrap: anywhere; }}
.right {{ text-align: right; }}
tr.marked td {{ background: #eef5fb; }}
tbody tr:hover td {{ background: #f5f6f8; }}
tbody tr.marked:hover td {{ background: #e3eef8; }}
svg {{ display: block; }}
details {{ margin-top: 6px; }}
summary {{ cursor: pointer; color: {BLUE}; font-size: 13.5px; }}
pre {{ background: #f5f6f8; border-radius: 8px; padding: 12px 14px; overflow: auto;
  max-height: 420px; font-size: 12.5px; line-height: 1.45; margin: 8px 0 0; }}
footer {{ color: {MUTED}; font-size: 13px; padding: 4px 0 40px; }}
@media print {{ body {{ background: white; }} nav {{ display: none; }}
  section {{ break-inside: avoid; border: none; padding: 0; }} }}
"""

FIGURE_OPTIONS = {
    "displaylogo": False,
    "responsive": True,
    # Nothing on the page leaves the reader's machine.
    "showSendToCloud": False,
    "modeBarButtons": [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
}


def document(title: str, header: str, sections: Iterable[str], footer: str, css: str = "") -> str:
    """The whole page, plotly's code included once; ``css`` adds to that of all pages."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # An icon of nothing, so that a browser asks no server for one.
        '<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>{CSS}{css}</style>\n"
        f"<script>{get_plotlyjs()}</script>\n</head>\n<body>\n"
        f"<header><div>{header}</div></header>\n<main>\n{''.join(sections)}"
        f"<footer>{footer}</footer>\n</main>\n</body>\n</html>\n"
    )


def section(anchor: str, title: str, text: str, content: str) -> str:
    """A section with HTML ``content`` below a few words on what it shows."""
    return (
        f'<section id="{escape(anchor)}"><h2>{escape(title)}</h2>\n'
        f"{paragraph(text)}\n{content}</section>\n"
    )


def paragraph(text: str) -> str:
    """A few words; what stands between backticks is set as code."""
    code = re.sub(r"`(.+?)`", r"<code>\1</code>", escape(text))
    return f'<p class="quiet">{code}</p>'


def figure(figure: go.Figure | None, anchor: str, instead: str) -> str:
    """A figure, or the words ``instead`` where there is nothing to draw."""
    if figure is None:
        return paragraph(instead)
    drawn = plotly.io.to_html(
        figure,
        config=FIGURE_OPTIONS,
        include_plotlyjs=False,
        full_html=False,
        default_height=f"{figure.layout.height}px",
        div_id=f"figure-{anchor}",
    )
    return f'<div class="scroll"><div class="figure">{drawn}</div></div>'


def card(name: str, value: str, note: str) -> str:
    """A key fact."""
    return (
        f'<div class="card"><div class="name">{escape(name)}</div>'
        f'<div class="value">{escape(value)}</div><div class="note">{escape(note)}</div></div>'
    )


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    right: Sequence[str] = (),
    wide: Sequence[str] = (),
    marked: Sequence[int] = (),
) -> str:
    """A table of cells.

    Args:
        heads: names of the columns; a dotted one, ``embedding.placement``, is set on two lines.
        rows: cells in the order of ``heads``.
        right: columns that are set flush right.
        wide: columns whose text is broken into lines.
        marked: positions of rows that stand out.
    """
    classes = ["right" if head in right else "wide" if head in wide else "" for head in heads]
    head = "".join(
        f"<th{_class(name)}>{_head(text)}</th>" for name, text in zip(classes, heads, strict=True)
    )
    body = "".join(
        f"<tr{_class('marked' if position in marked else '')}>"
        + "".join(f"<td{_class(name)}>{cell}</td>" for name, cell in zip(classes, row, strict=True))
        + "</tr>\n"
        for position, row in enumerate(rows)
    )
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>"
    )


def text(value: object) -> Cell:
    """Plain text as HTML."""
    return escape(str(value))


def folded(summary: str, content: str) -> str:
    """Preformatted text that opens at a click."""
    return f"<details><summary>{escape(summary)}</summary><pre>{escape(content)}</pre></details>"


def interval_bar(
    value: float, low: float, high: float, ends: tuple[float, float], mark: float | None
) -> Cell:
    """A value with its interval drawn between ``ends``; a dashed line at ``mark``."""
    width, height, pad = 120, 18, 6
    span = ends[1] - ends[0] or 1.0

    def x(at: float) -> str:
        return f"{pad + (width - 2 * pad) * (at - ends[0]) / span:.1f}"

    dashed = (
        f'<line x1="{x(mark)}" x2="{x(mark)}" y1="0" y2="{height}" stroke="{INK}" '
        f'stroke-dasharray="2 2"/>'
        if mark is not None
        else ""
    )
    line = (
        f'<line x1="{x(low)}" x2="{x(high)}" y1="9" y2="9" stroke="{BLUE}" stroke-width="2"/>'
        if low == low
        else ""
    )
    return (
        f'<svg width="{width}" height="{height}" role="img" '
        f'aria-label="{value:.4f}">{dashed}{line}'
        f'<circle cx="{x(value)}" cy="9" r="4" fill="{BLUE}"/></svg>'
    )


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _head(name: str) -> str:
    *group, last = name.split(".")
    above = f"<span>{escape('.'.join(group))}</span>" if group else ""
    return above + escape(last.replace("_", " "))
