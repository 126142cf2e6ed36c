"""Self-contained HTML pages: their parts, their figures, and the style and script of all pages."""

from sedn.page.figures import figure
from sedn.page.parts import (
    Cell,
    card,
    document,
    embedded,
    folded,
    interval_bar,
    paragraph,
    section,
    table,
    text,
)

__all__ = [
    "Cell",
    "card",
    "document",
    "embedded",
    "figure",
    "folded",
    "interval_bar",
    "paragraph",
    "section",
    "table",
    "text",
]
