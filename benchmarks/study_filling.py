"""A study of very many trials, written in bulk into Optuna's own tables."""

from datetime import datetime

import numpy as np
import optuna
from optuna.distributions import FloatDistribution, distribution_to_json
from optuna.storages._rdb import models
from sqlalchemy import create_engine, insert
from sqlalchemy.orm import Session

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
    for start in range(0, trials, CHUNK):
        with Session(engine) as session, session.begin():
            _write(session, range(start, min(start + CHUNK, trials)), epochs)
    engine.dispose()


def _write(session: Session, numbers: range, epochs: int) -> None:
    generator = np.random.default_rng(numbers.start)
    curves = generator.random((len(numbers), epochs)).tolist()
    ids = [number + 1 for number in numbers]
    done = {"study_id": 1, "state": optuna.trial.TrialState.COMPLETE}
    times = {"datetime_start": MOMENT, "datetime_complete": MOMENT}
    session.execute(
        insert(models.TrialModel),
        [done | times | {"trial_id": row, "number": row - 1} for row in ids],
    )
    finite = models.TrialValueModel.TrialValueType.FINITE
    session.execute(
        insert(models.TrialValueModel),
        [
            {"trial_id": row, "objective": 0, "value": curve[-1], "value_type": finite}
            for row, curve in zip(ids, curves, strict=True)
        ],
    )
    distribution = distribution_to_json(FloatDistribution(0.0, 1.0))
    session.execute(
        insert(models.TrialParamModel),
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
    of_epoch = models.TrialIntermediateValueModel.TrialIntermediateValueType.FINITE
    session.execute(
        insert(models.TrialIntermediateValueModel),
        [
            {
                "trial_id": row,
                "step": step,
                "intermediate_value": value,
                "intermediate_value_type": of_epoch,
            }
            for row, curve in zip(ids, curves, strict=True)
            for step, value in enumerate(curve, 1)
        ],
    )
