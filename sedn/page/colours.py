"""The colours of pages on light and on dark."""

from sedn.style import (
    BLUE,
    FAINT,
    GREEN,
    GREY,
    GRID,
    INK,
    MIDDLE,
    MUTED,
    PALE,
    SCALE,
    VEIL,
    VERMILION,
)

LIGHT = {
    "page": "#f5f6f8",
    "surface": "#ffffff",
    "sunken": "#eef0f3",
    "ink": INK,
    "muted": MUTED,
    "grid": GRID,
    "edge": "#8b95a1",
    "link": BLUE,
    "alarm": "#b34700",
    "warning": "#8a6100",
    "marked": "#eef5fb",
    "marked-hover": "#e9f2fa",
}
"""Of the style, by the names of its variables."""
DARK = {
    "page": "#0f141b",
    "surface": "#171e27",
    "sunken": "#222b36",
    "ink": "#e4e9ef",
    "muted": "#a3afbd",
    "grid": "#2b3541",
    "edge": "#6d7987",
    "link": "#6cb8ee",
    "alarm": "#ff9a5c",
    "warning": "#e3b341",
    "marked": "#1c2d3d",
    "marked-hover": "#223749",
}
"""The same where the reader's device asks for dark."""
_SCALE = ["#22374c", "#2a5378", "#3a74a6", "#5b9bd0", "#93c3ea", "#d6eafa"]
DARK_FIGURES = {
    "white": DARK["surface"],
    PALE: DARK["sunken"],
    MIDDLE: "#1f2833",
    VEIL: "rgba(23,30,39,0.75)",
    INK: DARK["ink"],
    MUTED: DARK["muted"],
    GRID: DARK["grid"],
    FAINT: "#4d5967",
    GREY: "#8b95a1",
    BLUE: "#56a8e2",
    VERMILION: "#f2874b",
    GREEN: "#2dbd90",
    # Much is what stands out: light on dark.
    **dict(
        zip(SCALE, ["#22374c", "#2a5378", "#3a74a6", "#5b9bd0", "#93c3ea", "#d6eafa"], strict=True)
    ),
}
"""For each colour of a figure its counterpart on dark."""
