"""Markdown of notes: what users wrote is shown as text, whatever signs are in it."""

import re
import shlex
from collections.abc import Sequence

from sedn.style import one_line, printable

_MARKS = re.compile(r"[!#$&*<>@\[\\\]^_`{|}~]")
"""What may mean something in Markdown or HTML within a line; a text of a user never begins one."""
MOST_OF_TEXT = 300
"""Characters of a name, a value or a line."""
MOST_OF_LINE = 110
"""Characters of a line of code."""


def shown(value: object) -> str:
    """A value as text of a note, on one line."""
    return _MARKS.sub(lambda sign: f"&#{ord(sign[0])};", shortened(one_line(value)))


def shortened(text: str, most: int = MOST_OF_TEXT) -> str:
    """Text of so many characters at most."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> str:
    """A table of cells that are Markdown already; the columns of the heads in ``right`` are
    numbers.
    """
    sides = ["--:" if head in right else ":--" for head in heads]
    # The dashboard leaves no room between columns.
    cells = [f"| {' &emsp; | '.join(row)} |" for row in (heads, *rows)]
    return "\n".join([cells[0], f"| {' | '.join(sides)} |", *cells[1:]])


def code(text: str) -> str:
    """Lines exactly as they are, but for long ones, which are broken: the dashboard would make the
    page as wide. A row of backticks in them does not end the block.
    """
    whole = printable(text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    lines = "\n".join(
        line[first : first + MOST_OF_LINE]
        for line in whole
        for first in range(0, max(len(line), 1), MOST_OF_LINE)
    )
    return _fenced(lines)


def command(line: str) -> str:
    """A command as a shell takes it from a note: a long one goes on after a backslash."""
    lines = [""]
    for word in map(shlex.quote, shlex.split(line)):
        if lines[-1] and len(f"{lines[-1]} {word}") > MOST_OF_LINE:
            lines.append(" ")
        lines[-1] += f" {word}" if lines[-1] else word
    return _fenced(printable(" \\\n".join(lines)))


def _fenced(lines: str) -> str:
    longest = max((len(row) for row in re.findall("`+", lines)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{lines}\n{fence}"


def paragraphs(*parts: str) -> str:
    """The parts that are not empty, with a blank line between."""
    return "\n\n".join(part for part in parts if part)
