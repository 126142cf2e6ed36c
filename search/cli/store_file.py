"""`--store-file`: the address of the database from a file, as containers get their secrets.

Every command with ``--store`` has the option; :class:`search.cli.commands.Command` adds it. What is
typed counts more than what the environment says, and an option beside its like is refused.
"""

import os
import re
import stat
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer
from typer.core import TyperOption

from results.commands import STORE_VARIABLE
from sedn.addresses import typed_again
from sedn.errors import UserError

PARAMETER = "store_file"
VARIABLE = "SEDN_STORE_FILE"
MOST_BYTES = 1 << 16
"""A longer file is none with an address."""


class AddressOfFile(str):
    """The address of a database that stands in a file."""

    words: str
    """By which a command at this terminal finds the file; empty where the environment names it."""


def store_file_option() -> TyperOption:
    """The option as the command line takes it."""
    app = typer.Typer(add_completion=False)

    @app.command()
    def only(
        store_file: Annotated[
            str | None,
            typer.Option(
                envvar=VARIABLE, metavar="FILE", help="File with the URL of the database in it."
            ),
        ] = None,
    ) -> None: ...

    [option] = (one for one in typer.main.get_command(app).params if one.name == PARAMETER)
    assert isinstance(option, TyperOption)
    return option


def choose_store(context: Any) -> None:
    """Put the address of the file into the context's ``store`` where the file is what counts, and
    take the file out of the parameters.

    Raises:
        UserError: both are given, or the file holds no address.
    """
    file = context.params.pop(PARAMETER)
    if not file:
        return
    typed, typed_store = _is_typed(context, PARAMETER), _is_typed(context, "store")
    if typed and typed_store:
        raise UserError("`store_file`: names the database as `store` does; give one of the two")
    if typed_store:
        return
    if typed:
        address = AddressOfFile(read_address(file, "`store_file`"))
        address.words = f" --store-file {quote(file)}"
    elif os.environ.get(STORE_VARIABLE):
        raise UserError(
            f"{STORE_VARIABLE} and {VARIABLE} both name the database; unset one of them"
        )
    else:
        address = AddressOfFile(read_address(file, VARIABLE))
        address.words = ""
    context.params["store"] = address


def _is_typed(context: Any, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def read_address(file: str, what: str) -> str:
    """The address in a file; blanks and line ends around it do not count.

    Args:
        file: its path.
        what: what named the file, for messages. None of these shows what is in the file.

    Raises:
        UserError: the file is not there, cannot be read, or holds no address; or others may read
            the password in it.
    """
    path = Path(file)
    try:
        with path.open("rb") as opened:
            content = opened.read(MOST_BYTES)
            mode, place = os.fstat(opened.fileno()), os.fstatvfs(opened.fileno())
        lines = [line.strip() for line in content.decode("utf-8-sig").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "is not a text"
        raise UserError(f"{what}: {file}: {reason}; it must hold the URL of the database") from None
    if not lines:
        raise UserError(f"{what}: {file}: is empty; write the URL of the database into it")
    if len(lines) > 1 or not re.match(r"[\w+.-]+://", lines[0]):
        raise UserError(
            f"{what}: {file}: must hold one line, the URL of the database, such as "
            f"postgresql+psycopg://user:password@host/database"
        )
    # Where containers are given their secrets everybody may read, and nobody may change that.
    is_mounted = place.f_flag & os.ST_RDONLY
    is_open = mode.st_mode & (stat.S_IROTH | stat.S_IWOTH)
    if is_open and not is_mounted and typed_again(lines[0]) != lines[0]:
        raise UserError(f"{what}: {file}: others may read the password in it; `chmod 600` the file")
    return lines[0]
