"""The budgets of a search: trials, time, GPU-hours, or no further improvement; counted in the
database.

All is counted over all runs of an experiment, so the same command spends what is left, and ends at
once when nothing is.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from results.database.models import Epoch
from search.settings import SearchSettings


class EndedBy(StrEnum):
    """Why a search is over."""

    TRIALS = "trials"
    """All trials of the search have ended."""
    POINTS = "points"
    """Every point of the space has been tried."""
    PLATEAU = "plateau"
    TIME = "time"
    GPU_HOURS = "gpu-hours"
    REQUEST = "request"
    """`sedn stop` was called from another terminal."""
    FAILURES = "failures"
    """The first trials all failed alike."""


@dataclass(frozen=True)
class Score:
    """The scores of a complete trial."""

    mean_auc: float
    stderr: float


def on_plateau(scores: Sequence[Score], patience: int | None) -> bool:
    """Whether the last ``patience`` complete trials made the best no better than chance would.

    The best of these trials must be over the best before them by more than the standard error of
    the latter. Optuna's own terminators, deprecated since version 5, estimate what is left to gain
    by a Gaussian process that knows no conditional axes.
    """
    if patience is None or len(scores) <= patience:
        return False
    before = max(scores[:-patience], key=lambda score: score.mean_auc)
    since = max(score.mean_auc for score in scores[-patience:])
    return since - before.mean_auc <= before.stderr


def trained_seconds(epochs: Iterable[Epoch]) -> float:
    """Wall-clock seconds in which at least one of ``epochs`` was trained."""
    spans = sorted(
        (e.recorded_at.timestamp() - e.seconds, e.recorded_at.timestamp()) for e in epochs
    )
    total, reached = 0.0, float("-inf")
    for begun, ended in spans:
        total += max(0.0, ended - max(begun, reached))
        reached = max(reached, ended)
    return total


class Spent:
    """Time and GPU time that an experiment has used, and which budget is met by that."""

    def __init__(
        self,
        settings: SearchSettings,
        seconds: float,
        gpu_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._seconds = seconds
        self._gpu_seconds = gpu_seconds
        self._gpu_seconds_before = gpu_seconds
        self._began: float | None = None

    def add(self, seconds: float, gpus: float) -> None:
        """Count an epoch that has just ended; with the first one the time of this run begins."""
        if self._began is None:
            self._began = self._clock() - seconds
        self._gpu_seconds += seconds * gpus

    def met(self) -> EndedBy | None:
        """The budget that is used up, if any is."""
        limit, hours = self._settings.time_seconds, self._settings.gpu_hours
        if limit is not None and self._seconds + self._here() >= limit:
            return EndedBy.TIME
        if hours is not None and self._gpu_seconds >= 3600 * hours:
            return EndedBy.GPU_HOURS
        return None

    def left(self) -> float | None:
        """Seconds until a budget is used up, at the pace of this run; ``None``: not known."""
        limit, hours = self._settings.time_seconds, self._settings.gpu_hours
        here, known = self._here(), []
        if limit is not None:
            known.append(limit - self._seconds - here)
        used = self._gpu_seconds - self._gpu_seconds_before
        if hours is not None and here and used:
            known.append((3600 * hours - self._gpu_seconds) * here / used)
        return max(0.0, min(known)) if known else None

    def _here(self) -> float:
        return 0.0 if self._began is None else self._clock() - self._began
