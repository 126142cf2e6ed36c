"""The results of searches: the store, rankings, the report and exports.

What is imported from here is the public face of the package, as the command line uses it; all other
modules and names may change with any release. Nothing heavy is imported before it is asked for.
"""

from typing import TYPE_CHECKING

from sedn.lazy import offer_names

if TYPE_CHECKING:
    from results.axes.importance import Importance, axis_effects, find_importance, importance
    from results.comparison.comparing import Comparison, compare
    from results.database.models import Epoch, Experiment, Label, Trial, TrialState
    from results.database.splits import export_splits
    from results.database.store import Store, open_store
    from results.experiment_list import overview
    from results.export import export_config
    from results.goals.objectives import Goals
    from results.parquet import write_frames
    from results.predictions import Predictions, read_predictions
    from results.ranking.by_label import labels
    from results.ranking.leaders import rank
    from results.ranking.stopped import stopped_early
    from results.report.page import write_report
else:
    __getattr__ = offer_names(
        __name__,
        {
            "Comparison": "results.comparison.comparing",
            "Epoch": "results.database.models",
            "Experiment": "results.database.models",
            "Goals": "results.goals.objectives",
            "Importance": "results.axes.importance",
            "Label": "results.database.models",
            "Predictions": "results.predictions",
            "Store": "results.database.store",
            "Trial": "results.database.models",
            "TrialState": "results.database.models",
            "axis_effects": "results.axes.importance",
            "compare": "results.comparison.comparing",
            "export_config": "results.export",
            "export_splits": "results.database.splits",
            "find_importance": "results.axes.importance",
            "importance": "results.axes.importance",
            "labels": "results.ranking.by_label",
            "open_store": "results.database.store",
            "overview": "results.experiment_list",
            "rank": "results.ranking.leaders",
            "read_predictions": "results.predictions",
            "stopped_early": "results.ranking.stopped",
            "write_frames": "results.parquet",
            "write_report": "results.report.page",
        },
    )

__all__ = [
    "Comparison",
    "Epoch",
    "Experiment",
    "Goals",
    "Importance",
    "Label",
    "Predictions",
    "Store",
    "Trial",
    "TrialState",
    "axis_effects",
    "compare",
    "export_config",
    "export_splits",
    "find_importance",
    "importance",
    "labels",
    "open_store",
    "overview",
    "rank",
    "read_predictions",
    "stopped_early",
    "write_frames",
    "write_report",
]
