"""The experiments of a database, one a row."""

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from results.database.models import Experiment, TrialState
from results.database.store import Store
from results.ranking.best import Reached, read_leading
from sedn.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

COUNTS = {
    "running": TrialState.RUNNING,
    "complete": TrialState.COMPLETE,
    "stopped_early": TrialState.PRUNED,
    "failed": TrialState.FAILED,
}
"""The columns that count trials, by the state that each counts."""

COLUMNS = [
    *("name", "created_at", "asked", "trials", *COUNTS, "best_trial", "best_auc", "data"),
    *("data_fingerprint", "space", "scheduler", "tags", "note", "confirms", "folds", "test_reads"),
]


def overview(store: Store) -> "pd.DataFrame":
    """The experiments of a database, the oldest first, as :func:`read_overview` gives them."""
    import pandas as pd

    # As objects: None stays None, and a whole number whole.
    frame = pd.DataFrame(read_overview(store), columns=COLUMNS, dtype=object)
    return frame.astype(dict.fromkeys(("trials", *COUNTS, "test_reads"), int))


def read_overview(store: Store) -> list[dict[str, Any]]:
    """The experiments of a database, the oldest first.

    Returns:
        One row per experiment: name, created_at, asked (trials that it has in the end), trials
        (that were started), running, complete, stopped_early and failed (of these), best_trial and
        best_auc (rank 1 with its mean AUC on validation, over its seeds; None where none satisfies
        the constraints; the baseline counts too), data (as it was named), data_fingerprint, space,
        scheduler, tags (a list), note, confirms (the experiment whose leaders it trains again),
        folds and test_reads (how often the test split of its data was read). What is not known is
        None.
    """
    experiments = store.experiments()
    names = {row.id: row.name for row in experiments}
    rows = []
    for row in experiments:
        counts, best = store.counts(row.id), _best(store, row)
        rows.append(
            {
                "name": row.name,
                "created_at": row.created_at,
                "asked": row.settings.get("trials"),
                "trials": counts.total(),
                **{column: counts[state] for column, state in COUNTS.items()},
                "best_trial": best and best[0],
                "best_auc": best and best[1],
                "data": row.data_path,
                "data_fingerprint": row.data_fingerprint,
                "space": row.space_name,
                "scheduler": row.settings.get("scheduler"),
                "tags": row.tags,
                "note": row.note,
                "confirms": names.get(row.confirms or 0),
                "folds": row.folds,
                "test_reads": len(store.test_reads(row.data_fingerprint)),
            }
        )
    return rows


def _best(store: Store, experiment: Experiment) -> Reached | None:
    """Rank 1; ``None`` also where a constraint is on a measure that is not known here."""
    try:
        return read_leading(store, experiment).best
    except UserError:
        return None


def short_data(path: str) -> str:
    """The data of an experiment as a table names it: the end of the path."""
    file = PurePath(path)
    # A description is named by the folder that it describes.
    return file.parent.name if file.name == "data.yaml" and file.parent.name else file.name
