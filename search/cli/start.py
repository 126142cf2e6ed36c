"""The entry point of `sedn`: ready for a signal before anything that takes time is imported."""

import gc
import os
import signal
import sys
import threading
from typing import Any

from search.exit_codes import INTERRUPTED


def main() -> None:
    """Run the command line; a signal to stop ends the process with exit code 130 at any moment."""
    try:
        open_closed_streams()
        sys.unraisablehook = _interrupt_again
        signal.signal(signal.SIGTERM, _interrupt)
        # Nothing that is imported is garbage, so that Python need not look through it.
        gc.disable()
        from search.cli.main import main as run

        gc.freeze()
        gc.enable()
        run()
    except KeyboardInterrupt:
        sys.stderr.write("sedn: stopped\n")
        _end()
    except SystemExit as error:
        if error.code == INTERRUPTED:
            _end()
        raise


def open_closed_streams() -> None:
    """Open stdin, stdout and stderr on nothing where the caller closed them, as daemons do: a file
    that is opened later would get their number, and what libraries print to it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free.
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115


def _end() -> None:
    """End the process at once, with exit code 130, and what Ray has started below it.

    Python's own end runs code of libraries that the signal may have met half started, and takes
    the exit code back where the signal met text run by `exec`, by which dataclasses are made.
    """
    for another in (signal.SIGINT, signal.SIGTERM):
        signal.signal(another, signal.SIG_IGN)
    sys.stdout.flush()
    sys.stderr.flush()
    # Not imported here: without the module no search has begun, and nothing was started.
    if (stopping := sys.modules.get("search.stopping")) is not None:
        stopping.end_at_once(INTERRUPTED)
    os._exit(INTERRUPTED)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _interrupt_again(unraisable: Any) -> None:
    """Raise an interrupt once more that met a destructor or a callback, where it would be lost."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        # A moment later: at once, the interrupt would meet this function.
        main_thread = threading.main_thread().ident
        threading.Timer(0.05, signal.pthread_kill, (main_thread, signal.SIGINT)).start()
    else:
        sys.__unraisablehook__(unraisable)


if __name__ == "__main__":
    main()
