"""What the process of a worker prints while a trial trains, kept beside the trial's checkpoint."""

import sys
import threading
from contextlib import suppress
from pathlib import Path

from sedn.errors import UserError
from sedn.training.checkpoints.files import read, write

OUTPUT = "output.log"
"""The file in the folder of a trial."""
KEEP_SECONDS = 3.0
"""Seconds between two looks at what was printed."""
MOST_BYTES = 1 << 20
"""Of a trial's output the last so many bytes are kept."""
_CUT = b"[the output before is left out]\n"
_OF_RAY = (b":job_id:", b":actor_name:", b":task_name:")
"""Lines with which Ray marks the files of a worker."""


class OutputKeeper:
    """Copies what this process prints to the folder of the trial that it trains.

    Ray redirects stdout and stderr of a worker to files of the node. This reads those files, so
    that output of C++ code is kept too, and no print of a training can fail for the storage path.
    A storage path that is full or away loses output, and nothing else.
    """

    def __init__(self, files: tuple[Path, ...] | None = None) -> None:
        self._files = output_files() if files is None else files
        self._offsets: dict[Path, int] = {}
        self._folder = ""
        self._kept = b""
        self._lock = threading.Lock()
        if self._files:
            threading.Thread(target=self._keep_on, daemon=True).start()

    def begin(self, folder: str) -> None:
        """Keep what is printed from now on in the folder of a trial, after what is there."""
        self.keep()
        with self._lock:
            self._offsets = {file: _size(file) for file in self._files}
            self._folder, self._kept = folder, b""
            with suppress(UserError, OSError):
                self._kept = read(folder, OUTPUT) or b""

    def keep(self) -> None:
        """Write what was printed since the last call."""
        if not self._files:
            return
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        with self._lock:
            new = b"".join(map(self._new_of, self._files)) if self._folder else b""
            if not new:
                return
            self._kept = last_bytes(self._kept + new)
            with suppress(UserError, OSError):
                write(self._folder, OUTPUT, self._kept)

    def _new_of(self, file: Path) -> bytes:
        """What was added to a file, but for the lines of Ray."""
        offset = self._offsets.get(file, 0)
        size = _size(file)
        # Shorter than before: Ray has begun a new file.
        start = max(offset, size - MOST_BYTES) if size >= offset else 0
        with suppress(OSError), file.open("rb") as opened:
            opened.seek(start)
            new = opened.read(size - start)
            self._offsets[file] = start + len(new)
            lines = new.splitlines(keepends=True)
            return b"".join(line for line in lines if not line.startswith(_OF_RAY))
        return b""

    def _keep_on(self) -> None:
        wait = threading.Event()
        while not wait.wait(KEEP_SECONDS):
            self.keep()


def output_files() -> tuple[Path, ...]:
    """The files to which stdout and stderr of this process go; empty where Linux does not tell."""
    files = []
    for descriptor in (1, 2):
        with suppress(OSError):
            file = Path(f"/proc/self/fd/{descriptor}").readlink()
            if file.is_file() and file not in files:
                files.append(file)
    return tuple(files)


def last_bytes(output: bytes) -> bytes:
    """The last :data:`MOST_BYTES` of an output, from the start of a line, with a note if cut."""
    if len(output) <= MOST_BYTES:
        return output
    tail = output[-(MOST_BYTES - len(_CUT)) :]
    return _CUT + tail.partition(b"\n")[2]


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
