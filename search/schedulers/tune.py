"""A rule as Ray Tune takes it."""

from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from results.objectives import measures_of
from search.schedulers.futility import Decision


class RuleScheduler(FIFOScheduler):  # type: ignore[misc]
    """Stops trials as it is decided.

    Ray names trials anew at each start and saves no scheduler; the rules know them by number.
    """

    def __init__(self, decision: Decision) -> None:
        super().__init__()
        self._decision = decision

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """The pending trial of the lowest number; Tune's own way goes through all that ended."""
        pending = [t for t in tune_controller.get_live_trials() if t.status == Trial.PENDING]
        return min(pending, key=lambda t: t.config["assignment"].number, default=None)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Decide whether the trial goes on."""
        number, epoch = trial.config["assignment"].number, result["result"]
        goes_on = self._decision.goes_on(
            number,
            epoch.epoch,
            epoch.mean_auc,
            epoch.mean_auc_stderr,
            measures_of(epoch, None),
        )
        return str(TrialScheduler.CONTINUE if goes_on else TrialScheduler.STOP)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Let the rules see the last epoch too, which Tune has nothing decided on."""
        assignment = trial.config["assignment"]
        if result.get("epoch") == assignment.config.epochs:
            self._decision.goes_on(assignment.number, result["epoch"], result["mean_auc"])
