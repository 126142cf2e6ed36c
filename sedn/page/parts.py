"""The parts of a self-contained HTML page. Everything handed in as text is escaped here."""

import json
import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs
from plotly.utils import PlotlyJSONEncoder

from sedn.page.colours import DARK, DARK_FIGURES, LIGHT
from sedn.style import FONT, interval_text

Cell = str
"""HTML of a table's cell, from :func:`text` or one of its kin."""

FOLDER = Path(__file__).parent
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; connect-src 'self'; form-action 'none'; base-uri 'none'"
)
"""A page asks no one for anything, but its own server where it has one."""


def style() -> str:
    """The style of all pages: light, or dark where the reader's device asks for it and the page is
    not printed.
    """
    light, dark = (
        "".join(f"--{name}: {colour}; " for name, colour in colours.items())
        for colours in (LIGHT, DARK)
    )
    return (
        f":root {{ color-scheme: light; --font: {FONT}; {light}}}\n"
        "@media screen and (prefers-color-scheme: dark) "
        f"{{ :root {{ color-scheme: dark; {dark}}} }}\n"
        f"{(FOLDER / 'page.css').read_text('utf-8')}"
    )


def script() -> str:
    """The script of all pages."""
    counterparts = json.dumps(DARK_FIGURES)
    return f"const DARK = {counterparts};\n{(FOLDER / 'page.js').read_text('utf-8')}"


def document(
    title: str,
    header: str,
    sections: Iterable[str],
    footer: str,
    css: str = "",
    code: str = "",
) -> str:
    """The whole page, plotly's code included once; ``css`` and ``code`` add to those of all
    pages.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        # An icon of nothing, so that a browser asks no server for one.
        '<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>{style()}{css}</style>\n</head>\n<body>\n"
        f"<header><div>{header}</div></header>\n<main>\n{''.join(sections)}"
        f"<footer>{footer}</footer>\n</main>\n"
        # Last: the words are on the screen while the code of the figures is still read.
        f"<script>{get_plotlyjs()}</script>\n<script>{script()}{code}</script>\n</body>\n</html>\n"
    )


def section(anchor: str, title: str, text: str, content: str) -> str:
    """A section with HTML ``content`` below a few words on what it shows."""
    return (
        f'<section id="{escape(anchor)}"><h2>{escape(title)}</h2>\n'
        f"{paragraph(text) if text else ''}\n{content}</section>\n"
    )


def paragraph(text: str) -> str:
    """A few words; what stands between backticks is set as code."""
    code = re.sub(r"`(.+?)`", r"<code>\1</code>", escape(text))
    return f'<p class="quiet">{code}</p>'


def embedded(value: Any, name: str = "") -> str:
    """Data for the page's script, as JSON that no text in it can end; ``name`` is its id."""
    data = json.dumps(value, cls=PlotlyJSONEncoder, separators=(",", ":"), ensure_ascii=False)
    data = data.replace("<", "\\u003c")
    named = f' id="{escape(name)}"' if name else ""
    return f'<script type="application/json"{named}>{data}</script>'


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
    broken: Sequence[str] = (),
    marked: Sequence[int] = (),
    label: str = "",
) -> str:
    """A table of cells.

    Args:
        heads: names of the columns; a dotted one, ``embedding.placement``, is set on two lines.
        rows: cells in the order of ``heads``.
        right: columns that are set flush right.
        wide: columns whose text is broken into lines.
        broken: columns of short text that is broken where the table would be wide.
        marked: positions of rows that stand out.
        label: what the table is, for a reader who does not see it.
    """
    kinds = {"right": right, "wide": wide, "broken": broken}
    classes = [next((kind for kind in kinds if head in kinds[kind]), "") for head in heads]
    head = "".join(
        f'<th scope="col"{_class(name)}>{_head(text)}</th>'
        for name, text in zip(classes, heads, strict=True)
    )
    body = "".join(
        f"<tr{_class('marked' if position in marked else '')}>"
        + "".join(f"<td{_class(name)}>{cell}</td>" for name, cell in zip(classes, row, strict=True))
        + "</tr>\n"
        for position, row in enumerate(rows)
    )
    return (
        # The keyboard scrolls what has the focus.
        f'<div class="scroll" tabindex="0" role="group" '
        f'aria-label="{escape(label or _label_of(heads))}"><table>'
        f"<thead><tr>{head}</tr></thead>\n"
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
        f'<line class="mark" x1="{x(mark)}" x2="{x(mark)}" y1="0" y2="{height}"/>'
        if mark is not None
        else ""
    )
    line = f'<line class="range" x1="{x(low)}" x2="{x(high)}" y1="9" y2="9"/>' if low == low else ""
    return (
        f'<svg class="interval" width="{width}" height="{height}" role="img" '
        f'aria-label="{interval_text(value, low, high)}">{dashed}{line}'
        f'<circle cx="{x(value)}" cy="9" r="4"/></svg>'
    )


def _label_of(heads: Sequence[str]) -> str:
    return f"Table of {', '.join(heads[:3])}"


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _head(name: str) -> str:
    *group, last = name.split(".")
    above = f"<span>{escape('.'.join(group))}</span>" if group else ""
    return above + escape(last.replace("_", " "))
