"""The scheduler of a search whose user names none, by what searches over recorded curves showed."""

from search.settings import AUTO, MANY_TRIALS, SearchSettings

FIRST_RUNG = 8
"""Under promotion the first rung lies after this share of a training: a trial that looks bad early
waits there, and is not lost.
"""
LEARN_FROM_WAITING = (AUTO, "tpe", "curve-gp", "random", "qmc")
"""Samplers that need no trial to end before they draw the next."""


def choose_scheduler(settings: SearchSettings, epochs: int) -> tuple[SearchSettings, str | None]:
    """Replace ``auto`` by the name of a scheduler, and choose its first rung where it has one.

    A search keeps what was chosen at its start: another choice later, by another number of trials
    or another version, would decide by other rungs than before.

    Args:
        settings: of the search.
        epochs: of a network.

    Returns:
        The settings, and a line on what was chosen and why; ``None`` where a scheduler is named.
    """
    if settings.scheduler != AUTO:
        return settings, None
    if why_not := _why_not_promote(settings, epochs):
        return settings.model_copy(update={"scheduler": "asha"}), _line("asha", None, why_not)
    grace = settings.grace_epochs or max(1, epochs // FIRST_RUNG)
    chosen = settings.model_copy(update={"scheduler": "promote", "grace_epochs": grace})
    return chosen, _line("promote", grace, f"{settings.trials:,} trials of one objective")


def _why_not_promote(settings: SearchSettings, epochs: int) -> str | None:
    if epochs == 1:
        return "trainings of one epoch"
    if settings.objective != ("auc",) or settings.where:
        return "an objective or a constraint beside the mean AUC"
    if settings.trials < MANY_TRIALS:
        return f"fewer than {MANY_TRIALS} trials"
    if settings.sampler not in LEARN_FROM_WAITING:
        return f"sampler '{settings.sampler}', which learns from trials that have ended"
    return None


def _line(name: str, grace: int | None, reason: str) -> str:
    rung = "" if grace is None else f", first rung after epoch {grace}"
    return f"Scheduler: {name}{rung}, chosen for {reason} (`scheduler` takes another)"
