"""`--log-format json`: what a search does as lines of JSON on stderr, for collectors of logs.

Each line is one object with ``time`` (UTC), ``level``, ``experiment``, ``event``, ``trial`` and
``node`` (null where none is meant). Whatever else this process prints on stderr becomes the
``message`` of such an object.
"""

import io
import json
import math
import re
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TextIO

import typer

from sedn.style import printable

if TYPE_CHECKING:
    from search import Snapshot, Stage
    from search.driver import TrialEvent

LogFormat = Literal["text", "json"]
LogFormatOption = Annotated[
    LogFormat,
    typer.Option("--log-format", help="On stderr: text for people, or one JSON object a line."),
]
_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_LEVELS = {"queued-again": "warning"}


class JsonLines(io.TextIOBase):
    """A stream in the place of stderr that writes a JSON object for each line."""

    def __init__(self, stream: TextIO, experiment: str) -> None:
        self._stream = stream
        self._experiment = experiment
        self._begun = ""
        self._lock = threading.RLock()

    def record(
        self,
        event: str,
        level: str = "info",
        trial: int | None = None,
        node: str | None = None,
        **facts: Any,
    ) -> None:
        """Write one object."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        base = {"time": now, "level": level, "experiment": self._experiment, "event": event}
        known = {name: _finite(value) for name, value in facts.items()}
        line = json.dumps(base | {"trial": trial, "node": node} | known)
        with self._lock:
            self._stream.write(line + "\n")
            self._stream.flush()

    def write(self, text: str) -> int:
        """Take text, and write an object for each line that is complete."""
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            message = printable(_STYLE.sub("", line)).rstrip()
            if message:
                is_error = message.startswith(("sedn: ", "Traceback"))
                self.record("message", "error" if is_error else "info", message=message)
        return len(text)

    def flush(self) -> None:
        """Let the lines through; one that has no end yet waits for the end."""
        self._stream.flush()

    def fileno(self) -> int:
        """The descriptor below, to which code outside of Python writes."""
        return self._stream.fileno()


def _finite(value: Any) -> Any:
    """A number that JSON lacks is null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


class JsonLog:
    """What :class:`search.cli.live.LiveView` shows, as JSON."""

    def __init__(self, lines: JsonLines) -> None:
        self._lines = lines
        self._stage: Stage | None = None
        self._reading = ""
        self._ended = -1
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing is left to do."""

    @property
    def spent(self) -> Mapping[str, float]:
        """Seconds since the start."""
        return {"run": time.monotonic() - self._began}

    def stage(self, stage: "Stage") -> None:
        """A stage of the search begins."""
        if stage is not self._stage:
            self._stage = stage
            self._lines.record("stage", stage=stage.name.lower())

    def show(self, snapshot: "Snapshot") -> None:
        """Where the search stands, each time that a trial has ended."""
        if snapshot.ended == self._ended:
            return
        self._ended = snapshot.ended
        states = {str(state.value): count for state, count in snapshot.counts.items()}
        best = snapshot.best and snapshot.best.to_json()
        left = snapshot.remaining
        self._lines.record(
            "progress", asked=snapshot.asked, states=states, best=best, seconds_left=left
        )

    def images(self, what: str, done: int, total: int) -> None:
        """Images begin to be read or decoded."""
        if what != self._reading:
            self._reading = what
            self._lines.record("images", message=what, images=total)

    def notice(self, line: str) -> None:
        """A line for the user."""
        self._lines.record("notice", message=line)

    def waiting(self, line: str) -> None:
        """The database is away, and the search waits."""
        self._lines.record("database-away", "warning", message=line)

    def event(self, event: "TrialEvent") -> None:
        """Something happened to a trial."""
        failed = event.facts.get("state") == "FAILED"
        level = "error" if failed else _LEVELS.get(event.what, "info")
        self._lines.record(f"trial-{event.what}", level, event.trial, event.node, **event.facts)


def begin_log(log_format: LogFormat, experiment: str) -> JsonLog | None:
    """Write all of stderr as JSON from now on, where that is asked for; ``None`` where not."""
    if log_format == "text":
        return None
    lines = JsonLines(sys.stderr, experiment)
    sys.stderr = lines
    return JsonLog(lines)
