"""Choice of the scheduler of a search, checked before the first trial."""

from results.goals.objectives import Goals
from search.importing import find_named
from search.schedulers.automatic import choose_scheduler
from search.schedulers.decision import Decision
from search.schedulers.futility import Futility
from search.schedulers.registry import OPTIONS, SCHEDULERS, Scheduler, SchedulerSettings
from search.settings import AUTO, SearchSettings
from sedn.errors import UserError, did_you_mean


def check_scheduler(settings: SearchSettings, epochs: int, folds: int = 1) -> None:
    """Check before the first trial that the scheduler exists and takes its options.

    Args:
        settings: of the search.
        epochs: of a network.
        folds: networks of a trial, one after another.

    Raises:
        UserError: there is no such scheduler, an option is none of it, or an option's value does
            not fit trials of so many epochs.
    """
    settings, _ = choose_scheduler(settings, epochs)
    scheduler = find_scheduler(settings.scheduler)
    for option in OPTIONS:
        given = option in settings.model_fields_set and getattr(settings, option) is not None
        if given and option not in scheduler.options:
            takers = [name for name, one in SCHEDULERS.items() if option in one.options]
            raise UserError(
                f"`{option}`: scheduler '{settings.scheduler}' does not take it; "
                f"{', '.join(takers)} {'do' if len(takers) > 1 else 'does'}"
            )
    made_from = _settings_of(settings, epochs, folds)
    total, milestones = made_from.epochs, made_from.milestones
    if settings.grace_epochs is not None and not milestones:
        parts = f", {epochs} in each of {folds} folds" if folds > 1 else ""
        raise UserError(
            f"`grace_epochs={settings.grace_epochs}`: a full training has {total} epochs{parts}, "
            f"so no trial would stop early; give fewer, or `scheduler='none'`"
        )
    if settings.brackets is not None and settings.brackets > len(milestones) + 1:
        raise UserError(
            f"`brackets={settings.brackets}`: with {len(milestones)} rungs below {total} epochs "
            f"there are at most {len(milestones) + 1}"
        )


def find_scheduler(name: str) -> Scheduler:
    """The scheduler of a name, or a user's own at ``module:function``.

    The function makes a :class:`~search.schedulers.rules.Rule` from
    :class:`~search.schedulers.registry.SchedulerSettings`, and takes every option.

    Raises:
        UserError: there is none.
    """
    if ":" in name:
        make = find_named("scheduler", name)
        if not callable(make):
            raise UserError(f"`scheduler`: '{name}' must be a function that makes a rule")
        return Scheduler(make, OPTIONS)
    if name not in SCHEDULERS:
        names = (AUTO, *SCHEDULERS)
        known = ", ".join(names)
        hint = did_you_mean(name, names) or f"; there is {known}, or module:function"
        raise UserError(f"`scheduler`: no scheduler '{name}'{hint}")
    return SCHEDULERS[name]


def make_decision(settings: SearchSettings, epochs: int, folds: int = 1) -> Decision:
    """Make the rules that decide on the trials of a search.

    Args:
        settings: of the search.
        epochs: of a network.
        folds: networks of a trial, one after another.
    """
    settings, _ = choose_scheduler(settings, epochs)
    scheduler, made_from = find_scheduler(settings.scheduler), _settings_of(settings, epochs, folds)
    # A trial with a lower mean AUC may be wanted: for its cost, or by a constraint.
    by_mean_auc = settings.objective == ("auc",) and not settings.where
    may_stop = settings.futility and scheduler.stops and by_mean_auc
    return Decision(
        scheduler.make(made_from),
        Futility(made_from.grace_epochs, made_from.epochs) if may_stop else None,
        Goals.of(settings.model_dump()),
        stops_costly=settings.futility,
    )


def _settings_of(settings: SearchSettings, epochs: int, folds: int) -> SchedulerSettings:
    return SchedulerSettings(
        epochs=epochs * folds,
        grace_epochs=settings.grace_epochs or max(1, epochs // 4),
        reduction_factor=settings.reduction_factor,
        brackets=settings.brackets,
        min_trials=settings.min_trials or 5,
        seed=settings.seed,
        fold_epochs=epochs if folds > 1 else None,
    )
