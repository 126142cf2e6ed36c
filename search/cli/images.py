"""A bar for the reading and decoding of the images of a data set."""

from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from sedn.style import count_of


class ImageBar:
    """A bar, in a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, transient=True) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, what: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` images are read, or decoded."""
        if self._live:
            self._live.update(image_line(what, done, total))


def image_line(what: str, done: int, total: int) -> RenderableType:
    """``decoding images ━━━━━━ 512 of 1000``."""
    line = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=total, completed=done, width=40)
    line.add_row(f"{what} images", bar, f"{done:,} of {total:,}")
    return line


def say_skipped(console: Console, images: int) -> None:
    """Say in every result how many images were left out."""
    if images:
        console.print(
            f"{count_of(images, 'image')} could not be read, and left out.", highlight=False
        )
