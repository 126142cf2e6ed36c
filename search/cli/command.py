"""Commands whose errors name options: the library names fields, in backquotes, as in Python.

A message such as "`gpu_hours`: no GPU; take `time_seconds`" reads the same to a caller in Python.
The command line shows its own words for the fields of the command: "--gpu-hours: …; take --time".
An option's parameter therefore has the name of the field.
"""

import re
import shlex
from collections.abc import Iterable
from typing import Any

from typer.core import TyperCommand, TyperOption

from search.cli.store_file import PARAMETER, choose_store, store_file_option
from sedn.errors import TrainingError, UserError

_ARGUMENT = re.compile(r"\{\w+\}|(?<=\[)[a-z_]+(?=\])")
_FIELD = re.compile(r"`([a-z_]+)(?:=(?:'([^'`]*)'|([^'`]+)))?`")


class Command(TyperCommand):
    """A command whose errors name its options, and whose help is short.

    Typer 0.29 shows ``{config}`` for a required argument and ``<bool>`` beside every switch. A
    command with ``--store`` also has ``--store-file``.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        names = [one.name for one in self.params]
        if "store" in names:
            self.params.insert(names.index("store") + 1, store_file_option())

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The options and arguments of the usage line, such as ``[OPTIONS] CONFIG``."""
        pieces = super().collect_usage_pieces(ctx)
        return [_ARGUMENT.sub(lambda match: match[0].strip("{}").upper(), one) for one in pieces]

    def get_params(self, ctx: Any) -> list[Any]:
        """The arguments and options; a switch has no type to show."""
        parameters: list[Any] = super().get_params(ctx)
        for one in parameters:
            if isinstance(one, TyperOption) and one.is_flag and one.metavar is None:
                one.metavar = ""
        return parameters

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            UserError: the input is wrong; the message names options.
            TrainingError: a training cannot go on; likewise.
        """
        try:
            if PARAMETER in ctx.params:
                choose_store(ctx)
            return super().invoke(ctx)
        except (UserError, TrainingError) as error:
            error.args = (with_options(str(error), self.params), *error.args[1:])
            raise


def with_options(message: str, parameters: Iterable[Any]) -> str:
    """The message with options in place of fields, where one of ``parameters`` has the name.

    ```name``` becomes ``--name``, ```name=value``` the option with its value, and a switch that is
    False the name that turns it off.
    """
    options = {str(one.name): one for one in parameters if isinstance(one, TyperOption)}

    def replace(match: re.Match[str]) -> str:
        name, text, plain = match.groups()
        if name not in options:
            return match[0]
        return _typed(options[name], plain if text is None else text)

    return _FIELD.sub(replace, message)


def _typed(option: TyperOption, value: str | None) -> str:
    """The option as a person types it, with the value if the option takes one."""
    turned_off = [*option.secondary_opts] if value == "False" else []
    name = max(turned_off or option.opts, key=len)
    return name if value is None or option.is_flag else f"{name} {shlex.quote(value)}"
