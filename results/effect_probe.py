"""Whether a field of a configuration has an effect on what is trained.

A configuration in canonical form does not keep what has no effect, so an effect is seen by trying
other values.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from sedn.config import DECIDED_WITH, TrainingConfig, build_config
from sedn.config.groups import Group
from sedn.errors import UserError

PROBES = 2
"""Other values that are tried: one alone may happen to build the same network."""


KnownEffects = dict[Any, bool]
"""What was found of effects; whoever reads an experiment again and again keeps it between."""


class EffectProbe:
    """Finds effects, each once for all configurations that have the same values of what decides:
    thousands differ in nothing but a learning rate.
    """

    def __init__(self, known: KnownEffects | None = None) -> None:
        """Begin with the effects that are ``known``, and add to them."""
        self._known: KnownEffects = {} if known is None else known
        self._kinds: dict[tuple[int, str], Any] = {}
        """By the id of a configuration's fields, and by the name of a field or group."""
        self._fields: dict[int, Mapping[str, Any]] = {}
        """By their id, kept so that no others get that id."""

    @property
    def looked_for(self) -> int:
        """How many effects were looked for."""
        return len(self._known)

    def has(self, fields: Mapping[str, Any], path: str, value: Any, values: Sequence[Any]) -> bool:
        """Whether a configuration would be another one with another value at ``path``.

        Args:
            fields: of the configuration, in canonical form.
            path: of the field.
            value: that the configuration has there.
            values: to try; ``value`` may be among them.
        """
        own = repr(value)
        # The first few alone are written out: of a learning rate there are as many as trials.
        others = list(islice((other for other in values if repr(other) != own), PROBES))
        group = path.split(".")[0]
        deciding = (group, *DECIDED_WITH.get(group, ()))
        kind = tuple(self._find_kind(fields, name) for name in deciding)
        key = (path, repr(others), kind, tuple(fields))
        if key not in self._known:
            config = build_known(fields)
            if config is None:
                # Another version wrote it. Taken for granted, and of this configuration alone.
                return True
            self._known[key] = _has_effect(config, path, others)
        return self._known[key]

    def _find_kind(self, fields: Mapping[str, Any], name: str) -> Any:
        key = (id(fields), name)
        if key not in self._kinds:
            self._fields[id(fields)] = fields
            self._kinds[key] = _kind(fields.get(name))
        return self._kinds[key]


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
