"""Recorded learning curves: from a Parquet file, or from an experiment of the store."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from results.database.models import TrialState
from results.database.store import Store
from sedn.arrays import Floats
from sedn.config import TrainingConfig
from sedn.config.reading import flatten
from sedn.errors import UserError
from spaces import Space, parse_space

if TYPE_CHECKING:
    import pandas as pd

SPACE_KEY = b"sedn.space"
"""The key of a Parquet file's metadata whose value is the space, as YAML."""
COLUMNS = ("seed", "epoch", "mean_auc", "mean_auc_stderr", "cpu_seconds")


@dataclass(frozen=True)
class Curve:
    """Validation after each epoch of one training."""

    values: Mapping[str, Any]
    """Of the axes of the space, by dotted path, in canonical form."""
    auc: Floats
    """Mean AUC after each epoch, ``(epochs,)``."""
    stderr: Floats
    """Standard errors of the mean AUC, ``(epochs,)``."""
    seconds: Floats
    """Of each epoch, ``(epochs,)``."""
    costs: Mapping[str, float | None]

    @property
    def key(self) -> str:
        """The same for all trainings of a configuration."""
        return json.dumps(self.values, sort_keys=True)


@dataclass(frozen=True)
class RecordedCurves:
    """Curves of configurations of a space, each trained with one seed or with several."""

    space: Space
    settings: Mapping[str, Any]
    """Those of the recorded search on which its curves depend: fields of
    :class:`search.settings.SearchSettings`."""
    curves: Mapping[str, Sequence[Curve]]
    """By the curve's key; one for each seed, in the order of the seeds."""
    epochs: int
    """Of a whole training."""

    def values_of(self, config: TrainingConfig) -> dict[str, Any]:
        """The values of the axes in a configuration, in canonical form."""
        fields = flatten(config.model_dump(mode="json"))
        return {axis.path: fields.get(axis.path) for axis in self.space.axes}

    def best(self, replicate: int) -> float:
        """The highest mean AUC after any epoch of the curves of a replicate."""
        return max(float(np.max(self.of(key, replicate).auc)) for key in self.curves)

    def of(self, key: str, replicate: int) -> Curve:
        """The curve of a recorded configuration; replicates take its seeds in turn."""
        seeds = self.curves[key]
        return seeds[replicate % len(seeds)]


