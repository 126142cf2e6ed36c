"""A study of very many trials, written in bulk into Optuna's own tables."""

from datetime import datetime

import numpy as np
import optuna
from optuna.distributions import FloatDistribution, distribution_to_json
from sqlalchemy import Connection, MetaData, create_engine

CHUNK = 1000
"""Trials of one transaction."""
PARAMS = ("optimizer.learning_rate", "optimizer.weight_decay", "embedding.width")
MOMENT = datetime(2026, 1, 1)


def fill_study(url: str, name: str, trials: int, epochs: int) -> None:
    """Make a study of complete trials with a value, three parameters and the values by epoch; AUC
    by label, which Optuna has no place for, is left out.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    optuna.create_study(study_name=name, storage=url, direction="maximize")
    engine = create_engine(url)
    tables = MetaData()
    # Columns as the database has them: Optuna's own classes are private.
    tables.reflect(engine)
    for start in range(0, trials, CHUNK):
        with engine.begin() as connection:
            _write(connection, tables, range(start, min(start + CHUNK, trials)), epochs)
    engine.dispose()


def _write(connection: Connection, tables: MetaData, numbers: range, epochs: int) -> None:
    generator = np.random.default_rng(numbers.start)
    curves = generator.random((len(numbers), epochs)).tolist()
    ids = [number + 1 for number in numbers]
    done = {"study_id": 1, "state": "COMPLETE"}
    times = {"datetime_start": MOMENT, "datetime_complete": MOMENT}
    connection.execute(
        tables.tables["trials"].insert(),
        [done | times | {"trial_id": row, "number": row - 1} for row in ids],
    )
    connection.execute(
        tables.tables["trial_values"].insert(),
        [
            {"trial_id": row, "objective": 0, "value": curve[-1], "value_type": "FINITE"}
            for row, curve in zip(ids, curves, strict=True)
        ],
    )
    distribution = distribution_to_json(FloatDistribution(0.0, 1.0))
    connection.execute(
        tables.tables["trial_params"].insert(),
        [
            {
                "trial_id": row,
                "param_name": param,
                "param_value": 0.5,
                "distribution_json": distribution,
            }
            for row in ids
            for param in PARAMS
        ],
    )
    connection.execute(
        tables.tables["trial_intermediate_values"].insert(),
        [
            {
                "trial_id": row,
                "step": step,
                "intermediate_value": value,
                "intermediate_value_type": "FINITE",
            }
            for row, curve in zip(ids, curves, strict=True)
            for step, value in enumerate(curve, 1)
        ],
    )
