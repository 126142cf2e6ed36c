"""The Optuna dashboard over the same database."""

import socket
from collections.abc import Callable
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from optuna.storages import RDBStorage

from results import Store, open_store
from search.dashboard.background import Background
from search.dashboard.publishing import Publisher
from search.lock import is_driven
from sedn.errors import UserError


def serve(
    store_url: str, host: str, port: int, on_notice: Callable[[str], None] = lambda line: None
) -> None:
    """Serve the dashboard until it is interrupted, and bring its notes level with the store.

    Args:
        store_url: SQLAlchemy URL of the database.
        host: the address to listen on.
        port: the port to listen on.
        on_notice: called with a line where notes and plots cannot be written.

    Raises:
        UserError: the database cannot be read, or the port is taken.
    """
    store = open_store(store_url)
    from optuna_dashboard import wsgi

    from search.dashboard.artifacts import MadeWhenOpened
    from search.study import open_storage

    storage = open_storage(store)
    app = wsgi(storage, artifact_store=MadeWhenOpened(store))
    kind = _Server6 if ":" in host else _Server
    try:
        server = make_server(host, port, app, server_class=kind, handler_class=_Quiet)
    except OSError as error:
        raise UserError(
            f"cannot listen on {host}:{port}: {error.strerror}; give another `port`"
        ) from None
    background = Background(_publishers(store, storage), on_notice)
    background.hurry()
    try:
        server.serve_forever()
    finally:
        server.server_close()
        background.stop(finish=False)


def _publishers(store: Store, storage: RDBStorage) -> Callable[[], list[Publisher]]:
    """Gives the experiments that no search publishes itself now."""
    known: dict[str, Publisher] = {}

    def publishers() -> list[Publisher]:
        if not store.is_in_place():
            return []
        found = []
        for experiment in store.experiments():
            name = experiment.name
            if not is_driven(store.engine, name):
                found.append(known.setdefault(name, Publisher(store, storage, name)))
        return found

    return publishers


class _Server(ThreadingMixIn, WSGIServer):
    """Answers a request while another one is answered: some artifacts take seconds to make."""

    daemon_threads = True


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    """Says nothing of each request."""

    def log_message(self, format: str, *args: object) -> None:
        """Leave it out."""
