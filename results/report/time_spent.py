"""Where the time of a search went: training, and all else that its trials took."""

from collections.abc import Sequence
from datetime import UTC, datetime

from results.database.models import TrialState
from results.database.scanning import TrialTimes
from results.report.contents import STATES, Findings
from results.report.style import duration
from sedn import page
from sedn.style import share_text


def time_section(findings: Findings) -> str:
    """The section of the page."""
    times = [one for one in findings.times if one.duplicate_of is None]
    if not times:
        return page.section("time", "Time", "No trial has started yet.", "")
    now = datetime.now(UTC)
    begun = min(one.started_at for one in times)
    ended = max(one.ended_at or now for one in times)
    text = (
        f"From the first start to the last end {duration((ended - begun).total_seconds())}, pauses "
        "between runs of the search included. Trials side by side count each. Training is the "
        "time of the epochs, with their validation; the rest of a trial is loading data, building "
        "and measuring the network, writing checkpoints and waiting."
    )
    heads = ["trials that", "number", "training", "rest of the trials", "share of all time"]
    whole = sum(_wall(one, now) for one in times)
    rows = [
        _row(f"are {name}" if state is TrialState.RUNNING else _WORDS[state], some, now, whole)
        for state, name in STATES.items()
        if (some := [one for one in times if one.state is state])
    ]
    answered = len(findings.times) - len(times)
    if answered:
        text += f" {answered} trials took no time: other trials had answered them already."
    rows.append(_row("all", times, now, whole))
    return page.section(
        "time", "Time", text, page.table(heads, rows, right=heads[1:], marked=[len(rows) - 1])
    )


_WORDS = {
    TrialState.COMPLETE: "were trained to the end",
    TrialState.PRUNED: "were stopped early",
    TrialState.FAILED: "failed",
}


def _row(name: str, some: Sequence[TrialTimes], now: datetime, whole: float) -> list[page.Cell]:
    trained = sum(one.seconds for one in some)
    wall = sum(_wall(one, now) for one in some)
    cells = (
        *(name, f"{len(some):,}", duration(trained), duration(max(wall - trained, 0.0))),
        share_text(wall / whole if whole else None, 0),
    )
    return [page.text(cell) for cell in cells]


def _wall(one: TrialTimes, now: datetime) -> float:
    """Seconds from a trial's start to its end, at least those of its epochs."""
    return max(((one.ended_at or now) - one.started_at).total_seconds(), one.seconds)
