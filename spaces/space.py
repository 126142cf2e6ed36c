"""A space: its axes, and how a point of it becomes a training configuration."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sedn.config import TrainingConfig, build_config, flatten
from spaces.axes import Axis, Condition, SuggestsValues, is_active
from spaces.configurations import SEED, Configurations
from spaces.fields import check_path, default_of, nest

PLAIN = {"embedding.placement": "none", "attention.kind": "none"}
"""The fields that make a network the plain backbone."""

_Held = frozenset[Condition]
"""The conditions of later axes that hold."""


@dataclass(frozen=True)
class Space:
    """A search space: fixed fields, and axes in an order in which conditions look back."""

    name: str
    description: str
    base: dict[str, Any]
    """Fixed fields, nested as in the configuration."""
    axes: tuple[Axis, ...]
    source_text: str
    """The YAML as it was read: an experiment keeps it, so that a resume reads exactly this."""
    source: str = field(default="", compare=False)
    """The file or the name that the text came from; it begins the messages of errors."""
    first: tuple[dict[str, Any], ...] = ()
    """Points that are tried right after the baseline, with the values of their active axes."""
    configurations: Configurations | None = None
    """Whole configurations that are trained as they are, in place of points of axes."""

    def values_of(self, path: str) -> Sequence[Any]:
        """The values that the field at ``path`` may have in this space; empty where the axis is
        continuous.
        """
        if self.configurations is not None:
            listed = map(flatten, self.configurations.fields.values())
            return list(
                {repr(v): v for v in (one.get(path, default_of(path)) for one in listed)}.values()
            )
        for axis in self.axes:
            if axis.path == path:
                return axis.values() or ()
        return (flatten(self.base).get(path, default_of(path)),)

    def sample(self, trial: SuggestsValues) -> dict[str, Any]:
        """Ask ``trial`` for a value of each active axis, in order; by dotted path."""
        params: dict[str, Any] = {}
        for axis in self.axes:
            if is_active(axis, params):
                params[axis.path] = axis.suggest(trial)
        return params

    def config(
        self, params: Mapping[str, Any], overrides: Mapping[str, Any] | None = None
    ) -> TrainingConfig:
        """The configuration of a point.

        Args:
            params: values of the active axes by dotted path, as :meth:`sample` gives them.
            overrides: fields by dotted path that win over the base and over ``params``.

        Raises:
            UserError: a path is no field, or a field does not take its value.
        """
        source = f"space '{self.name}'"
        if self.configurations is not None:
            chosen = self.configurations.values(params)
            seeded = {SEED: params[SEED]} if SEED in params else {}
            values = chosen | dict(overrides or {}) | seeded
        else:
            values = flatten(self.base) | dict(params) | dict(overrides or {})
        for path in values:
            check_path(path, source)
        return build_config(nest(values.items()), source)

    def baseline_params(self) -> dict[str, Any]:
        """The plain backbone with default settings, as far as the axes can represent it.

        Where ``none`` is no choice of the placement (or of the attention), that axis is left out,
        and with it every axis whose condition looks at it.
        """
        params: dict[str, Any] = {}
        for axis in self.axes:
            value = PLAIN.get(axis.path, axis.default)
            if is_active(axis, params) and axis.contains(value):
                params[axis.path] = value
        return params

    def baseline(self, overrides: Mapping[str, Any] | None = None) -> TrainingConfig:
        """The plain backbone with default settings, even where no point of the space is that.

        Raises:
            UserError: an override is no field, or its field does not take the value.
        """
        return self.config(self.baseline_params(), overrides).plain()

    def points(self) -> int | None:
        """The number of distinct parameter combinations; ``None`` when an axis is continuous."""
        # Counted by which conditions hold, so that a space of millions takes no time.
        counts: Counter[_Held] = Counter({frozenset(): 1})
        for position, axis in enumerate(self.axes):
            later = {condition for other in self.axes[position + 1 :] for condition in other.when}
            outcomes = _outcomes(axis, later)
            if outcomes is None:
                return None
            following: Counter[_Held] = Counter()
            for held, count in counts.items():
                kept = held & later
                if held.issuperset(axis.when):
                    for more, times in outcomes.items():
                        following[kept | more] += count * times
                else:
                    following[kept] += count
            counts = following
        return counts.total()


def _outcomes(axis: Axis, conditions: set[Condition]) -> Counter[_Held] | None:
    """How many values of ``axis`` make which of ``conditions`` hold; ``None`` if continuous."""
    values = axis.values()
    if values is None:
        return None
    about = [condition for condition in conditions if condition.path == axis.path]
    if not about:
        return Counter({frozenset(): len(values)})
    return Counter(frozenset(c for c in about if c.holds({axis.path: v})) for v in values)
