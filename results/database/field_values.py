"""The first few values that each field of the configuration has in an experiment's trials."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from results.database.models import FieldValue

MOST_VALUES = 3
"""Most values that are kept of each field. A field with two or more varies; to see whether the
field has an effect on a trial, two values that the trial does not have are tried.
"""

FieldValues = dict[str, list[Any]]
"""By dotted path, in the order in which the trials were added."""


def read_values(session: Session, experiment_id: int) -> FieldValues:
    """Read the values of each field that an experiment's configurations have."""
    query = (
        select(FieldValue.path, FieldValue.value)
        .where(FieldValue.experiment_id == experiment_id)
        .order_by(FieldValue.path, FieldValue.position)
    )
    values_of: FieldValues = {}
    for path, value in session.execute(query):
        values_of.setdefault(path, []).append(json.loads(value))
    return values_of


def note_values(session: Session, experiment_id: int, configs: Iterable[Mapping[str, Any]]) -> None:
    """Keep what the configurations of new trials have that no other had; all that add trials to an
    experiment call it.
    """
    known = read_values(session, experiment_id)
    rows = [
        {
            "experiment_id": experiment_id,
            "path": path,
            "position": position,
            "value": json.dumps(value),
        }
        for path, values in with_configs(known, configs).items()
        for position, value in enumerate(values)
        if position >= len(known.get(path, ()))
    ]
    if rows:
        session.execute(insert(FieldValue), rows)


def with_configs(
    known: Mapping[str, list[Any]], configs: Iterable[Mapping[str, Any]]
) -> FieldValues:
    """Merge the ``known`` values with those of further configurations.

    A field that some configurations lack has the value ``None`` there.
    """
    # Not above: whoever only reads the store does without the configuration's model.
    from sedn.config import flatten

    values = {path: {repr(value): value for value in there} for path, there in known.items()}
    for config in configs:
        is_first, fields = not values, flatten(config)
        for path in values.keys() - fields.keys():
            fields[path] = None
        for path, value in fields.items():
            of_path = values.get(path)
            if of_path is None:
                of_path = values[path] = {} if is_first else {repr(None): None}
            if len(of_path) < MOST_VALUES:
                of_path.setdefault(repr(value), value)
    return {path: list(there.values()) for path, there in values.items()}
