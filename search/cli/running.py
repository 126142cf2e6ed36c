"""Running trials from a terminal: a live view, and an end in words from whatever signal."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import typer

from search import Stage
from search.backends.ray_tune.scratch import remove_scratch
from search.cli.command import with_options
from search.cli.console import open_terminal
from search.cli.json_log import JsonLog
from search.cli.live import LiveView
from search.exit_codes import INTERRUPTED
from search.stopping import end_at_once, ending_on_signals

if TYPE_CHECKING:
    from search.run import Callbacks

err = open_terminal(stderr=True)

WHY = {
    "trials": "all trials have ended",
    "points": "every point of the space has been tried",
    "plateau": "the last trials made the best no better (--plateau)",
    "time": "the time is used up (--time); more goes on with what was cut off",
    "request": "`sedn stop` was called; the same command goes on",
    "gpu-hours": "the GPU-hours are used up (--gpu-hours); more goes on with what was cut off",
}
"""Why a search ended, in words."""


@contextmanager
def live_view(name: str, log: JsonLog | None = None) -> Iterator[LiveView | JsonLog]:
    """The view of an experiment while trials run, or the ``log`` that is asked for; a signal ends
    the command with its exit code.
    """
    try:
        with ending_on_signals(say_stopped), log or LiveView(err, name) as view:
            view.stage(Stage.CHECKS)
            yield view
    except KeyboardInterrupt:
        stop()


def callbacks_of(view: LiveView | JsonLog, context: typer.Context) -> "Callbacks":
    """By which a run of trials tells the view what happens; notices name the command's options."""
    return {
        "on_event": view.event,
        "watch": view.show,
        "on_images": view.images,
        "on_wait": view.waiting,
        "on_notice": lambda line: view.notice(with_options(line, context.command.params)),
        "on_stage": view.stage,
        "on_ray_gone": end_without_ray,
    }


def stop() -> NoReturn:
    """End the command as a signal ends a command.

    Raises:
        typer.Exit: always.
    """
    say_stopped()
    raise typer.Exit(INTERRUPTED) from None


def say_stopped() -> None:
    """Tell the user that a search was stopped by a signal, and how to resume the search."""
    # The live view hides the cursor, and may not get to end by itself.
    err.show_cursor()
    err.print("Stopped. Nothing is lost: the same command goes on.")
    remove_scratch()


def end_without_ray(line: str) -> None:
    """End before Ray does, which would say much of itself and nothing of the search."""
    err.show_cursor()
    err.print(f"sedn: {line}", style="red", soft_wrap=True)
    remove_scratch()
    end_at_once(1)
