"""The view of a running search or training: a live table, or plain lines in a log."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from search import Stage
from search.cli.images import image_line
from sedn.style import duration, gain_text, interval_text, number_text, short_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from search import Snapshot
    from search.driver import TrialEvent
    from search.progress import RunningTrial
    from sedn.config import TrainingConfig
    from sedn.segmentation.config import SegmenterConfig
    from sedn.segmentation.fold import FoldEpoch
    from sedn.training.result import EpochResult


MANY = 1000
"""Least number of images whose reading gets a line in a log; fewer take no time."""


class LiveView:
    """A view of the current stage and the running trials, redrawn in a terminal; without a
    terminal, a line for each stage begun and each trial ended.

    In a terminal the view is gone in the end, and its last summary stays.
    """

    def __init__(self, console: Console, name: str) -> None:
        self._console = console
        self._name = name
        self._live = Live(console=console, transient=True) if console.is_terminal else None
        self._stage: Stage | None = None
        self._since = time.monotonic()
        self._spent: dict[str, float] = {}
        self._images: RenderableType | None = None
        self._snapshot: Snapshot | None = None
        self._ended = -1
        self._last_images = ""

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
        self._count()
        if self._live:
            self._live.stop()
            if self._snapshot:
                self._console.print(summary(self._name, self._snapshot, 0))

    @property
    def spent(self) -> dict[str, float]:
        """Seconds spent on each stage, in the order of the stages."""
        return self._spent

    def stage(self, stage: "Stage") -> None:
        """Show the name of the stage that begins."""
        if stage is self._stage:
            return
        self._count()
        self._stage, self._images = stage, None
        if self._live:
            self._redraw()
        elif stage not in (Stage.CHECKS, Stage.DATA):
            # An error in the input is the only line of the output.
            self._console.print(f"{self._name}: {stage.doing}", soft_wrap=True)

    def show(self, snapshot: "Snapshot") -> None:
        """Show where the search stands."""
        self._snapshot = snapshot
        if self._live:
            self._redraw()
        elif snapshot.ended != self._ended:
            self._ended = snapshot.ended
            self._console.print(
                summary(self._name, snapshot, len(snapshot.running)), soft_wrap=True
            )

    def images(self, what: str, done: int, total: int) -> None:
        """Show how far the images are read or decoded, before the first trial."""
        if self._live:
            self._images = image_line(what, done, total)
            self._redraw()
        elif what != self._last_images and total >= MANY:
            self._last_images = what
            self._console.print(f"{self._name}: {what} {total:,} images", soft_wrap=True)

    def event(self, event: "TrialEvent") -> None:
        """Nothing: the table and the lines show where the search stands."""

    def notice(self, line: str) -> None:
        """Print a line for the user."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def waiting(self, line: str) -> None:
        """Print that the database is away and that the search waits for it."""
        self._console.print(line, style="yellow", markup=False, soft_wrap=True)

    def _count(self) -> None:
        """Add the time since the last change of stage to what was done in it."""
        now = time.monotonic()
        if self._stage:
            short = self._stage.short
            self._spent[short] = self._spent.get(short, 0.0) + now - self._since
        self._since = now

    def _redraw(self) -> None:
        if not self._live:
            return
        shown: list[RenderableType] = []
        if self._snapshot:
            shown.append(summary(self._name, self._snapshot, len(self._snapshot.running)))
        if self._images:
            shown.append(self._images)
        elif self._snapshot and self._snapshot.running:
            shown.append(running_table(self._snapshot))
        elif self._stage:
            shown.append(Text(f"{self._name}: {self._stage.doing} …", style="dim"))
        self._live.update(Group(*shown), refresh=True)


def epoch_line(result: "EpochResult", epochs: int, targets: "NDArray[np.floating]") -> str:
    """A finished epoch of a training, validated on ``targets`` (images, labels)."""
    from sedn.metrics import mean_interval

    positives, negatives = (targets == 1).sum(axis=0), (targets == 0).sum(axis=0)
    ends = mean_interval(result.mean_auc, result.mean_auc_stderr, positives, negatives)
    return (
        f"epoch {result.epoch}/{epochs}  loss {number_text(result.train_loss)}  "
        f"validation mean AUC {interval_text(result.mean_auc, *ends)}  "
        f"{duration(result.seconds)}"
    )


