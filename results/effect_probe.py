"""Whether a field of a configuration has an effect on what is trained.

A configuration in canonical form does not keep what has no effect, so an effect is seen by trying
other values.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sedn.config import DECIDED_WITH, TrainingConfig, build_config
from sedn.config.groups import Group
from sedn.errors import UserError

PROBES = 2
"""Other values that are tried: one alone may happen to build the same network."""


@dataclass
class KnownEffects:
    """What was found of effects; whoever reads an experiment again and again keeps it between."""

    kinds: dict[Any, int] = field(default_factory=dict)
    """A number for all that have the same values of what decides."""
    effects: dict[tuple[str, tuple[str, ...], int], bool] = field(default_factory=dict)
    """By a field's path, the values that were tried, and that number."""


class EffectProbe:
    """Finds effects, each once for all configurations that have the same values of what decides:
    thousands differ in nothing but a learning rate.
    """

    def __init__(self, known: KnownEffects | None = None) -> None:
        """Begin with the effects that are ``known``, and add to them."""
        self._known = KnownEffects() if known is None else known
        self._kinds: dict[tuple[int, str], int] = {}
        """By the id of a configuration's fields, and by a field's group."""
        self._fields: dict[int, Mapping[str, Any]] = {}
        """By their id, kept so that no others get that id."""

    @property
    def looked_for(self) -> int:
        """How many effects were looked for."""
        return len(self._known.effects)

    def have(
        self,
        configs: Sequence[Mapping[str, Any]],
        path: str,
        own: Sequence[Any],
        values: Iterable[Any],
    ) -> list[bool]:
        """Whether each configuration would be another one with another value at ``path``.

        Args:
            configs: their fields, in canonical form.
            path: of the field.
            own: the value that each configuration has there.
            values: to try; own values may be among them.
        """
        group = path.split(".")[0]
        # The first few alone are written out: of a learning rate there are as many as trials.
        first = dict(islice(_distinct(values), PROBES + 1))
        found = []
        for fields, value in zip(configs, own, strict=True):
            mine = repr(value)
            tried = tuple(islice((other for other in first if other != mine), PROBES))
            key = (path, tried, self._kind(fields, group))
            effect = self._known.effects.get(key)
            if effect is None:
                config = build_known(fields)
                others = [first[other] for other in tried]
                # What another version wrote has effects for granted, and tells nothing of others.
                effect = config is None or _has_effect(config, path, others)
                if config is not None:
                    self._known.effects[key] = effect
            found.append(effect)
        return found

    def _kind(self, fields: Mapping[str, Any], group: str) -> int:
        key = (id(fields), group)
        number = self._kinds.get(key)
        if number is None:
            self._fields[id(fields)] = fields
            deciding = (group, *DECIDED_WITH.get(group, ()))
            kind = (group, *(_kind(fields.get(name)) for name in deciding), tuple(fields))
            number = self._known.kinds.setdefault(kind, len(self._known.kinds))
            self._kinds[key] = number
        return number


def _distinct(values: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Values as they are written, and themselves, each once."""
    seen: set[str] = set()
    for value in values:
        written = repr(value)
        if written not in seen:
            seen.add(written)
            yield written, value


def build_known(fields: Mapping[str, Any]) -> TrainingConfig | None:
    """The configuration of the fields; ``None``: another version wrote it, and its rules are not
    known here.
    """
    try:
        return build_config(fields, "trial")
    except UserError:
        return None


def _has_effect(config: TrainingConfig, path: str, others: Sequence[Any]) -> bool:
    """Whether another value makes another configuration."""
    return any(_replaced(config, path, other) != config for other in others)


def is_same(config: TrainingConfig, path: str, one: Any, other: Any) -> bool:
    """Whether two values at ``path`` make the same configuration."""
    return _replaced(config, path, one) == _replaced(config, path, other)


def _kind(value: Any) -> Any:
    """A value as far as it can decide what has an effect: of a number in a group, where it lies
    beside the values at which something is switched off, 0 and 1; of all else, the value.
    """
    if isinstance(value, Mapping):
        return tuple((name, _size(one)) for name, one in value.items())
    return repr(value)


def _size(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return repr(value)
    return (type(value).__name__, value > 0, value < 0, value > 1, value < 1)


def _replaced(config: TrainingConfig, path: str, value: Any) -> TrainingConfig | None:
    """The configuration with one other value; ``None`` if it does not take it."""
    # The groups that are built already are taken as they are: building them is most of the work.
    fields: dict[str, Any] = dict(config)
    group, _, name = path.partition(".")
    own = fields.get(group)
    others = dict(own) if isinstance(own, Group) else {}
    fields[group] = {**others, name: value} if name else value
    return build_known(fields)