def read_curves(path: Path) -> RecordedCurves:
    """Read a Parquet file of whole curves, such as ``benchmarks/record.py`` writes.

    A row is an epoch: seed, epoch, mean_auc, mean_auc_stderr, cpu_seconds, and a column for each
    axis of the space that the file's metadata have.

    Raises:
        UserError: the file is missing, is no Parquet file, or lacks the space or a column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else "not Parquet"
        raise UserError(f"{path}: cannot be read as recorded curves: {reason}") from None
    text = (table.schema.metadata or {}).get(SPACE_KEY)
    if text is None:
        raise UserError(
            f"{path}: the file's metadata have no '{SPACE_KEY.decode()}', the space as YAML"
        )
    space = parse_space(text.decode(), str(path))
    frame = table.to_pandas()
    wanted = [*COLUMNS, *(axis.path for axis in space.axes)]
    if missing := [name for name in wanted if name not in frame.columns]:
        raise UserError(f"{path}: column '{missing[0]}' is missing")
    return _of_frame(frame, space, str(path))


def _of_frame(frame: "pd.DataFrame", space: Space, source: str) -> RecordedCurves:
    """The curves of a table of epochs; those that do not reach the last epoch are left out."""
    epochs = int(frame["epoch"].max())
    paths = [axis.path for axis in space.axes]
    curves: dict[str, dict[int, Curve]] = defaultdict(dict)
    frame = frame.sort_values("epoch")
    for seed in sorted(set(frame["seed"].tolist())):
        for _, rows in frame[frame["seed"] == seed].groupby(paths, dropna=False, sort=False):
            if list(rows["epoch"]) != list(range(1, epochs + 1)):
                continue
            curve = Curve(
                values={path: _plain(rows[path].iloc[0]) for path in paths},
                auc=rows["mean_auc"].to_numpy(float),
                stderr=rows["mean_auc_stderr"].to_numpy(float),
                seconds=rows["cpu_seconds"].to_numpy(float),
                costs={"parameters": float(rows["parameters"].iloc[0])}
                if "parameters" in rows
                else {},
            )
            curves[curve.key][seed] = curve
    return _recorded(space, {}, curves, epochs, source)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def curves_of_experiment(store: Store, name: str) -> RecordedCurves:
    """Take the curves of the trials of an experiment.

    A curve that was stopped early goes on by the median of what the whole curves gained from its
    last epoch on, and by its own mean seconds of an epoch.

    Raises:
        UserError: there is no such experiment, it has no axes, it searched over folds, or no
            trial of it is complete.
    """
    experiment = store.experiment(name)
    if experiment.folds:
        raise UserError(f"experiment '{name}': a search over folds cannot be replayed")
    if not experiment.space_yaml:
        raise UserError(f"experiment '{name}': it was imported without a space, and has no axes")
    space = parse_space(experiment.space_yaml, experiment.space_name)
    if space.configurations is not None:
        raise UserError(f"experiment '{name}': it trained given configurations, and has no axes")
    recorded = store.epochs(experiment.id)
    rows = [row for row in store.trials(experiment.id) if row.number in recorded]
    complete = [row.epochs for row in rows if row.state is TrialState.COMPLETE]
    if not complete:
        raise UserError(f"experiment '{name}': no trial is complete, so no curve is whole")
    epochs = max(complete)
    paths = [axis.path for axis in space.axes]
    curves: dict[str, dict[int, Curve]] = defaultdict(dict)
    for row in rows:
        fields = flatten(row.config)
        points = recorded[row.number]
        curve = Curve(
            values={path: fields.get(path) for path in paths},
            auc=np.array([point.mean_auc for point in points]),
            stderr=np.array([point.mean_auc_stderr or 0.0 for point in points]),
            seconds=np.array([point.seconds for point in points]),
            costs=row.costs,
        )
        longest = curves[curve.key].get(row.seed)
        if longest is None or len(longest.auc) < len(curve.auc):
            curves[curve.key][row.seed] = curve
    gains = [one.auc for seeds in curves.values() for one in seeds.values()]
    gains = [auc for auc in gains if len(auc) == epochs]
    whole = {
        key: {seed: _to_the_end(curve, gains, epochs) for seed, curve in seeds.items()}
        for key, seeds in curves.items()
    }
    settings = {"data": experiment.data_path, "epochs": epochs}
    return _recorded(space, settings, whole, epochs, f"experiment '{name}'")


def _to_the_end(curve: Curve, whole: Sequence[Floats], epochs: int) -> Curve:
    """Extend a curve that was stopped by what the whole curves gained after its last epoch."""
    known = len(curve.auc)
    if known >= epochs:
        return curve
    gained = np.median([auc[known:] - auc[known - 1] for auc in whole], axis=0)
    missing = epochs - known
    return replace(
        curve,
        auc=np.concatenate([curve.auc, np.clip(curve.auc[-1] + gained, 0.0, 1.0)]),
        stderr=np.concatenate([curve.stderr, np.full(missing, curve.stderr[-1])]),
        seconds=np.concatenate([curve.seconds, np.full(missing, float(np.mean(curve.seconds)))]),
    )


def _recorded(
    space: Space,
    settings: Mapping[str, Any],
    curves: Mapping[str, Mapping[int, Curve]],
    epochs: int,
    source: str,
) -> RecordedCurves:
    if not curves:
        raise UserError(f"{source}: no curve reaches the last epoch, {epochs}")
    by_key = {key: [seeds[seed] for seed in sorted(seeds)] for key, seeds in curves.items()}
    return RecordedCurves(space, settings, by_key, epochs)
