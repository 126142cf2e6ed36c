"""The trials that an estimate of importance uses, and the epoch of their AUC.

A scheduler stops most trials early, by their AUC. Those that it let live are the lucky ones among
the configurations that it would have stopped, so that the complete trials alone show less of every
effect than there is, and are few. So the mean AUC is taken after the last epoch that nearly all
trials reached: there the scheduler has chosen nothing yet. Of labels only the AUC after a trial's
last epoch is kept; :mod:`results.axes.carrying` brings it back to that epoch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from results.axes.axis import Axis, make_axis
from results.database.models import Trial, TrialState
from results.database.scanning.labels import LabelAucArrays
from results.effect_probe import EffectProbe
from results.varied import NOT_PARAMETERS
from sedn.arrays import Floats
from sedn.config import flatten

NEARLY_ALL = 0.95
"""Share of the trials that must have reached the epoch after which they are compared."""
OF_THE_MACHINE = frozenset({"threads", "micro_batch_size"})
"""Fields that a search may vary without being asked to."""


@dataclass(frozen=True)
class Sample:
    """Configurations with their axis values and their outcomes."""

    axes: tuple[Axis, ...]
    codes: NDArray[np.int64]
    """``(configurations, axes)``: which value each has; -1 where the axis has no effect."""
    aucs: Floats
    """``(configurations, L)``."""
    names: tuple[str | None, ...]
    """``L`` labels; ``None`` is the mean AUC."""
    epochs: Floats
    """``(configurations,)``: after which each AUC is."""
    means: Floats
    """``(configurations,)``: the mean AUC after the epoch that is compared."""
    last_means: Floats
    """``(configurations,)``: the mean AUC after ``epochs``."""
    rows: Mapping[int, int]
    """The configuration of each trial, by its number."""


@dataclass(frozen=True)
class Basis:
    """The trials and the epoch that an estimate rests on."""

    complete: int
    """Trials that were trained to their last epoch."""
    stopped: int
    """Trials that the scheduler stopped."""
    failed: int
    epoch: int
    """The epoch after which the mean AUCs are compared."""
    last_epoch: int
    """The last epoch of a full training."""

    @property
    def is_full(self) -> bool:
        """Whether full trainings are compared."""
        return self.epoch == self.last_epoch


def find_basis(trials: Sequence[Trial]) -> Basis:
    """After which epoch the trials can be compared."""
    own = [trial for trial in trials if trial.duplicate_of is None]
    ended = [trial.epochs for trial in own if _counts(trial)]
    complete = sum(trial.state is TrialState.COMPLETE for trial in own)
    last = max((trial.target_epochs for trial in own), default=0)
    ended.sort(reverse=True)
    needed = int(np.ceil(NEARLY_ALL * len(ended)))
    return Basis(
        complete=complete,
        stopped=len(ended) - complete,
        failed=sum(trial.state is TrialState.FAILED for trial in own),
        epoch=ended[needed - 1] if ended else last,
        last_epoch=last,
    )


def sample_means(
    trials: Sequence[Trial],
    reached: Mapping[int, float],
    epoch: int,
    probe: EffectProbe | None = None,
) -> Sample:
    """The mean AUC of all configurations that ``reached`` the epoch; ``probe``: what is known
    already of the effects of axes.
    """
    rows = [trial for trial in trials if _counts(trial) and trial.number in reached]
    means = np.array([reached[trial.number] for trial in rows], dtype=float)
    epochs = np.full(len(rows), float(epoch))
    return _sample(rows, means[:, None], (None,), epochs, means, means, probe or EffectProbe())


def sample_labels(
    trials: Sequence[Trial],
    labels: Sequence[str],
    aucs: LabelAucArrays,
    reached: Mapping[int, float],
    probe: EffectProbe | None = None,
) -> Sample:
    """Each label's AUC after the last epoch of each configuration; labels without are left out.

    Args:
        trials: of the experiment.
        labels: the names of its labels, in order.
        aucs: the AUCs of the labels.
        reached: the mean AUC after the epoch that is compared, of the trials that completed it.
        probe: what is known already of the effects of axes.
    """
    counting = {t.number: t for t in trials if _counts(t) and t.number in reached}
    chosen = aucs.only(counting)
    known = ~np.isnan(chosen.aucs)
    # Validation lacks a class of a label for all trials, or for none.
    columns = np.flatnonzero(known.mean(axis=0) > 0.5) if len(known) else np.array([], dtype=int)
    whole = np.flatnonzero(known[:, columns].all(axis=1))
    rows = [counting[chosen.trials[row]] for row in whole]
    epochs = np.array([trial.epochs for trial in rows], dtype=float)
    means = np.array([reached[trial.number] for trial in rows], dtype=float)
    last = np.array([trial.mean_auc for trial in rows], dtype=float)
    names = tuple(labels[column] for column in columns)
    chosen_aucs = chosen.aucs[whole][:, columns]
    return _sample(rows, chosen_aucs, names, epochs, means, last, probe or EffectProbe())


def _counts(trial: Trial) -> bool:
    """Whether a trial ended as its AUC asked for, or by its last epoch."""
    by_scheduler = trial.state is TrialState.PRUNED and trial.cause is None
    ended = by_scheduler or trial.state is TrialState.COMPLETE
    return ended and trial.epochs > 0 and trial.mean_auc is not None and trial.duplicate_of is None


def _sample(
    trials: Sequence[Trial],
    aucs: Floats,
    names: tuple[str | None, ...],
    epochs: Floats,
    means: Floats,
    last_means: Floats,
    probe: EffectProbe,
) -> Sample:
    """Replicates of a configuration, trained equally long, are one row: their mean."""
    places: dict[tuple[str, int], list[int]] = {}
    for row, trial in enumerate(trials):
        places.setdefault((trial.config_hash, int(epochs[row])), []).append(row)
    first = [trials[rows[0]] for rows in places.values()]
    groups = list(places.values())
    values = axis_values(first, probe)
    axes = {path: make_axis(path, column) for path, column in values.items()}
    known = {path: axis for path, axis in axes.items() if axis is not None}
    codes = [_codes(values[path]) for path in known]
    return Sample(
        axes=tuple(known.values()),
        codes=np.array(codes, dtype=np.int64).reshape(len(known), len(first)).T,
        aucs=_averaged(aucs, groups),
        names=names,
        epochs=_averaged(epochs, groups),
        means=_averaged(means, groups),
        last_means=_averaged(last_means, groups),
        rows={trials[i].number: row for row, group in enumerate(groups) for i in group},
    )


def _averaged(values: Floats, groups: Sequence[Sequence[int]]) -> Floats:
    """Means over groups of rows."""
    means = np.array([values[list(rows)].mean(axis=0) for rows in groups], dtype=float)
    return means.reshape(len(groups), *values.shape[1:])


def axis_values(trials: Sequence[Trial], probe: EffectProbe | None = None) -> dict[str, list[Any]]:
    """The values of each axis by path, one for each trial; ``None``: the axis had no effect
    there.
    """
    flat = [flatten(trial.config) for trial in trials]
    sampled = list(dict.fromkeys(path for trial in trials for path in trial.params))
    paths = sampled or list(dict.fromkeys(path for fields in flat for path in fields))
    values: dict[str, list[Any]] = {}
    for path in paths:
        column = [
            trial.params.get(path, fields.get(path))
            for trial, fields in zip(trials, flat, strict=True)
        ]
        distinct = list({repr(value): value for value in column if value is not None}.values())
        if path not in NOT_PARAMETERS | OF_THE_MACHINE and len(distinct) > 1:
            values[path] = column
    _leave_out(trials, flat, values, probe or EffectProbe())
    return values


def _leave_out(
    trials: Sequence[Trial],
    flat: Sequence[Mapping[str, Any]],
    values: dict[str, list[Any]],
    probe: EffectProbe,
) -> None:
    """Put ``None`` where an axis has no effect on a trial."""
    configs = [trial.config for trial in trials]
    for path, column in values.items():
        own = [fields.get(path) for fields in flat]
        distinct = [value for value in column if value is not None]
        for row, has_effect in enumerate(probe.have(configs, path, own, distinct)):
            if not has_effect:
                column[row] = None


def _codes(column: Sequence[Any]) -> list[int]:
    seen: dict[str, int] = {}
    return [-1 if v is None else seen.setdefault(repr(v), len(seen)) for v in column]
