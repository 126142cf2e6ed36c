"""The page, served while the search runs: a browser asks what has changed, and gets that."""

import json
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

from results.database.store import Store
from results.report.page import Report, read_report
from sedn.addresses import served_at
from sedn.errors import UserError

LEAST_AGE = 2.0
"""Seconds for which what was read is shown, though the search has gone on."""
REST = 4
"""For so many times as long as reading took, what was read is shown: reading a large search must
not slow the search itself."""
MOST_AGE = 60.0
"""Seconds after which all is read again though no trial has gone on: a confirmation may have."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Part:
    """One part of the page, as it is now."""

    html: str
    digest: str


class LiveReport:
    """The page on an experiment, read again when the search has gone on."""

    def __init__(self, store: Store, name: str, others: Sequence[str] = ()) -> None:
        self.store, self.name, self.others = store, name, others
        self._experiments = [store.experiment(one).id for one in (name, *others)]
        self._lock = Lock()
        self._pulse: Any = None
        self._read_at, self._took = float("-inf"), 0.0
        self._report = self._read()

    def page(self) -> str:
        """The whole page."""
        report = self._now()
        digests = {name: part.digest for name, part in _parts(report).items()}
        return report.html(digests)

    def changes(self, known: set[str]) -> dict[str, Part]:
        """The parts whose digest is not among the ``known`` ones, by name."""
        parts = _parts(self._now())
        return {name: part for name, part in parts.items() if part.digest not in known}

    def _now(self) -> Report:
        with self._lock:
            age = time.monotonic() - self._read_at
            is_due = age > max(LEAST_AGE, REST * self._took)
            if age > MOST_AGE or (is_due and self._pulse_now() != self._pulse):
                self._report = self._read()
            return self._report

    def _read(self) -> Report:
        started = time.monotonic()
        self._pulse = self._pulse_now()
        report = read_report(self.store, self.name, self.others)
        self._read_at = time.monotonic()
        self._took = self._read_at - started
        return report

    def _pulse_now(self) -> Any:
        """What changes with every epoch and every trial."""
        return [(self.store.counts(one), self.store.totals(one)) for one in self._experiments]


def serve_report(
    store: Store,
    name: str,
    host: str,
    port: int,
    ready: Callable[[str], None],
    others: Sequence[str] = (),
) -> None:
    """Serve the page until it is interrupted.

    Args:
        store: has the experiment.
        name: of the experiment.
        host: address to listen on.
        port: port to listen on; 0 takes one that is free.
        ready: is called with the page's address, once it can be opened.
        others: experiments that are shown beside it.

    Raises:
        UserError: there is no such experiment, or the port is taken.
    """
    server = make_server(LiveReport(store, name, others), host, port)
    ready(served_at(host, server.server_port))
    with server:
        server.serve_forever()


def make_server(report: LiveReport, host: str, port: int) -> ThreadingHTTPServer:
    """A server that is ready to serve.

    Raises:
        UserError: the port is taken, or the address is none of this machine.
    """

    class Answer(_Answer):
        of = report
        only_local = host in LOOPBACK

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    try:
        return Server((host, port), Answer)
    except OSError as error:
        raise UserError(
            f"cannot listen on {host}:{port}: {error.strerror}; give another `port`"
        ) from None


class _Answer(BaseHTTPRequestHandler):
    """Answers a browser: the page, and what has changed of it."""

    of: LiveReport
    only_local: bool

    def do_GET(self) -> None:
        """Give the page, or its parts that the browser does not know."""
        address = urlsplit(self.path)
        if self.only_local and not self._is_local():
            # Another site's page, whose name was made to mean this machine.
            self._send(403, "text/plain", "This address is not served.")
        elif address.path == "/":
            self._try("text/html", self.of.page)
        elif address.path == "/changes":
            known = parse_qs(address.query).get("known", [""])[0].split(",")
            self._try("application/json", lambda: _as_json(self.of.changes(set(known))))
        else:
            self._send(404, "text/plain", "There is nothing here.")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of requests that went well."""

    def _is_local(self) -> bool:
        return urlsplit(f"//{self.headers.get('Host', '')}").hostname in LOOPBACK

    def _try(self, kind: str, make: Callable[[], str]) -> None:
        try:
            content = make()
        except Exception as error:
            # The page goes on asking: a database that is busy now answers later.
            self._send(503, "text/plain", str(error).split("\n")[0] or type(error).__name__)
            return
        self._send(200, kind, content)

    def _send(self, status: int, kind: str, content: str) -> None:
        data = content.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(data)


def _parts(report: Report) -> dict[str, Part]:
    return {
        name: Part(html, sha256(html.encode()).hexdigest()[:16])
        for name, html in report.parts.items()
    }


def _as_json(parts: dict[str, Part]) -> str:
    return json.dumps({name: vars(part) for name, part in parts.items()})
