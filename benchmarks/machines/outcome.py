"""What the database has of a search, to be compared with the same search left alone."""

from typing import Any

from results.database.store import open_store

Outcome = dict[int, dict[str, Any]]
"""Of each trial by number: its state, parameters and epochs with their AUC."""


def outcome_of(url: str, name: str) -> Outcome:
    """What decides and what was reached of each trial."""
    store = open_store(url)
    experiment = store.experiment(name)
    epochs = store.epochs(experiment.id)
    outcome = {
        row.number: {
            "state": str(row.state),
            "params": row.params,
            "duplicate_of": row.duplicate_of,
            "mean_auc": row.mean_auc,
            "epochs": [(one.epoch, one.mean_auc) for one in epochs.get(row.number, [])],
        }
        for row in store.trials(experiment.id)
    }
    store.engine.dispose()
    return outcome
