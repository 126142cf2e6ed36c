"""The schedulers by name: what each takes, and the rule that it decides by."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.settings import AUTO

if TYPE_CHECKING:
    from search.schedulers.rules import Rule


@dataclass(frozen=True)
class SchedulerSettings:
    """The settings that a scheduler is made from."""

    epochs: int
    """Epochs of a full training, all its folds together."""
    grace_epochs: int
    """Epochs that every trial gets before it may be stopped."""
    reduction_factor: int
    """The best ``1 / reduction_factor`` of the trials at each rung go on."""
    brackets: int | None
    """``None``: as many as there can be."""
    min_trials: int
    """Other trials that a trial is compared with, at least."""
    seed: int
    fold_epochs: int | None = None
    """Epochs of each network, where a trial trains one for each fold."""

    @property
    def milestones(self) -> tuple[int, ...]:
        """The epochs of the rungs."""
        from search.schedulers.rules import rung_epochs

        return rung_epochs(self.grace_epochs, self.epochs, self.reduction_factor, self.fold_epochs)


@dataclass(frozen=True)
class Scheduler:
    """A scheduler of trials."""

    make: "Callable[[SchedulerSettings], Rule]"
    options: tuple[str, ...] = ()
    """Options of a search that it takes; the others are refused beside it."""
    stops: bool = True
    """Whether the scheduler stops trials, so that the rule of futility may stand beside the
    scheduler.
    """


# The command line shows the names below, so the rules are imported where they are made.


def _make_asha(settings: SchedulerSettings, brackets: int = 1) -> "Rule":
    from search.schedulers.rules import SuccessiveHalving

    return SuccessiveHalving(
        settings.milestones, settings.reduction_factor, brackets, settings.seed
    )


def _make_hyperband(settings: SchedulerSettings) -> "Rule":
    return _make_asha(settings, settings.brackets or len(settings.milestones) + 1)


def _make_promotion(settings: SchedulerSettings) -> "Rule":
    from search.schedulers.promotion import Promotion

    return Promotion(settings.milestones, settings.reduction_factor)


def _make_median(settings: SchedulerSettings) -> "Rule":
    from search.schedulers.rules import MedianStopping

    return MedianStopping(settings.grace_epochs, settings.min_trials)


def _make_none(settings: SchedulerSettings) -> "Rule":
    from search.schedulers.rules import NoRule

    return NoRule()


SCHEDULERS: dict[str, Scheduler] = {
    "asha": Scheduler(_make_asha, ("reduction_factor", "grace_epochs")),
    "hyperband": Scheduler(_make_hyperband, ("reduction_factor", "grace_epochs", "brackets")),
    "promote": Scheduler(_make_promotion, ("reduction_factor", "grace_epochs"), stops=False),
    "median": Scheduler(_make_median, ("grace_epochs", "min_trials")),
    "none": Scheduler(_make_none, stops=False),
}
OPTIONS = ("reduction_factor", "grace_epochs", "brackets", "min_trials")
"""Options of a search that are a scheduler's."""


def register_scheduler(name: str, scheduler: Scheduler) -> None:
    """Add a scheduler.

    Raises:
        ValueError: the name is taken, or an option is none.
    """
    if name in (AUTO, *SCHEDULERS):
        raise ValueError(f"scheduler '{name}' is there already")
    if unknown := set(scheduler.options) - set(OPTIONS):
        raise ValueError(f"scheduler '{name}': no option {', '.join(sorted(unknown))}")
    SCHEDULERS[name] = scheduler
