"""The fields of a document by dotted path, and the one that a wrong name was meant for."""

from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import BaseModel

from sedn.config.groups import Group
from sedn.errors import did_you_mean


def field_paths(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Dotted paths of all fields, groups and what entries of registries add
    included: ``optimizer``, ``optimizer.learning_rate`` …
    """
    paths = []
    for name, field in model.model_fields.items():
        paths.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            paths += field_paths(field.annotation, f"{prefix}{name}.")
    if issubclass(model, Group):
        paths += [prefix + name for name in model.entry_fields()]
    return paths


def suggest_field(path: str, paths: Iterable[str]) -> str:
    """Name the field of ``paths`` that ``path`` was meant for, ``"; did you mean 'epochs'?"``, or
    what its group has; ``""`` if nothing is near.

    A group is looked at first, and then the names in it: ``optimizer.lr`` is
    ``optimizer.learning_rate``, and not ``optimizer.clip_norm``, of which more letters are equal.
    A name that another group has is found there.
    """
    known = list(paths)
    group, _, name = path.rpartition(".")
    groups = {other.rpartition(".")[0] for other in known}
    if group not in groups:
        group = next(iter(get_close_matches(group, groups, n=1)), "")
    inside = {other.rpartition(".")[2]: other for other in known if _group(other) == group}
    anywhere = {other.rpartition(".")[2]: other for other in reversed(known)}
    meant = (
        inside.get(name)
        or _near(name, inside, cutoff=0.8)
        or anywhere.get(name)
        or _abbreviated(name, inside)
        or _near(name, inside, cutoff=0.6)
        or _abbreviated(name, anywhere)
    )
    if meant:
        return f"; did you mean '{meant}'?"
    return f"; '{group}' has {', '.join(inside)}" if group else did_you_mean(path, known)


def _group(path: str) -> str:
    return path.rpartition(".")[0]


def _abbreviated(name: str, by_name: dict[str, str]) -> str | None:
    """The one path whose name has ``name`` as its initials (``lr``), as its beginning (``warm``),
    or as one of its words (``ratio``).
    """
    for full, path in by_name.items():
        if "".join(word[:1] for word in full.split("_")) == name and len(name) > 1:
            return path
    parts = [p for full, p in by_name.items() if full.startswith(name) or name in full.split("_")]
    return parts[0] if len(parts) == 1 and len(name) > 2 else None


def _near(name: str, by_name: dict[str, str], cutoff: float) -> str | None:
    near = get_close_matches(name, by_name, n=1, cutoff=cutoff)
    return by_name[near[0]] if near else None
