"""The complete trainings of some configurations, and where their validation scores lie."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from results.database.models import Trial, TrialState
from results.database.reading import StoreReader

AT_ONCE = 500
"""Number of configurations in a query."""


@dataclass(frozen=True)
class Training:
    """A trial that was trained to its last epoch."""

    number: int
    config_hash: str
    seed: int
    mean_auc: float
    predictions: str | None
    """The file of its validation scores; ``None`` where they were not kept."""
    predictions_fingerprint: str | None


def read_trainings(
    store: StoreReader, experiment_id: int, config_hashes: Sequence[str]
) -> list[Training]:
    """All trainings of these configurations, by trial number; none that another one answered."""
    columns = (
        Trial.number, Trial.config_hash, Trial.seed, Trial.mean_auc,
        Trial.predictions, Trial.predictions_fingerprint,
    )  # fmt: skip
    trainings: list[Training] = []
    with Session(store.engine) as session:
        for first in range(0, len(config_hashes), AT_ONCE):
            query = select(*columns).where(
                Trial.experiment_id == experiment_id,
                Trial.config_hash.in_(config_hashes[first : first + AT_ONCE]),
                Trial.state == TrialState.COMPLETE,
                Trial.duplicate_of.is_(None),
            )
            trainings += [
                Training(number, config_hash, seed, mean_auc, *kept)
                for number, config_hash, seed, mean_auc, *kept in session.execute(query)
                if mean_auc is not None
            ]
    return sorted(trainings, key=lambda training: training.number)
