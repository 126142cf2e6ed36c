"""Ending a search within seconds of a signal, whatever the processes of the search are doing."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from search.exit_codes import INTERRUPTED

GRACE_SECONDS = 6.0
"""Seconds in which a search may end by itself after a signal."""

_STOPS = (signal.SIGINT, signal.SIGTERM)
_WAKE = signal.SIGURG
"""The signal that ends a blocking call of the main thread and does nothing else."""


@contextmanager
def ending_on_signals(on_end: Callable[[], None]) -> Iterator[None]:
    """Let SIGTERM stop the code within as SIGINT does, and end the process if that takes long.

    A signal may meet this process while Ray starts, while a library ignores the signal, or when
    Ray's own processes, which the signal met too, are gone and would be waited for. So the
    kernel's handler itself wakes a thread at each signal; if the code within has not ended after
    :data:`GRACE_SECONDS`, the thread calls ``on_end``, kills the descendant processes and ends this
    process with exit code 130. The database holds all that was reached by then.

    Outside of the main thread, which alone gets signals, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    met, ended = threading.Event(), threading.Event()
    watcher = threading.Thread(target=_watch, args=(ours, met, ended, on_end), daemon=True)
    watcher.start()
    before = signal.signal(signal.SIGTERM, interrupt)
    woken = signal.signal(_WAKE, lambda *_: None)
    descriptor = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    exits = False
    try:
        yield
    except SystemExit:
        exits = True
        raise
    finally:
        ended.set()
        signal.set_wakeup_fd(descriptor)
        signal.signal(signal.SIGTERM, before)
        theirs.close()
        watcher.join()
        # Only now: the watcher may have sent one until here.
        signal.signal(_WAKE, woken)
        ours.close()
        # A library within may have taken SIGTERM for itself, and ended by a code of its own.
        if exits and met.is_set():
            raise KeyboardInterrupt from None


@contextmanager
def sigterm_as_sigint() -> Iterator[None]:
    """Let a cluster's or a shell's SIGTERM stop the search as cleanly as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def interrupt(*_: object) -> None:
    """Do on a signal what Ctrl-C does."""
    # What a script starts in the background ignores SIGINT, unless Ray has taken the signal since.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)


def _watch(
    signals: socket.socket, met: threading.Event, ended: threading.Event, on_end: Callable[[], None]
) -> None:
    """Wait for a signal to stop, note the signal by ``met``, and wait for the end a short time."""
    while content := signals.recv(64):
        if any(number in _STOPS for number in content):
            met.set()
            break
    else:
        return
    main = threading.main_thread().ident
    end = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < end:
        if ended.wait(0.5):
            return
        # A signal that came just before a blocking call did not end the call, and Python raises
        # nothing before the call returns.
        if main is not None:
            signal.pthread_kill(main, _WAKE)
    try:
        on_end()
    finally:
        end_at_once(INTERRUPTED)


def end_at_once(code: int) -> None:
    """End this process and all that descend from it at once."""
    for process in _descendants():
        with suppress(OSError):
            os.kill(process, signal.SIGKILL)
    os._exit(code)


def _descendants() -> list[int]:
    """Process ids of this process's children and theirs, parents first.

    They are Ray's. What Ray's node has started ends with the node, but not at once: for a minute
    where the node was only starting.
    """
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # The name, which may hold anything, stands in parentheses: state and parent follow.
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    found = list(children.get(os.getpid(), ()))
    for process in found:
        found += children.get(process, ())
    return found
