"""Search for the best way to embed a semantic map in a classifier.

What is imported from here is the public face of the package, as the command line uses it; all other
modules and names may change with any release. Nothing heavy is imported before it is asked for.
"""

from typing import TYPE_CHECKING

from sedn.lazy import offer_names

if TYPE_CHECKING:
    from search.budgets import EndedBy
    from search.failures import Failure
    from search.progress import Snapshot
    from search.run import SearchOutcome, run_search
    from search.schedulers.registry import Scheduler, SchedulerSettings, register_scheduler
    from search.settings import Resources, SearchSettings
    from search.stages import Stage
else:
    __getattr__ = offer_names(
        __name__,
        {
            "EndedBy": "search.budgets",
            "Failure": "search.failures",
            "Resources": "search.settings",
            "Scheduler": "search.schedulers.registry",
            "SchedulerSettings": "search.schedulers.registry",
            "SearchOutcome": "search.run",
            "SearchSettings": "search.settings",
            "Snapshot": "search.progress",
            "Stage": "search.stages",
            "register_scheduler": "search.schedulers.registry",
            "run_search": "search.run",
        },
    )

__all__ = [
    "EndedBy",
    "Failure",
    "Resources",
    "Scheduler",
    "SchedulerSettings",
    "SearchOutcome",
    "SearchSettings",
    "Snapshot",
    "Stage",
    "register_scheduler",
    "run_search",
]
