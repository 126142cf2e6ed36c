"""Seeing that a process without which Ray cannot go on is gone, before Ray ends this process.

Ray's own answer is to end the driver: some ten seconds after its raylet is gone, a minute after
its control store is, with dozens of lines on its internals and none on what that means.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.2


@contextmanager
def watching_ray(on_gone: Callable[[str], None]) -> Iterator[None]:
    """Call ``on_gone``, from another thread, with a line on what is gone, once something is."""
    processes = _processes_of_ray()
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(POLL_SECONDS):
            for name, process in processes.items():
                if not _is_running(process):
                    on_gone(
                        f"Ray's process '{name}' is gone: it was killed, or the memory did not "
                        f"suffice. Nothing is lost: the same command goes on"
                    )
                    return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _processes_of_ray() -> dict[str, int]:
    """Process ids by name: the raylet of this machine, and the control store if it was started by
    this process. No process where this one is only a client of a cluster elsewhere.
    """
    import ray

    own = ray.get_runtime_context().get_node_id()
    socket = next((n["RayletSocketName"] for n in ray.nodes() if n["NodeID"] == own), None)
    if socket is None:
        return {}
    processes = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        name = Path(os.fsdecode(words[0])).name
        # Not the raylet of another node on this machine, whose socket's name begins alike.
        sockets = [os.fsdecode(word.partition(b"=")[2]) for word in words]
        is_raylet = name == "raylet" and socket in sockets
        if is_raylet or (name == "gcs_server" and _parent(folder) == os.getpid()):
            processes[name] = int(folder.name)
    return processes


def _is_running(process: int) -> bool:
    try:
        return _stat(Path("/proc") / str(process))[0] not in "ZX"
    except OSError:
        return False


def _parent(folder: Path) -> int:
    try:
        return int(_stat(folder)[1])
    except OSError:
        return 0


def _stat(folder: Path) -> list[str]:
    """State and parent of a process, and more."""
    # The name, which may hold anything, stands in parentheses before them.
    return (folder / "stat").read_text().rpartition(")")[2].split()
