"""The terminal, to which names of labels, files and experiments are text and nothing else.

A label named ``[red]`` is no markup, one with an escape sequence does not clear the screen, and a
terminal without Unicode (``PYTHONIOENCODING=ascii``, ``LANG=C``) shows what it can.
"""

import codecs
import os
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleDimensions, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from sedn.style import printable

ASCII = {
    "–": "-",
    "—": "-",
    "\u2212": "-",
    "·": "|",
    "†": "+",
    "±": "+-",
    "≤": "<=",
    "…": "...",
    "✓": "*",
    "“": '"',
    "”": '"',
    "\u00d7": "x",
    "━": "-",
    "╸": "-",
    "╺": "-",
    "─": "-",
    "│": "|",
}
"""For the signs that the tables use; what is not here is written as an escape."""
ERRORS = "sedn.ascii"


class Terminal(Console):
    """A console that reads no markup in what is printed, and shows control characters escaped."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, highlight=False, emoji=False, **options)
        self._follows_columns = "width" not in options

    @property
    def size(self) -> ConsoleDimensions:
        """The size of the terminal; ``COLUMNS`` counts as it is now, not as it was at the start."""
        columns = os.environ.get("COLUMNS", "")
        if self._follows_columns and columns.isdigit():
            return ConsoleDimensions(int(columns), super().size.height)
        return super().size

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._follows_columns = False
        self.width, self.height = new_size

    def render_str(self, text: str, **options: Any) -> Text:
        """Text without control characters, so that tables are measured as they are shown."""
        return super().render_str(printable(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render the segments of an object, of whatever kind the object is."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield segment._replace(text=printable(segment.text))


def open_terminal(*, stderr: bool = False) -> Terminal:
    """The console on stdout or stderr."""
    return Terminal(stderr=stderr)


def accept_any_text() -> None:
    """Let stdout and stderr write any text in their own encoding."""
    codecs.register_error(ERRORS, _as_ascii)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=ERRORS)


def _as_ascii(error: UnicodeError) -> tuple[str, int]:
    """Replacements for the characters that the stream's encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    replaced = "".join(
        ASCII.get(sign) or sign.encode("ascii", "backslashreplace").decode("ascii")
        for sign in lacking
    )
    return replaced, error.end
