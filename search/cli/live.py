"""What is shown while a search or a training runs: a live table, or plain lines in a log."""

from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from results.models import TrialState
from results.outage import reason_of
from search.cli.images import image_line
from sedn.style import gain_text, interval_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from search.progress import RunningTrial, Snapshot
    from sedn.config import TrainingConfig
    from sedn.segmentation.config import SegmenterConfig
    from sedn.segmentation.fold import FoldEpoch
    from sedn.training.result import EpochResult

STATES = (
    (TrialState.COMPLETE, "complete"),
    (TrialState.PRUNED, "stopped early"),
    (TrialState.FAILED, "failed"),
)


class LiveView:
    """A table that is redrawn in a terminal; where there is none, a line for each trial ended."""

    def __init__(self, console: Console, name: str) -> None:
        self._console = console
        self._name = name
        self._live = Live(console=console, refresh_per_second=4) if console.is_terminal else None
        self._ended = -1

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, snapshot: "Snapshot") -> None:
        """Show where the search stands."""
        if self._live:
            self._live.update(
                Group(summary(self._name, snapshot, len(snapshot.running)), _running(snapshot))
            )
        elif snapshot.ended != self._ended:
            self._ended = snapshot.ended
            self._console.print(
                summary(self._name, snapshot, len(snapshot.running)), soft_wrap=True
            )

    def images(self, what: str, done: int, total: int) -> None:
        """Show how far the images are read or decoded, before the first trial."""
        if self._live:
            self._live.update(image_line(what, done, total))

    def notice(self, line: str) -> None:
        """Say what a person should know before the first trial."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def waiting(self, error: Exception) -> None:
        """Say that the database is away and waited for."""
        self._console.print(
            f"The database does not answer; waiting for it, nothing is lost: {reason_of(error)}",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )


def epoch_line(result: "EpochResult", epochs: int, targets: "NDArray[np.floating]") -> str:
    """A finished epoch of a training, validated on ``targets`` (images, labels)."""
    from sedn.metrics import mean_interval

    positives, negatives = (targets == 1).sum(axis=0), (targets == 0).sum(axis=0)
    ends = mean_interval(result.mean_auc, result.mean_auc_stderr, positives, negatives)
    return (
        f"epoch {result.epoch}/{epochs}  loss {result.train_loss:.4f}  "
        f"validation mean AUC {interval_text(result.mean_auc, *ends)}  "
        f"{result.seconds:.1f} s"
    )


def fold_line(epoch: "FoldEpoch", config: "SegmenterConfig") -> str:
    """A finished epoch of one of a segmenter's networks."""
    return (
        f"fold {epoch.fold}/{config.folds}  epoch {epoch.epoch}/{config.epochs}  "
        f"loss {epoch.train_loss:.4f}  validation Dice {epoch.validation_dice:.4f}  "
        f"{epoch.seconds:.1f} s"
    )


def summary(name: str, snapshot: "Snapshot", running: int) -> Text:
    """One line: counts by state, the best so far and its gain, the time left."""
    # A search may be gone on with for fewer trials than it has.
    beyond = snapshot.ended > snapshot.asked
    trials = f"trials ({snapshot.asked} asked for)" if beyond else f"of {snapshot.asked} trials"
    parts = [f"{name}: {snapshot.ended} {trials}"]
    parts += [
        f"{snapshot.counts[state]} {word}" for state, word in STATES if snapshot.counts.get(state)
    ]
    if running:
        parts.append(f"{running} running")
    if snapshot.paused:
        parts.append(f"{snapshot.paused} paused")
    if snapshot.best:
        best = f"best {snapshot.best.mean_auc:.4f} (trial {snapshot.best.number}"
        best += (
            f", {gain_text(snapshot.gain)} over the baseline)" if snapshot.gain is not None else ")"
        )
        parts.append(best)
    if snapshot.remaining is not None and snapshot.ended < snapshot.asked:
        parts.append(f"{_duration(snapshot.remaining)} left")
    return Text("  ·  ".join(parts))


def _running(snapshot: "Snapshot") -> Table:
    table = Table(header_style="dim", expand=False)
    for title, side in (("trial", "right"), ("epoch", "right"), ("mean AUC", "right")):
        table.add_column(title, justify="right" if side == "right" else "left")
    table.add_column("configuration")
    for trial in snapshot.running[:20]:
        table.add_row(*_running_row(trial))
    return table


def _running_row(trial: "RunningTrial") -> tuple[str, str, str, str]:
    auc = "–" if trial.mean_auc is None else f"{trial.mean_auc:.4f}"
    return str(trial.number), f"{trial.epoch}/{trial.epochs}", auc, describe(trial.config)


def describe(config: "TrainingConfig") -> str:
    """A configuration in one line, for a person."""
    parts = [config.backbone.name, config.embedding.placement]
    if config.embedding.stages:
        parts.append(config.embedding.fusion)
    if config.attention.kind != "none":
        parts.append(config.attention.kind)
    parts.append(f"lr {config.optimizer.learning_rate:.2g}")
    return " · ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
