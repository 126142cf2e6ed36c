"""A bar for the steps of a training."""

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class StepBar:
    """A bar over the steps of all epochs, in a terminal: ``epoch 3/40 ━━━━━ 512/8000 0:12:34``."""

    def __init__(self, console: Console, epochs: int) -> None:
        self._epochs = epochs
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None, visible=False)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, epoch: int, step: int, steps: int) -> None:
        """Show that ``step`` of the ``steps`` of an epoch are trained."""
        self._bar.update(
            self._task,
            description=f"epoch {epoch}/{self._epochs}",
            completed=(epoch - 1) * steps + step,
            total=self._epochs * steps,
            visible=True,
        )
