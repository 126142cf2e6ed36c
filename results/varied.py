"""Which parameters differ between the trials of an experiment, and what each trial has of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from results.models import Trial
from sedn.config import TrainingConfig, build_config
from sedn.errors import UserError

NOT_PARAMETERS = frozenset({"seed", "epochs"})
"""A seed makes a replicate, not another configuration; epochs have a column of their own."""
PROBES = 2


def varied_parameters(trials: Sequence[Trial]) -> pd.DataFrame:
    """The fields of the configuration that differ, one column each, by their dotted paths.

    Returns:
        One row per trial, in order and indexed by its number. ``None`` stands where a field has no
        effect on the trial: a fusion without a place, a reduction ratio without attention.
    """
    numbers = [trial.number for trial in trials]
    fields = {trial.number: dict(_flatten(trial.config)) for trial in trials}
    paths = list(dict.fromkeys(path for values in fields.values() for path in values))
    columns: dict[str, list[Any]] = {}
    for path in paths:
        values = [fields[number].get(path) for number in numbers]
        distinct = {repr(value): value for value in values}
        if path in NOT_PARAMETERS or len(distinct) < 2:
            continue
        columns[path] = [
            value if _has_effect(trial.config, path, distinct) else None
            for trial, value in zip(trials, values, strict=True)
        ]
    return pd.DataFrame(columns, index=pd.Index(numbers, dtype=int, name="trial"), dtype=object)


def _has_effect(config: Mapping[str, Any], path: str, distinct: Mapping[str, Any]) -> bool:
    """Whether another of the ``distinct`` values would give another configuration.

    A configuration in canonical form does not keep what has no effect, so it is seen by trying.
    """
    try:
        own = build_config(config, "trial")
    except UserError:
        # Written by another version, whose rules are not known here.
        return True
    value = dict(_flatten(config)).get(path)
    others = [other for text, other in distinct.items() if text != repr(value)]
    return any(_replaced(config, path, other) != own for other in others[:PROBES])


def _replaced(config: Mapping[str, Any], path: str, value: Any) -> TrainingConfig | None:
    """The configuration with one other value; ``None`` if it does not take it."""
    fields: dict[str, Any] = dict(config)
    *groups, name = path.split(".")
    group = fields
    for key in groups:
        group[key] = dict(group[key])
        group = group[key]
    group[name] = value
    try:
        return build_config(fields, "trial")
    except UserError:
        return None


def _flatten(fields: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves with their dotted paths, in order."""
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
