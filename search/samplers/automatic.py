"""The sampler of a search whose user names none, by what searches over recorded curves showed."""

from search.settings import AUTO, MANY_TRIALS, SearchSettings

TPE, CURVE_GP = "tpe", "curve-gp"
MOST_TRIALS = 1000
"""Trials up to which curves are modelled: a draw of the model costs ten times one of TPE."""
WITH_CURVES = (AUTO, "promote")
"""Schedulers beside which curves were modelled where that was measured."""


def choose_sampler(settings: SearchSettings) -> tuple[SearchSettings, str | None]:
    """Replace ``auto`` by the name of a sampler.

    The model of curves is chosen where promotion is, or would be. Options of a sampler are those of
    TPE where no sampler is named.

    Args:
        settings: of the search, before its scheduler is chosen.

    Returns:
        The settings, and a line on what was chosen and why; ``None`` where a sampler is named.
    """
    if settings.sampler != AUTO:
        return settings, None
    why_not = _why_not_curves(settings)
    name = TPE if why_not else CURVE_GP
    reason = why_not or f"{settings.trials:,} trials of one objective"
    line = f"Sampler: {name}, chosen for {reason} (`sampler` takes another)"
    return settings.model_copy(update={"sampler": name}), line


def _why_not_curves(settings: SearchSettings) -> str | None:
    if settings.sampler_options:
        return "the options given"
    if settings.objective != ("auc",) or settings.where:
        return "an objective or a constraint beside the mean AUC"
    if settings.trials < MANY_TRIALS:
        return f"fewer than {MANY_TRIALS} trials"
    if settings.trials > MOST_TRIALS:
        return f"more than {MOST_TRIALS:,} trials"
    if settings.scheduler not in WITH_CURVES:
        return f"scheduler '{settings.scheduler}'"
    return None
