"""Reading a space: from the catalog, from a file, or from the text that an experiment keeps."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from sedn.config import build_config, flatten
from sedn.document import parse_document, read_text
from sedn.errors import UserError, did_you_mean
from spaces.axes import Axis
from spaces.configurations import parse_configurations
from spaces.first import parse_first
from spaces.parsing import parse_axis
from spaces.space import Space

_KEYS = ("name", "description", "base", "axes", "first", "configurations", "seeds")
_OF_AXES = ("base", "axes", "first")


def catalog() -> list[str]:
    """The names of the spaces that come with the package."""
    entries = (entry.name for entry in (files("spaces") / "catalog").iterdir())
    return sorted(name.removesuffix(".yaml") for name in entries if name.endswith(".yaml"))


def load_space(name_or_path: str) -> Space:
    """A space of the catalog by its name, or the one in a YAML file by its path.

    Raises:
        UserError: there is no such space or file, or something in it is wrong.
    """
    if name_or_path in catalog():
        entry = files("spaces") / "catalog" / f"{name_or_path}.yaml"
        return parse_space(entry.read_text(encoding="utf-8"), name_or_path)
    path = Path(name_or_path)
    if path.suffix or _is_there(path):
        return parse_space(read_text(path), name_or_path)
    hint = did_you_mean(name_or_path, catalog())
    raise UserError(
        f"space '{name_or_path}': not in the catalog ({', '.join(catalog())}), and no file{hint}"
    )


def parse_space(text: str, source: str) -> Space:
    """The space that the YAML ``text`` describes; ``source`` names it in errors.

    Raises:
        UserError: something in it is wrong; one line with the source and the key.
    """
    try:
        return _parse_space(text, source)
    except UserError as error:
        # A word of the document that an error quotes may hold a line break.
        raise UserError(" ".join(str(error).splitlines())) from None


def _parse_space(text: str, source: str) -> Space:
    document = parse_document(text, source, "a mapping with 'name:', 'base:' and 'axes:'")
    for key in document:
        if key not in _KEYS:
            known = did_you_mean(str(key), _KEYS) or f"; known: {', '.join(_KEYS)}"
            raise UserError(f"{source}: unknown key '{key}'{known}")
    name = _parse_text(document, "name", source)
    description = _parse_text({"description": ""} | document, "description", source)
    if "configurations" in document:
        return _parse_listed(document, name, description, text, source)
    if "seeds" in document:
        raise UserError(f"{source}: 'seeds' goes with 'configurations', not with 'axes'")
    base = _parse_base(document.get("base"), source)
    axes = _parse_axes(document.get("axes"), base, source)
    return Space(
        name=name,
        description=description,
        base=base,
        axes=axes,
        source_text=text,
        source=source,
        first=parse_first(document.get("first"), axes, source),
    )


def _parse_listed(
    document: Mapping[Any, Any], name: str, description: str, text: str, source: str
) -> Space:
    """A space that lists its configurations."""
    for key in _OF_AXES:
        if key in document:
            raise UserError(f"{source}: '{key}' does not go with 'configurations'; leave one")
    listed = parse_configurations(document["configurations"], document.get("seeds"), source)
    return Space(
        name=name,
        description=description,
        base={},
        axes=listed.axes(),
        source_text=text,
        source=source,
        first=listed.points(),
        configurations=listed,
    )


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # Such as a name that is too long for a file.
        return False


def _parse_text(document: Mapping[Any, Any], key: str, source: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or len(value.splitlines()) > 1 or (key == "name" and not value):
        raise UserError(f"{source}: '{key}' must be one line of text, not {value!r}")
    return value


def _parse_base(base: object, source: str) -> dict[str, Any]:
    """The fixed fields, which must make a configuration on their own."""
    if base is None:
        return {}
    if not isinstance(base, dict):
        raise UserError(f"{source}: 'base' needs fields and their values, not {base!r}")
    for key in base:
        group, dot, field = str(key).partition(".")
        if dot:
            raise UserError(f"{source}: base: write '{group}: {{{field}: …}}', not '{key}: …'")
    build_config(base, f"{source}: base")
    return base


def _parse_axes(axes: object, base: Mapping[str, Any], source: str) -> tuple[Axis, ...]:
    if not isinstance(axes, dict) or not axes:
        raise UserError(f"{source}: 'axes' needs at least one field to search, not {axes!r}")
    above: dict[str, Axis] = {}
    for path, fields in axes.items():
        if path in flatten(base):
            raise UserError(f"{source}: '{path}' is an axis and fixed in base too; leave one")
        if path not in above:
            _refuse_later(path, fields, axes, above, source)
        above[path] = parse_axis(path, fields, above, source)
    return tuple(above.values())


def _refuse_later(
    path: object, fields: object, axes: Mapping[Any, Any], above: Mapping[str, Axis], source: str
) -> None:
    """Refuse a condition on an axis that is further down, or on the axis itself."""
    when = fields.get("when") if isinstance(fields, dict) else None
    for other in when if isinstance(when, dict) else ():
        if other in axes and other not in above:
            raise UserError(
                f"{source}: axis '{path}': when: '{other}' must be an axis above this one; move it"
            )
