"""Which scheduler a search asks for, checked before the first trial."""

from results.objectives import Goals
from search.schedulers.decision import Decision
from search.schedulers.futility import Futility
from search.schedulers.promotion import Promotion
from search.schedulers.rules import (
    MedianStopping,
    NoRule,
    Rule,
    SuccessiveHalving,
    rung_epochs,
)
from search.settings import SearchSettings
from sedn.errors import UserError

OPTIONS = {
    "asha": ("reduction_factor", "grace_epochs"),
    "hyperband": ("reduction_factor", "grace_epochs", "brackets"),
    "promote": ("reduction_factor", "grace_epochs"),
    "median": ("grace_epochs", "min_trials"),
    "none": (),
}
ALL_OPTIONS = ("reduction_factor", "grace_epochs", "brackets", "min_trials")


def check_scheduler(settings: SearchSettings, epochs: int) -> None:
    """See before the first trial that the scheduler takes its options.

    Raises:
        UserError: an option is none of it, or its value does not fit trials of ``epochs`` epochs.
    """
    for option in ALL_OPTIONS:
        given = option in settings.model_fields_set and getattr(settings, option) is not None
        if given and option not in OPTIONS[settings.scheduler]:
            takers = [name for name, options in OPTIONS.items() if option in options]
            raise UserError(
                f"--{option.replace('_', '-')}: scheduler '{settings.scheduler}' does not take it; "
                f"{', '.join(takers)} {'do' if len(takers) > 1 else 'does'}"
            )
    if settings.grace_epochs is not None and settings.grace_epochs >= epochs:
        raise UserError(
            f"--grace-epochs {settings.grace_epochs}: a full training has {epochs} epochs, so no "
            f"trial would stop early; give fewer, or --scheduler none"
        )
    most = len(_milestones(settings, epochs)) + 1
    if settings.brackets is not None and settings.brackets > most:
        raise UserError(
            f"--brackets {settings.brackets}: with {most - 1} rungs below {epochs} epochs there "
            f"are at most {most}"
        )


def make_decision(settings: SearchSettings, epochs: int) -> Decision:
    """What decides on the trials of a search, before it is shown any.

    Args:
        settings: of the search.
        epochs: of a full training.
    """
    return Decision(
        _new_rule(settings, epochs),
        _new_futility(settings, epochs),
        Goals.of(settings.model_dump()),
        stops_costly=settings.futility,
    )


def _new_rule(settings: SearchSettings, epochs: int) -> Rule:
    if settings.scheduler == "promote":
        return Promotion(_milestones(settings, epochs), settings.reduction_factor)
    if settings.scheduler == "median":
        return MedianStopping(_grace_epochs(settings, epochs), settings.min_trials or 5)
    if settings.scheduler in ("asha", "hyperband"):
        milestones = _milestones(settings, epochs)
        brackets = 1
        if settings.scheduler == "hyperband":
            brackets = settings.brackets or len(milestones) + 1
        factor = settings.reduction_factor
        return SuccessiveHalving(milestones, factor, brackets, settings.seed)
    return NoRule()


def _new_futility(settings: SearchSettings, epochs: int) -> Futility | None:
    """None where a trial with a lower mean AUC may be wanted: for its cost, or by a constraint."""
    stops = settings.scheduler not in ("promote", "none")
    by_mean_auc = settings.objective == ("auc",) and not settings.where
    if not (settings.futility and stops and by_mean_auc):
        return None
    return Futility(_grace_epochs(settings, epochs), epochs)


def _grace_epochs(settings: SearchSettings, epochs: int) -> int:
    return settings.grace_epochs or max(1, epochs // 4)


def _milestones(settings: SearchSettings, epochs: int) -> tuple[int, ...]:
    return rung_epochs(_grace_epochs(settings, epochs), epochs, settings.reduction_factor)
