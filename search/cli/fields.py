"""Options made from the fields of a model, so that a field has its name, type and help once.

A command takes the fields as one mapping: ``@takes(settings=SearchSettings)`` puts an option for
each field in place of the parameter ``settings``. The help of an option is the description of the
field. The model checks the values; an option that is not given is left to the model's default.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class Flag:
    """How a field is written where its name and type do not say so."""

    name: str | None = None
    metavar: str | None = None
    read: Callable[[Any], Any] = lambda value: value
    """From what is typed to what the model takes."""
    is_text: bool = False
    """Whether a single text is typed, whatever the field holds."""
    help: str | None = None
    """In place of the field's description."""


def takes(
    flags: Mapping[str, Flag | None] | None = None, **models: type[BaseModel]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Put options for the fields of ``models`` in place of the parameters of these names.

    A field that two models have is an option of the first; a flag that is ``None`` leaves a field
    without an option.
    """
    known = flags or {}
    groups: dict[str, list[str]] = {}
    for group, model in models.items():
        there = {name for names in groups.values() for name in names}
        groups[group] = [
            name
            for name in model.model_fields
            if name not in there and known.get(name, Flag()) is not None
        ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        parameters: list[inspect.Parameter] = []
        for parameter in inspect.signature(command, eval_str=True).parameters.values():
            if parameter.name in groups:
                fields = models[parameter.name].model_fields
                names = groups[parameter.name]
                parameters.extend(_parameter(name, fields[name], known) for name in names)
            else:
                parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

        @wraps(command)
        def call(**given: Any) -> None:
            for group, names in groups.items():
                values = {name: given.pop(name) for name in names}
                given[group] = {
                    name: (known.get(name) or Flag()).read(value)
                    for name, value in values.items()
                    if value is not None
                }
            command(**given)

        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {one.name: one.annotation for one in parameters}
        return call

    return decorate


def _parameter(name: str, field: FieldInfo, flags: Mapping[str, Flag | None]) -> inspect.Parameter:
    flag = flags.get(name) or Flag()
    typed, default = str if flag.is_text else _typed(field.annotation), field.default
    written = flag.name or f"--{name.replace('_', '-')}"
    if typed is bool and default is True and "/" not in written:
        written = f"{written}/--no-{name.replace('_', '-')}"
    text = flag.help or field.description or ""
    if default not in (None, (), {}, "") and typed is not bool:
        text += f" {_shown(default)} by default."
    option = typer.Option(written, help=text, metavar=flag.metavar, show_default=False)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[typed | None, option],
    )


def _typed(annotation: Any) -> Any:
    """The type of a field's option: int, float, bool, str, or a list of str."""
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(one for one in get_args(annotation) if one is not type(None))
    if get_origin(annotation) in (tuple, dict):
        return list[str]
    return annotation if annotation in (int, float, bool) else str


def _shown(default: Any) -> str:
    return ", ".join(map(str, default)) if isinstance(default, tuple) else str(default)
