"""The parameters that differ between the trials of an experiment, and their value in each trial."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from results.columns import Columns, objects
from results.database.field_values import with_configs
from sedn.config import TrainingConfig, build_config, flatten
from sedn.errors import UserError

NOT_PARAMETERS = frozenset({"seed", "epochs"})
"""A seed makes a replicate, not another configuration; epochs have a column of their own."""
AS_SAMPLED = " as sampled"
"""Ends the name of a column that holds what was sampled, where training came to another value."""
PROBES = 2
"""Other values that are tried: one alone may happen to build the same network."""


class Configured(Protocol):
    """A trial, or its row of :class:`results.database.models.Setup`."""

    @property
    def params(self) -> Mapping[str, Any]:
        """The sampled values by axis."""

    @property
    def config(self) -> Mapping[str, Any]:
        """The fields of the configuration."""


def varied_parameters(
    trials: Mapping[int, Configured], values: Mapping[str, Sequence[Any]] | None = None
) -> Columns:
    """The fields of the configuration that differ, one column each, by their dotted paths.

    Args:
        trials: by number; those that get a row.
        values: the first few values that each field has in the whole experiment, as the store's
            ``field_values`` gives them; by default those that it has in ``trials``.

    Returns:
        One row per trial, in order. ``None`` stands where a field has no
        effect on the trial: a fusion without a place, a reduction ratio without attention.

        A parameter of which one of the ``trials`` was sampled another value than its configuration
        has in canonical form (a reduction ratio of 4, 8 or 16 that comes to the same widths as 3, a
        placement ``last2`` that is ``stage3+stage4``) has a further column, its name ending with
        :data:`AS_SAMPLED`: the sampled value, ``None`` where it is the configuration's.
    """
    fields = {number: flatten(trial.config) for number, trial in trials.items()}
    known = values or with_configs({}, (trial.config for trial in trials.values()))
    varied = _in_order(
        {path: v for path, v in known.items() if len(v) > 1 and path not in NOT_PARAMETERS},
        fields.values(),
    )
    known_effects: dict[Any, bool] = {}
    rows = [
        _with_effect(trial.config, fields[n], varied, known_effects) for n, trial in trials.items()
    ]
    columns = {path: objects(row[place] for row in rows) for place, path in enumerate(varied)}
    drawn = {path for trial in trials.values() for path in trial.params}
    for path in _in_order(known, fields.values()):
        if path in NOT_PARAMETERS or path not in drawn:
            continue
        sampled = [_other_sample(t, path, fields[n].get(path)) for n, t in trials.items()]
        if any(value is not None for value in sampled):
            columns[path + AS_SAMPLED] = objects(sampled)
    return Columns(columns)


def _in_order(
    values: Mapping[str, Sequence[Any]], trials: Iterable[Mapping[str, Any]]
) -> dict[str, Sequence[Any]]:
    """The ``values`` in the order in which configurations have their fields."""
    paths = dict.fromkeys(path for fields in trials for path in fields)
    return {path: values[path] for path in (*paths, *values) if path in values}


def shown_columns(columns: Sequence[str]) -> list[str]:
    """Columns of varied parameters that a table shows: a sampled value stands beside the value
    that it came to, and has a column of its own only where the latter has none.
    """
    return [
        path
        for path in columns
        if path.removesuffix(AS_SAMPLED) not in columns or (not path.endswith(AS_SAMPLED))
    ]


def _other_sample(trial: Configured, path: str, value: Any) -> Any:
    """What was sampled for a field with an effect, where the configuration has another value."""
    sampled = trial.params.get(path)
    if sampled is None or sampled == value:
        return None
    replaced = _replaced(trial.config, path, sampled)
    return None if replaced == _replaced(trial.config, path, value) else sampled


def _with_effect(
    config: Mapping[str, Any],
    own: Mapping[str, Any],
    varied: Mapping[str, Sequence[Any]],
    known: dict[Any, bool],
) -> list[Any]:
    """The configuration's values of the ``varied`` paths; ``None`` for those without an effect.

    A configuration in canonical form does not keep what has no effect, so it is seen by trying
    other values. What is ``known`` already of configurations of the same kind is not tried again:
    thousands of them differ in nothing but a learning rate.
    """
    values: list[Any] = []
    kind = tuple((path, _kind(value)) for path, value in own.items() if path != "seed")
    for path, distinct in varied.items():
        value = own.get(path)
        others = [other for other in distinct if repr(other) != repr(value)]
        key = (kind, path, repr(others[:PROBES]))
        if key not in known:
            known[key] = has_effect(config, path, others)
        values.append(value if known[key] else None)
    return values


def _kind(value: Any) -> Any:
    """A value as far as it can decide what has an effect: of a float, where it lies beside the
    values at which something is switched off, 0 and 1; of all else, the value.
    """
    if isinstance(value, float):
        return ("float", value > 0, value < 0, value > 1, value < 1)
    return repr(value)


def has_effect(config: Mapping[str, Any], path: str, others: Sequence[Any]) -> bool:
    """Whether a configuration in canonical form would be another one with one of ``others`` at
    ``path``; taken for granted of one that was written by another version, whose rules are not
    known here.
    """
    try:
        built = build_config(config, "trial")
    except UserError:
        return True
    return any(_replaced(config, path, other) != built for other in others[:PROBES])


def _replaced(config: Mapping[str, Any], path: str, value: Any) -> TrainingConfig | None:
    """The configuration with one other value; ``None`` if it does not take it."""
    fields: dict[str, Any] = dict(config)
    *groups, name = path.split(".")
    group = fields
    for key in groups:
        group[key] = dict(group.get(key) or {})
        group = group[key]
    group[name] = value
    try:
        return build_config(fields, "trial")
    except UserError:
        return None
