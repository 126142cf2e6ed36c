"""Tune schedulers that know a trial by its number, spare the baseline, and can be rebuilt."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler

from results.models import BASELINE, Epoch
from search.settings import SearchSettings


@dataclass(frozen=True)
class PastTrial:
    """What a scheduler needs to know of a trial: a name that a restart does not change."""

    trial_id: str


class RebuiltAsha(AsyncHyperBandScheduler):  # type: ignore[misc]
    """ASHA (Li et al., arXiv 1810.05934) over epochs completed.

    Ray names trials anew at each start and does not save a scheduler. Here a trial goes by its
    number in the experiment, and the rungs are filled again from the store's epochs. The baseline
    is never stopped: the gain over it is to be read at full fidelity.
    """

    def replay(self, epochs: Iterable[tuple[int, Epoch]]) -> None:
        """Show past results, ``(trial number, epoch)`` in the order they came in."""
        for number, epoch in epochs:
            trial = PastTrial(str(number))
            if trial.trial_id not in self._trial_info:
                super().on_trial_add(None, trial)
            super().on_trial_result(None, trial, {"epoch": epoch.epoch, "mean_auc": epoch.mean_auc})

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Give a new trial its bracket; one that is resumed keeps its own."""
        past = _past(trial)
        if past.trial_id not in self._trial_info:
            super().on_trial_add(tune_controller, past)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Decide whether the trial goes on."""
        if _is_baseline(trial):
            return str(TrialScheduler.CONTINUE)
        return str(super().on_trial_result(tune_controller, _past(trial), result))

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Forget the trial's bracket; its results stay in the rungs."""
        self._trial_info.pop(_past(trial).trial_id, None)

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        """Forget the trial's bracket."""
        self._trial_info.pop(_past(trial).trial_id, None)


def make_scheduler(
    settings: SearchSettings, max_epochs: int, past: Iterable[tuple[int, Epoch]]
) -> TrialScheduler:
    """The scheduler of a search, rebuilt from the ``past`` epochs of its trials."""
    if settings.scheduler == "none":
        return FIFOScheduler()
    grace_epochs = settings.grace_epochs or max(1, max_epochs // 4)
    scheduler = RebuiltAsha(
        time_attr="epoch",
        metric="mean_auc",
        mode="max",
        max_t=max_epochs,
        grace_period=min(grace_epochs, max_epochs),
        reduction_factor=settings.reduction_factor,
    )
    scheduler.replay(past)
    return scheduler


def _past(trial: Any) -> PastTrial:
    return PastTrial(str(trial.config["assignment"].number))


def _is_baseline(trial: Any) -> bool:
    return bool(trial.config["assignment"].role == BASELINE)
