"""The entry point of `sedn`: ready for a signal before anything that takes time is imported."""

import signal
import sys


def main() -> None:
    """Run the command line; a signal to stop ends the process with exit code 130 at any moment."""
    try:
        signal.signal(signal.SIGTERM, _interrupt)
        from search.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("sedn: stopped\n")
        sys.exit(130)
    finally:
        # A signal that meets Python within an `exec` of text, by which dataclasses are made, has
        # CPython kill itself by SIGINT at its end, though the interrupt was caught and the exit
        # code is another. The next `exec` makes it forget.
        exec("")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
