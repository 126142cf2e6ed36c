"""The Optuna dashboard over the same database."""

from results import open_store
from sedn.errors import UserError


def serve(store_url: str, host: str, port: int) -> None:
    """Serve the dashboard until it is interrupted.

    Raises:
        UserError: the database cannot be read, or the port is taken.
    """
    store = open_store(store_url)
    from optuna_dashboard import run_server

    from search.study import open_storage

    try:
        run_server(open_storage(store), host=host, port=port)
    except OSError as error:
        raise UserError(
            f"cannot listen on {host}:{port}: {error.strerror}; give another `port`"
        ) from None
