"""Confirmations in the store: the winner, and how often the test split was read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from results.confirmation import Confirmed, Score, best_confirmed
from results.database.models import Experiment, ReadOfTest, Trial
from results.database.store import Store
from sedn.errors import UserError
from sedn.style import interval_text, number_text

CONFIRM = "confirm"
"""The name under which readings of the test split by a confirmation are counted."""


@dataclass(frozen=True)
class KeptConfirmation:
    """A confirmation that has ended."""

    experiment_id: int
    """The id of the confirmation's own experiment, which has its trials."""
    confirmed: tuple[Confirmed, ...]
    """The baseline first, then the leaders in the order of the search's ranking."""


def kept_confirmation(reading: ReadOfTest) -> KeptConfirmation | None:
    """The result that a reading of the test split recorded, where a confirmation made the reading
    and has ended.
    """
    recorded = reading.result
    if reading.command != CONFIRM or recorded is None:
        return None
    confirmed = tuple(map(Confirmed.from_json, recorded["confirmed"]))
    return KeptConfirmation(recorded["experiment"], confirmed)


def last_confirmation(
    experiment: Experiment, readings: Iterable[ReadOfTest]
) -> KeptConfirmation | None:
    """The newest confirmation of a search that has ended; ``None`` where there is none.

    Args:
        experiment: the search.
        readings: of the test split of its data, the oldest first.
    """
    kept = None
    for reading in readings:
        if reading.experiment_id == experiment.id:
            kept = kept_confirmation(reading) or kept
    return kept


def confirmed_trial(store: Store, experiment: Experiment) -> tuple[Trial, Confirmed]:
    """The first trial of the configuration that won a confirmation of the search.

    Raises:
        UserError: no confirmation of the search has ended, or its experiment was deleted.
    """
    kept = last_confirmation(experiment, store.test_reads(experiment.data_fingerprint))
    if kept is None:
        raise UserError(
            f"`confirmed`: no confirmation of experiment '{experiment.name}' has ended; "
            f"`sedn confirm {experiment.name}` makes one"
        )
    best = best_confirmed(kept.confirmed)
    trial = store.trial(kept.experiment_id, best.trials[0])
    if trial is None:
        raise UserError(
            f"`confirmed`: the confirmation of experiment '{experiment.name}' was deleted, and its "
            f"trials with it; `sedn confirm {experiment.name}` makes another"
        )
    return trial, best


def answer_lines(
    confirmed: Sequence[Confirmed], test_reads: int, folds: int | None = None
) -> list[str]:
    """In words: whether the best configuration is better than the baseline, and the test split.

    Args:
        confirmed: the baseline first.
        test_reads: how often the test split of the data was read.
        folds: of the search.
    """
    best = best_confirmed(confirmed)
    lines = [_answer(best, folds)]
    if best.test is not None:
        if best.test.gain is None:
            reached = interval_text(best.test.mean_auc, best.test.low, best.test.high)
            lines.append(f"On the test split the baseline reaches a mean AUC of {reached}.")
        else:
            lines.append(
                f"On the test split {best.title} differs from the baseline by "
                f"{gain_interval_text(best.test)}."
            )
        lines.append(f"Test read {test_reads} time{'' if test_reads == 1 else 's'}.")
    return lines


def confirmation_lines(store: Store, experiment: Experiment) -> list[str]:
    """Describe the newest confirmation of a search in the words of :func:`answer_lines`; empty
    where the search has none.
    """
    readings = store.test_reads(experiment.data_fingerprint)
    kept = last_confirmation(experiment, readings)
    if kept is None:
        return []
    return answer_lines(kept.confirmed, len(readings), experiment.folds)


def gain_interval_text(score: Score) -> str:
    """The difference to the baseline with its interval: ``+0.135 [+0.101, +0.169]``."""
    low, high = (number_text(end, 3, signed=True) for end in (score.gain_low, score.gain_high))
    return f"{number_text(score.gain, 3, signed=True)} [{low}, {high}]"


def _answer(best: Confirmed, folds: int | None) -> str:
    seeds = len(best.trials)
    where = "on validation over" if folds is None else f"over {folds} folds and"
    over = f"{where} {seeds} fresh seed{'' if seeds == 1 else 's'}"
    score = best.validation
    if score.gain_low is None:
        return f"Not confirmed: the baseline has the highest mean AUC {over}."
    if score.gain_low > 0:
        return (
            f"Confirmed: {best.title} is better than the baseline, by {gain_interval_text(score)} "
            f"mean AUC {over}."
        )
    return (
        f"Not confirmed: {best.title} does not differ significantly from the baseline; "
        f"the difference is {gain_interval_text(score)} mean AUC {over}."
    )