def epoch_of_folds_line(result: "EpochResult", config: "TrainingConfig") -> str:
    """A finished epoch of a training over folds: of the network of a fold, or of all images."""
    assert config.folds is not None
    place, epoch = divmod(result.epoch - 1, config.epochs)
    within = f"epoch {epoch + 1}/{config.epochs}  loss {number_text(result.train_loss)}  "
    if place == config.folds:
        return f"all images  {within}{duration(result.seconds)}"
    ended = place + (epoch + 1 == config.epochs)
    of = "of this fold" if place == 0 else "of 1 fold" if ended == 1 else f"of {ended} folds"
    auc = f"mean AUC {of} {number_text(result.mean_auc)}  "
    return f"fold {place + 1}/{config.folds}  {within}{auc}{duration(result.seconds)}"


def folds_line(
    result: "EpochResult", config: "TrainingConfig", targets: "NDArray[np.floating]"
) -> str:
    """The value of all folds, whose ``targets`` are (images, labels), and what is trained now."""
    from sedn.metrics import mean_interval

    positives, negatives = (targets == 1).sum(axis=0), (targets == 0).sum(axis=0)
    ends = mean_interval(result.mean_auc, result.mean_auc_stderr, positives, negatives)
    return (
        f"Mean AUC over {config.folds} folds {interval_text(result.mean_auc, *ends)}: the estimate "
        f"for the model, which is now trained on all {len(targets):,} images of train and "
        f"validation. No image is left to choose an epoch by: {config.epochs} epochs, as for each "
        f"fold. Temperature and thresholds are fitted on the scores of the folds."
    )


def fold_line(epoch: "FoldEpoch", config: "SegmenterConfig") -> str:
    """A finished epoch of one of a segmenter's networks."""
    return (
        f"fold {epoch.fold}/{config.folds}  epoch {epoch.epoch}/{config.epochs}  "
        f"loss {number_text(epoch.train_loss)}  validation Dice {epoch.validation_dice:.4f}  "
        f"{duration(epoch.seconds)}"
    )


def summary(name: str, snapshot: "Snapshot", running: int) -> Text:
    """Summarise a search in one line: counts by state, the best so far and its gain, the time
    left.
    """
    from results import TrialState

    words = {
        TrialState.COMPLETE: "complete",
        TrialState.PRUNED: "stopped early",
        TrialState.FAILED: "failed",
    }
    # A search may be gone on with for fewer trials than it has.
    beyond = snapshot.ended > snapshot.asked
    trials = f"trials ({snapshot.asked} asked for)" if beyond else f"of {snapshot.asked} trials"
    parts = [f"{name}: {snapshot.ended} {trials}"]
    parts += [
        f"{snapshot.counts[state]} {word}"
        for state, word in words.items()
        if snapshot.counts.get(state)
    ]
    if running:
        parts.append(f"{running} running")
    if snapshot.paused:
        parts.append(f"{snapshot.paused} paused")
    if snapshot.best:
        best = f"best {number_text(snapshot.best.mean_auc)} (trial {snapshot.best.number}"
        if snapshot.best == snapshot.baseline:
            best += ", the baseline"
        elif snapshot.gain is not None:
            best += f", {gain_text(snapshot.gain)} over the baseline"
        parts.append(f"{best})")
    elif snapshot.all_violate:
        parts.append("none satisfies the constraints")
    if snapshot.remaining is not None and snapshot.ended < snapshot.asked:
        parts.append(f"{duration(snapshot.remaining)} left")
    return Text("  ·  ".join(parts))


def running_table(snapshot: "Snapshot") -> Table:
    """The running trials of a search, one a row, the first twenty of them."""
    table = Table(header_style="dim", expand=False)
    for title, side in (("trial", "right"), ("epoch", "right"), ("mean AUC", "right")):
        table.add_column(title, justify="right" if side == "right" else "left")
    table.add_column("configuration")
    for trial in snapshot.running[:20]:
        table.add_row(*_running_row(trial))
    return table


def _running_row(trial: "RunningTrial") -> tuple[str, str, str, str]:
    auc = number_text(trial.mean_auc)
    return str(trial.number), f"{trial.epoch}/{trial.epochs}", auc, describe(trial.config)


def describe(config: "TrainingConfig") -> str:
    """Describe a configuration in one line."""
    parts = [config.backbone.name, config.embedding.placement]
    if config.embedding.stages:
        parts.append(config.embedding.fusion)
    if config.attention.kind != "none":
        parts.append(config.attention.kind)
    parts.append(f"lr {short_text(config.optimizer.learning_rate, 2)}")
    return " · ".join(parts)
