"""The parameters that differ between the trials of an experiment, and their value in each trial."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from results.columns import Columns, objects
from results.database.field_values import with_configs
from results.effect_probe import EffectProbe, build_known, is_same
from sedn.config import flatten

NOT_PARAMETERS = frozenset({"seed", "epochs"})
"""A seed makes a replicate, not another configuration; epochs have a column of their own."""
AS_SAMPLED = " as sampled"
"""Ends the name of a column that holds what was sampled, where training came to another value."""


class Configured(Protocol):
    """A trial, or its row of :class:`results.database.models.Setup`."""

    @property
    def params(self) -> Mapping[str, Any]:
        """The sampled values by axis."""

    @property
    def config(self) -> Mapping[str, Any]:
        """The fields of the configuration."""


def varied_parameters(
    trials: Mapping[int, Configured],
    values: Mapping[str, Sequence[Any]] | None = None,
    probe: EffectProbe | None = None,
) -> Columns:
    """The fields of the configuration that differ, one column each, by their dotted paths.

    Args:
        trials: by number; those that get a row.
        values: the first few values that each field has in the whole experiment, as the store's
            ``field_values`` gives them; by default those that it has in ``trials``.
        probe: what is known already of the effects of fields.

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
    effects = EffectProbe() if probe is None else probe
    configs = [trial.config for trial in trials.values()]
    columns = {}
    for path, distinct in varied.items():
        own = [flat.get(path) for flat in fields.values()]
        has_effect = effects.have(configs, path, own, distinct)
        columns[path] = objects(v if has else None for v, has in zip(own, has_effect, strict=True))
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
    config = build_known(trial.config)
    return None if config is None or is_same(config, path, sampled, value) else sampled
