"""Figures on a page: their data as JSON, which the page's script draws when they come into sight.

The script draws them in the colours of the reader's choice, light or dark, in the width of the
window or of the paper, and gives their data as CSV.
"""

from html import escape

import plotly.graph_objects as go

from sedn.page.parts import embedded, paragraph


def figure(
    figure: go.Figure | None, anchor: str, instead: str, label: str = "", least: int = 0
) -> str:
    """A figure, or the words ``instead`` where there is nothing to draw.

    Args:
        figure: drawn in the colours of :mod:`sedn.style`, which have their counterparts on dark.
        anchor: names the figure on the page, and its file of CSV.
        instead: shown where ``figure`` is ``None``.
        label: what the figure shows, for a reader who does not see it.
        least: pixels that the figure needs in width; on less it scrolls.
    """
    if figure is None:
        return paragraph(instead)
    name, height = escape(anchor), int(figure.layout.height)
    label = escape(label or f"Figure: {anchor.replace('-', ' ')}")
    style = f"height:{height}px" + (f";min-width:{least}px" if least else "")
    # The keyboard scrolls what has the focus.
    focus = f' tabindex="0" role="group" aria-label="{label}"' if least else ""
    return (
        f'<figure id="figure-{name}" aria-label="{label}" data-least="{least}">'
        f'<div class="scroll"{focus}><div class="plot" style="{style}"></div></div>'
        f"{embedded(figure.to_plotly_json())}"
        f'<figcaption><button type="button" data-csv="{name}">Data as CSV</button></figcaption>'
        f"</figure>\n"
    )
