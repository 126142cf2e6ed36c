"""The account of a search: what its trials have reached and used, against its budgets."""

from collections.abc import Callable

from results.database.models import TrialState
from results.goals.objectives import Goals
from results.ranking.best import Leading
from search.budgets import EndedBy, Score, Spent, on_plateau
from search.driver.recovery import Past
from search.failures import Failure, FirstTrials
from search.progress import RunningTrial, Snapshot, Tally
from search.samplers.choosing import exhausted_after
from search.settings import SearchSettings
from spaces import Space


class Account:
    """Counts the ends of trials and the time of their epochs, over all runs of the search."""

    def __init__(
        self,
        settings: SearchSettings,
        space: Space,
        past: Past,
        clock: Callable[[], float],
        read_leading: Callable[[], Leading],
    ) -> None:
        rows = past.rows.values()
        self.drawn = past.asked
        """Number of trials that were drawn from the study."""
        self._settings = settings
        self._trials = min(settings.trials, exhausted_after(settings, space) or settings.trials)
        self._tally = Tally.of(rows, Goals.of(settings.model_dump()))
        self._read_leading = read_leading
        self._seeds = {row.seed for row in rows if row.state is TrialState.COMPLETE}
        self._lead()
        self._first = FirstTrials.of(rows)
        self._scores = past.scores()
        """Of the complete trials, in the order in which they ended."""
        self._spent = Spent(settings, past.seconds(), past.gpu_seconds(), clock)

    def add_epoch(self, seconds: float, gpus: float) -> None:
        """Count the time of an epoch that has just ended."""
        self._spent.add(seconds, gpus)

    def add_end(
        self,
        number: int,
        role: str,
        state: TrialState,
        mean_auc: float | None = None,
        stderr: float | None = None,
        *,
        satisfies: bool = True,
        seed: int = 0,
    ) -> None:
        """Count the end of a trial, with what the trial reached, and by which seed; ``satisfies``:
        it satisfies the constraints.
        """
        self._tally.add(number, role, state, mean_auc, satisfies=satisfies)
        if state is TrialState.COMPLETE and mean_auc is not None:
            self._scores.append(Score(mean_auc, stderr or 0.0))
            self._seeds.add(seed)
            self._lead()

    def _lead(self) -> None:
        """Read what leads where several seeds make one value of a configuration."""
        if len(self._seeds) > 1:
            self._tally.lead(self._read_leading())

    def add_trained(self, number: int, state: TrialState, reason: str | None) -> None:
        """Take note of how a trial ended that was trained in this run."""
        self._first.add(number, state, reason)

    def take_back_pruned(self) -> None:
        """Count a trial no longer that was PRUNED, and runs again."""
        self._tally.counts[TrialState.PRUNED] -= 1

    def all_drawn(self) -> EndedBy | None:
        """Why no new trial is drawn any more; ``None`` while there are."""
        if on_plateau(self._scores, self._settings.plateau):
            return EndedBy.PLATEAU
        if self.drawn < self._trials:
            return None
        return EndedBy.TRIALS if self.drawn >= self._settings.trials else EndedBy.POINTS

    def budget_met(self) -> EndedBy | None:
        """The budget of time or GPU-hours that is used up, if any is."""
        return self._spent.met()

    def common_failure(self, *, is_over: bool) -> Failure | None:
        """The failure that the first trials all ended with, if they did."""
        return self._first.alike(is_over=is_over)

    def snapshot(self, running: tuple[RunningTrial, ...], paused: int) -> Snapshot:
        """Where the search stands, with the trials that run now and the number that pause."""
        return self._tally.snapshot(self._trials, running, paused, self._spent.left())
