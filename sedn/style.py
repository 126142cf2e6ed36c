"""The look that pages and their figures share: colours, type, how shares are written."""

from html import escape
from typing import Any

FONT = "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"
INK = "#1b2430"
MUTED = "#5d6876"
GRID = "#e6e9ed"
FAINT = "#c3c9d1"

# From the palette of Okabe and Ito, which people with any colour vision can tell apart.
BLUE = "#0072b2"
VERMILION = "#d55e00"
GREEN = "#009e73"
SCALE = ["#cadff0", "#9cc6e2", "#65a9d4", "#2f7ab9", "#0f4b8f", "#08264f"]
"""Dark is much: it stands out on white. One hue, so that the order survives in grey."""

LOG_RATIO = 10
"""Positive numbers that span more than this lie on a logarithmic axis."""

AXIS: dict[str, Any] = {
    "gridcolor": GRID,
    "linecolor": FAINT,
    "tickcolor": FAINT,
    "ticks": "outside",
    "zeroline": False,
    "automargin": True,
    "title": {"standoff": 12},
}


def layout(height: int, **more: Any) -> dict[str, Any]:
    """The layout that all figures begin with; ``height`` in pixels."""
    common = {
        "template": "none",
        "height": height,
        "autosize": True,
        "font": {"family": FONT, "size": 12, "color": INK},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "margin": {"l": 64, "r": 16, "t": 48, "b": 56},
        "hoverlabel": {"bgcolor": "white", "bordercolor": FAINT, "font": {"color": INK}},
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "xaxis": AXIS,
        "yaxis": AXIS,
        "hovermode": "closest",
    }
    return common | more


def plain(text: object) -> str:
    """Text as a figure shows it: plotly reads tags and entities in whatever it writes."""
    return escape(str(text), quote=False)


def estimate_text(value: float | None, stderr: float | None, *, sign: bool = False) -> str:
    """A value with the half width of its 95 % interval, ``0.9123 ± 0.0045``; ``–`` without one."""
    if value is None or value != value:
        return "–"
    shown = f"{value:+.4f}" if sign else f"{value:.4f}"
    return shown if stderr is None or stderr != stderr else f"{shown} ± {1.96 * stderr:.4f}"


def ratio_text(value: float | None) -> str:
    """F1, precision or recall: ``0.912``; ``–`` where there is none."""
    return "–" if value is None else f"{value:.3f}"


def share_text(share: float) -> str:
    """A share as a percentage; ``–`` where it is not known."""
    return "–" if share != share else f"{share:.1%}"
