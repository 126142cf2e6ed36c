"""Where the time of a search went: training, and what its trials took before, between and after."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from results.database.models import TrialState
from results.database.scanning.trials import TrialTimes
from results.report.contents import Findings
from results.report.style import STATES
from sedn import page
from sedn.style import count_of, duration, share_text

EXPLAINED = (
    "Trials side by side count each. Training is the time of the epochs, with their validation. "
    "Before the first epoch a trial waits for its worker, loads data, and builds its network. "
    "Between epochs it writes checkpoints and measures its network, and waits for its verdict: "
    "for a moment, or at a rung, or until the search goes on after a pause. After the last epoch "
    "scores are kept and the end is recorded. How much of these three was waiting and how much "
    "work is not recorded; nor is the time of an epoch that has not ended."
)
_WORDS = {
    TrialState.COMPLETE: "were trained to the end",
    TrialState.PRUNED: "were stopped early",
    TrialState.FAILED: "failed",
    TrialState.RUNNING: "are running",
}


@dataclass(frozen=True)
class Spent:
    """Seconds of trials, by what they went to."""

    training: float = 0.0
    before: float = 0.0
    """From the start to the first epoch, or to the end where no epoch was completed."""
    between: float = 0.0
    after: float = 0.0

    @property
    def all(self) -> float:
        """All seconds."""
        return self.training + self.before + self.between + self.after

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(
            self.training + other.training, self.before + other.before,
            self.between + other.between, self.after + other.after,
        )  # fmt: skip


def spent_by(one: TrialTimes) -> Spent:
    """Where the time of a trial went; an epoch that has not ended is not in it."""
    if one.first_at is None or one.last_at is None:
        ended = one.ended_at or one.started_at
        return Spent(one.seconds, before=_seconds(one.started_at, ended))
    since_start = _seconds(one.started_at, one.first_at)
    of_epochs = _seconds(one.first_at, one.last_at) + (one.first_seconds or 0.0)
    return Spent(
        one.seconds,
        before=max(since_start - (one.first_seconds or 0.0), 0.0),
        between=max(of_epochs - one.seconds, 0.0),
        after=_seconds(one.last_at, one.ended_at or one.last_at),
    )


def seconds_idle(times: Iterable[TrialTimes], now: datetime) -> float:
    """Seconds between the first start and the last end in which no trial was under way."""
    idle, reached = 0.0, None
    for began, ended in sorted((one.started_at, one.ended_at or now) for one in times):
        if reached is not None:
            idle += _seconds(reached, began)
        reached = max(ended, reached or ended)
    return idle


def time_section(findings: Findings) -> str:
    """The section of the page."""
    times = [one for one in findings.times if one.duplicate_of is None]
    if not times:
        return page.section("time", "Time", "No trial has started yet.", "")
    now = datetime.now(UTC)
    begun = min(one.started_at for one in times)
    ended = max(one.ended_at or now for one in times)
    text = f"From the first start to the last end {duration(_seconds(begun, ended))}"
    idle = duration(seconds_idle(times, now))
    text += f"; in {idle} of that no trial was under way. {EXPLAINED}"
    answered = len(findings.times) - len(times)
    if answered:
        text += f" {count_of(answered, 'trial')} took no time, as others had answered them."
    heads = ["trials that", "number", "training", "before the first epoch", "between epochs"]
    heads += ["after the last epoch", "share of all time"]
    whole = _sum(times).all
    rows = [
        _row(_WORDS[state], some, whole)
        for state in STATES
        if (some := [one for one in times if one.state is state])
    ]
    rows.append(_row("all", times, whole))
    table = page.table(heads, rows, right=heads[1:], marked=[len(rows) - 1])
    return page.section("time", "Time", text, table)


def _sum(times: Iterable[TrialTimes]) -> Spent:
    return sum(map(spent_by, times), Spent())


def _row(name: str, some: Sequence[TrialTimes], whole: float) -> list[page.Cell]:
    spent = _sum(some)
    parts = (spent.training, spent.before, spent.between, spent.after)
    share = share_text(spent.all / whole if whole else None, 0)
    cells = (name, f"{len(some):,}", *map(duration, parts), share)
    return [page.text(cell) for cell in cells]


def _seconds(first: datetime, last: datetime) -> float:
    """From one moment to a later one; 0 where the clock was set back between them."""
    return max((last - first).total_seconds(), 0.0)
