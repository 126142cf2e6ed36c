"""A real browser, driven over a pipe: pages as they look on a desktop, a phone and on paper."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
    *(
        "--disable-background-networking",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ),
    *("--allow-file-access-from-files", "--remote-debugging-pipe", "about:blank"),
)
A4_WIDTH, A4_HEIGHT = 8.27, 11.69
"""Inches."""


def need_chromium() -> None:
    """Skip the test where there is no browser; in CI there must be one."""
    if CHROMIUM is None:
        reason = "no chromium: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def screenshots(otherwise: Path) -> Path:
    """The folder for pictures of pages: ``SEDN_SCREENSHOTS``, which CI keeps, or ``otherwise``."""
    folder = Path(os.environ.get("SEDN_SCREENSHOTS", otherwise))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Tab:
    """One tab of a browser, as Chrome's DevTools protocol drives it."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._buffer, self._last = b"", 0
        self._session: str | None = None
        self.complaints: list[str] = []
        """What the console got: errors, warnings and exceptions."""
        self.requests: list[str] = []
        """Addresses that the page asked for, itself included."""
        targets = self.call("Target.getTargets")["targetInfos"]
        target = next(one["targetId"] for one in targets if one["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Answer of the browser to a command."""
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._commands, data) :]
        while True:
            answer = self._next()
            if answer.get("id") == self._last:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            more = os.read(self._answers, 1 << 20)
            assert more, "the browser has ended"
            self._buffer += more
        message, _, self._buffer = self._buffer.partition(b"\0")
        event: dict[str, Any] = json.loads(message)
        self._note(event)
        return event

    def _note(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", str(details)))
        elif event.get("method") == "Runtime.consoleAPICalled":
            if params["type"] in ("error", "warning", "assert"):
                self.complaints.append(str([one.get("value") for one in params["args"]]))
        elif event.get("method") == "Log.entryAdded":
            if params["entry"]["level"] in ("error", "warning"):
                self.complaints.append(params["entry"]["text"])
        elif event.get("method") == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def look(self, width: int = 1400, height: int = 900, *, dark: bool = False) -> None:
        """Set the size of the window in pixels, and the reader's choice of light or dark."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, page: Path | str) -> None:
        """Open a file, or an address, and wait until it is loaded."""
        address = page.as_uri() if isinstance(page, Path) else page
        self.call("Page.navigate", url=address)
        self.eval(
            "new Promise(done => document.readyState == 'complete' ? done()"
            " : addEventListener('load', done))"
        )

    def eval(self, script: str) -> Any:
        """Value of an expression on the page, awaited where it is a promise."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, script: str, seconds: float = 20) -> None:
        """Wait until an expression is true."""
        self.eval(
            f"new Promise((done, fail) => {{ const end = Date.now() + {seconds * 1000};"
            f" const look = () => ({script}) ? done() : Date.now() > end"
            f" ? fail(new Error('never true')) : setTimeout(look, 20); look(); }})"
        )

    def draw_all(self) -> None:
        """Have every figure of a page drawn, also those out of sight."""
        self.eval("sedn.drawAll()")

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Write a picture of the window, or of the whole page, as PNG."""
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def print_to(self, path: Path) -> None:
        """Print to A4."""
        answer = self.call("Page.printToPDF", paperWidth=A4_WIDTH, paperHeight=A4_HEIGHT)
        path.write_bytes(base64.b64decode(answer["data"]))


@contextmanager
def browser_tab(folder: Path) -> Iterator[Tab]:
    """A tab of a new browser that keeps what it writes in ``folder``; it reaches no network."""
    need_chromium()
    assert CHROMIUM
    there, commands = os.pipe()
    answers, back = os.pipe()

    def connect() -> None:
        # The browser reads from 3 and writes to 4, whatever the pipes are called here.
        ends = os.dup(there), os.dup(back)
        os.dup2(ends[0], 3)
        os.dup2(ends[1], 4)

    browser = subprocess.Popen(
        [CHROMIUM, f"--user-data-dir={folder}", *FLAGS],
        preexec_fn=connect,
        close_fds=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(there)
    os.close(back)
    try:
        yield Tab(commands, answers)
    finally:
        os.close(commands)
        browser.kill()
        browser.wait()
        os.close(answers)
