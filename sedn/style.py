"""The look that pages and their figures share: colours, type, how shares are written."""

import unicodedata
from html import escape
from typing import Any

FONT = "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"
INK = "#1b2430"
MUTED = "#5d6876"
GRID = "#e6e9ed"
FAINT = "#c3c9d1"
GREY = "#8b95a1"
PALE = "#eef0f3"
"""Of cells without a value."""
MIDDLE = "#f7f8f9"
"""Of a difference of nothing, between two colours."""
VEIL = "rgba(255,255,255,0.75)"
"""Behind words on lines."""

# From the palette of Okabe and Ito, which people with any colour vision can tell apart.
BLUE = "#0072b2"
VERMILION = "#d55e00"
GREEN = "#009e73"
SERIES = (BLUE, VERMILION, GREEN, INK, GREY)
"""Of lines side by side, in this order."""
SCALE = ["#cadff0", "#9cc6e2", "#65a9d4", "#2f7ab9", "#0f4b8f", "#08264f"]
"""Dark is much, and stands out on white. One hue, so that the order survives in grey."""

_KEPT = "\n\t\u200c\u200d"

MOST_DIGITS = 8
"""Decimals of a number that would otherwise look like nothing, or two that would look alike."""

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


def printable(text: str) -> str:
    """Text with its control characters, and others that show nothing, as escapes.

    Line ends and tabs stay, as do all spaces and the joiners that scripts and emoji need.
    """
    if text.isprintable():
        return text
    return "".join(
        sign
        if sign.isprintable() or sign in _KEPT or unicodedata.category(sign) == "Zs"
        else sign.encode("unicode_escape").decode("ascii")
        for sign in text
    )


def one_line(text: object) -> str:
    """Text as :func:`printable`, its line ends and tabs escaped too."""
    return printable(str(text)).replace("\n", "\\n").replace("\t", "\\t")


def plain(text: object) -> str:
    """Text as a figure shows it: plotly reads tags and entities in whatever it writes."""
    return escape(str(text), quote=False)


def number_text(value: float | None, digits: int = 4, *, signed: bool = False) -> str:
    """A number with this many decimals, ``0.9731``; never ``-0.0000``, and ``–`` where there is
    none.
    """
    if value is None or value != value:
        return "–"
    # The z turns a zero that rounding left negative into 0.
    return f"{float(value):{'+' if signed else ''}z.{digits}f}"


def short_text(value: float | None, digits: int = 3) -> str:
    """A number with this many significant digits, ``0.0012``; never ``-0``, and ``–`` where there
    is none.
    """
    return "–" if value is None or value != value else f"{float(value):z.{digits}g}"


def share_text(share: float | None, digits: int = 1, *, signed: bool = False) -> str:
    """A share as a percentage, ``12.3%``; never ``-0.0%``, and ``–`` where it is not known."""
    if share is None or share != share:
        return "–"
    return f"{float(share):{'+' if signed else ''}z.{digits}%}"


def interval_text(
    value: float | None, low: float | None = None, high: float | None = None, digits: int = 4
) -> str:
    """An AUC with its 95 % interval, ``0.9731 [0.912, 0.995]``, whose ends have three decimals, or
    as many as tell them apart; the value alone where the interval is not known, and ``–`` without a
    value.
    """
    shown = number_text(value, digits)
    if shown == "–" or low is None or high is None or low != low or high != high:
        return shown
    for less in range(min(digits, 3), MOST_DIGITS + 1):
        ends = number_text(low, less), number_text(high, less)
        if ends[0] != ends[1]:
            break
    return f"{shown} [{ends[0]}, {ends[1]}]"


def difference_text(value: float | None, stderr: float | None) -> str:
    """A paired difference with the half width of its 95 % interval, ``+0.0123 ± 0.0045``.

    The half width is left out where there is no error, also where the error is 0: two AUC of 1
    tell nothing of how far apart they may be; one next to nothing has the decimals that it needs.
    ``–`` without a value.
    """
    shown = number_text(value, signed=True)
    no_error = shown == "–" or not stderr or stderr != stderr
    if no_error or stderr is None:
        return shown
    half = 1.96 * stderr
    digits = next((d for d in range(4, MOST_DIGITS) if float(number_text(half, d))), MOST_DIGITS)
    return f"{shown} ± {number_text(half, digits)}"


def gain_text(value: float | None) -> str:
    """A relative gain, with its sign: ``+12.3%``; ``0.0%`` for what rounds to nothing, ``–`` where
    there is none.
    """
    shown = share_text(value, signed=True)
    return "0.0%" if shown == "+0.0%" else shown


def ratio_text(value: float | None) -> str:
    """F1, precision or recall: ``0.912``; ``–`` where there is none."""
    return number_text(value, 3)


def count_text(value: float | None) -> str:
    """A large number in three digits: ``25.6 M``."""
    if value is None or value != value:
        return "–"
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        # What rounds to a thousand of a unit is one of the next.
        if value >= 0.9995 * size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.0f}"


def count_of(number: int, thing: str) -> str:
    """``1 image``, ``2,000 images``."""
    return f"{number:,} {thing}{'s' * (number != 1)}"


def milliseconds(value: float | None) -> str:
    """Milliseconds: ``12.3 ms``."""
    return "–" if value is None or value != value else f"{short_text(value)} ms"


def duration(seconds: float) -> str:
    """Seconds in two units at most: ``4.2 s``, ``48 s``, ``3 min 20 s``, ``1 h 05 min`` or
    ``2 d 07 h``; less than a tenth of a second is ``0 s``.
    """
    if round(seconds, 1) < 10:
        return f"{seconds:.1f} s" if round(seconds, 1) else "0 s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours < 24:
        return f"{hours} h {minutes:02d} min"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d {hours:02d} h"


def byte_text(value: float | None) -> str:
    """A number of bytes: ``1.2 GB``."""
    if value is None or value != value:
        return "–"
    return f"{count_text(value)}{'' if value >= 1000 else ' '}B"
