"""Commands that a page or a note names: they work as pasted, also with another database."""

from collections.abc import Collection
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING
from urllib.parse import unquote

from sedn.addresses import typed_again

if TYPE_CHECKING:
    from sqlalchemy import URL

DEFAULT_STORE = "sqlite:///sedn.db"
"""The database of a command without ``--store``."""
STORE_VARIABLE = "SEDN_STORE"
"""The variable of the environment that names another one."""


def store_words(address: str, known: Collection[str] = ()) -> str:
    """`` --store URL`` without a password, as a shell takes it; empty for the default address, and
    for one of the ``known`` ones, which a command finds by itself.
    """
    if address in (DEFAULT_STORE, *known):
        return ""
    return f" --store {quote(typed_again(address))}"


def address_of(url: "URL") -> str:
    """The address of an open database, as ``--store`` takes it from any folder; the default one
    stays relative.
    """
    if url.get_backend_name() != "sqlite":
        return url.render_as_string(hide_password=False)
    # A file in a folder that cannot be written to is opened by a URI.
    name = str(url.database)
    path = Path(unquote(name.removeprefix("file:")) if name.startswith("file:") else name)
    own = f"sqlite:///{path}"
    return own if own == DEFAULT_STORE else f"sqlite:///{path.absolute()}"


def export_command(name: str, store: str, trial: int | None = None) -> str:
    """The command that writes a configuration to a file.

    Args:
        name: of the experiment.
        store: as :func:`store_words` gives it.
        trial: whose configuration; ``None``: that of rank 1.
    """
    which = "--rank 1" if trial is None else f"--trial {trial}"
    output = f"{name}.yaml" if trial is None else f"{name}-{trial}.yaml"
    return f"sedn export {quote(name)} {which} -o {quote(output)}{store}"
