"""A rule as Ray Tune takes it."""

from typing import Any

from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from results.models import BASELINE
from search.schedulers.rules import Rule


class RuleScheduler(FIFOScheduler):  # type: ignore[misc]
    """Stops trials by a rule, never the baseline: the gain over it is read at full fidelity.

    Ray names trials anew at each start and saves no scheduler; the rule knows them by number.
    """

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self._rule = rule

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Decide whether the trial goes on."""
        assignment = trial.config["assignment"]
        if assignment.role == BASELINE:
            return str(TrialScheduler.CONTINUE)
        goes_on = self._rule.goes_on(assignment.number, result["epoch"], result["mean_auc"])
        return str(TrialScheduler.CONTINUE if goes_on else TrialScheduler.STOP)
