"""What searches found: the store, rankings, the report and exports.

What is imported from here is the public face of the package, as the command line uses it; all other
modules and names may change with any release. Nothing heavy is imported before it is asked for.
"""

from typing import TYPE_CHECKING

from sedn.lazy import offer_names

if TYPE_CHECKING:
    from results.export import export_config
    from results.models import Epoch, Experiment, Label, Trial, TrialState
    from results.objectives import Goals
    from results.ranking import labels, rank
    from results.report import write_report
    from results.splits import export_splits
    from results.stopped import stopped_early
    from results.store import Store, open_store
else:
    __getattr__ = offer_names(
        __name__,
        {
            "Epoch": "results.models",
            "Experiment": "results.models",
            "Goals": "results.objectives",
            "Label": "results.models",
            "Store": "results.store",
            "Trial": "results.models",
            "TrialState": "results.models",
            "export_config": "results.export",
            "export_splits": "results.splits",
            "labels": "results.ranking",
            "open_store": "results.store",
            "rank": "results.ranking",
            "stopped_early": "results.stopped",
            "write_report": "results.report",
        },
    )

__all__ = [
    "Epoch",
    "Experiment",
    "Goals",
    "Label",
    "Store",
    "Trial",
    "TrialState",
    "export_config",
    "export_splits",
    "labels",
    "open_store",
    "rank",
    "stopped_early",
    "write_report",
]
