"""Importance of the axes of an experiment, as tables."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from results.axes.carrying import carry_back
from results.axes.images import LEAST_TRIALS, Influences, image_variances, read_influences
from results.axes.model import (
    LEAST_FREEDOM,
    Design,
    Effects,
    estimate,
    make_design,
)
from results.axes.pairs import Paired, pair_up
from results.axes.trials import (
    Basis,
    Sample,
    find_basis,
    sample_labels,
    sample_means,
)
from results.database.models import Trial
from results.database.store import Store
from results.effect_probe import EffectProbe
from sedn.arrays import Floats
from sedn.errors import UserError, did_you_mean
from sedn.metrics import SIGNIFICANCE


@dataclass(frozen=True)
class Part:
    """The configurations and effects for one outcome: the mean AUC, or all labels."""

    sample: Sample
    design: Design | None
    """``None`` without an axis."""
    effects: Effects | None
    """``None`` where nothing can be estimated."""
    paired: Paired | None
    read: int = 0
    """Complete trials whose scores were read for the variance over images."""

    @property
    def labels(self) -> list[str]:
        """The labels, where these are compared."""
        return [name for name in self.sample.names if name is not None]

    @property
    def missing(self) -> int:
        """Number of further configurations that an estimate needs."""
        return max(LEAST_FREEDOM - self.design.freedom, 1) if self.design else 0


@dataclass(frozen=True)
class Importance:
    """The importance of the axes of an experiment."""

    experiment: str
    basis: Basis
    mean: Part
    labels: Part
    axes: pd.DataFrame
    """The rows of :func:`importance`."""
    values: pd.DataFrame
    """The rows of :func:`axis_effects`."""


def importance(store: Store, name: str) -> pd.DataFrame:
    """Estimate how much each axis of an experiment mattered, for the mean AUC and for each label.

    Returns:
        One row for each axis and outcome, the mean AUC first, then the labels in order: label
        (None for the mean), axis, configurations (on which the axis has an effect), share (of the
        variance of the AUC that is the axis's, were its values tried equally often), share_low and
        share_high (95 %), p (how often luck alone shows as much anywhere among the axes, values
        and labels), matters (whether p is below 0.05), best and worst (the values of highest and
        lowest AUC), and difference (between these two). Numbers that cannot be estimated are NaN.

    Raises:
        UserError: there is no experiment ``name``.
    """
    return find_importance(store, name).axes


def axis_effects(store: Store, name: str) -> pd.DataFrame:
    """Estimate the effect of each value of each axis on the mean AUC and on the AUC of each label.

    Returns:
        One row for each value, what it is held against, and outcome: label (None for the mean),
        axis, value, against (``none``, the first of two values, or None for the average of the
        axis's values), configurations (with the value), effect (difference in AUC, all other axes
        held alike), low and high (95 %, for all effects together), p (as in :func:`importance`),
        found (whether p is below 0.05), pairs (sets of configurations that are alike but for the
        axis), paired (the mean difference within these), paired_low and paired_high (95 %, for the
        one difference). Numbers that cannot be estimated are NaN.

    Raises:
        UserError: there is no experiment ``name``.
    """
    return find_importance(store, name).values


def find_importance(store: Store, name: str) -> Importance:
    """Estimate the importance of the axes of experiment ``name``.

    Raises:
        UserError: there is no such experiment.
    """
    experiment = store.experiment(name)
    trials = store.trials(experiment.id)
    return importance_of(store, experiment.id, name, trials, EffectProbe())


def importance_of(
    store: Store, experiment_id: int, name: str, trials: Sequence[Trial], probe: EffectProbe
) -> Importance:
    """Estimate the importance of the axes of an experiment from its ``trials``, read already;
    ``probe``: what is known already of the effects of axes.
    """
    basis = find_basis(trials)
    reached = store.mean_aucs_after(experiment_id, basis.epoch)
    names = [label.name for label in store.labels(experiment_id)]
    aucs = store.label_auc_arrays(experiment_id, stderrs=False)
    of_labels = sample_labels(trials, names, aucs, reached, probe)
    influences = read_influences(trials, [one for one in of_labels.names if one is not None])
    mean = _part(sample_means(trials, reached, basis.epoch, probe), influences)
    labels = _part(of_labels, influences)
    return Importance(
        experiment=name,
        basis=basis,
        mean=mean,
        labels=labels,
        axes=pd.concat([_axis_rows(mean), _axis_rows(labels)], ignore_index=True),
        values=pd.concat([_value_rows(mean), _value_rows(labels)], ignore_index=True),
    )


def check_label(effects: Importance, label: str) -> None:
    """Check that ``label`` was compared.

    Raises:
        UserError: there is no such label, or it has no AUC.
    """
    names = effects.labels.labels
    if label not in names:
        hint = did_you_mean(label, names) or f"; labels with an AUC: {', '.join(names) or 'none'}"
        raise UserError(f"`label`: no label '{label}' with an AUC in '{effects.experiment}'{hint}")


def _part(sample: Sample, influences: Influences | None) -> Part:
    if not sample.axes or not sample.names:
        return Part(sample, None, None, None)
    design = make_design(sample.axes)
    if design.freedom < LEAST_FREEDOM:
        return Part(sample, design, None, None)
    design, aucs = carry_back(design, sample.aucs, sample.means, sample.last_means, sample.epochs)
    if design.freedom < LEAST_FREEDOM:
        return Part(sample, design, None, None)
    over_images = None if influences is None else _over_images(sample, design, influences)
    effects = estimate(design, aucs, over_images)
    paired = pair_up(sample.axes, sample.codes, design.contrasts, aucs)
    read = len(influences.trials) if influences and over_images is not None else 0
    return Part(sample, design, effects, paired, read)


def _over_images(sample: Sample, design: Design, influences: Influences) -> Floats | None:
    """``(C, L)``: the variance of the effects over images, for the mean AUC or for labels."""
    rows_read = [i for i, number in enumerate(influences.trials) if number in sample.rows]
    if len(rows_read) < LEAST_TRIALS:
        return None
    rows = [sample.rows[influences.trials[i]] for i in rows_read]
    of_labels = influences.of_labels[rows_read]
    is_mean = sample.names == (None,)
    return image_variances(
        design, rows, of_labels.mean(axis=2, keepdims=True) if is_mean else of_labels
    )


AXES = ["label", "axis", "configurations", "share", "share_low", "share_high", "p", "matters"]
AXES += ["best", "worst", "difference"]
VALUES = ["label", "axis", "value", "against", "configurations", "effect", "low", "high", "p"]
VALUES += ["significant", "pairs", "paired", "paired_low", "paired_high"]


def _axis_rows(part: Part) -> pd.DataFrame:
    """One row for each outcome and axis."""
    sample, effects = part.sample, part.effects
    rows: list[dict[str, object]] = []
    for column, name in enumerate(sample.names):
        for number, axis in enumerate(sample.axes):
            row: dict[str, object] = {
                "label": name,
                "axis": axis.path,
                "configurations": round(float(axis.active.sum())),
                "matters": False,
            }
            if effects is not None and part.design is not None:
                own = [i for i, one in enumerate(part.design.contrasts) if one.axis == number]
                plain = [i for i in own if part.design.contrasts[i].against is None]
                row |= _of_axis(effects, own, plain, axis.points, column)
                row |= {
                    "share": effects.share[number, column],
                    "share_low": effects.share_low[number, column],
                    "share_high": effects.share_high[number, column],
                }
            rows.append(row)
    return _frame(rows, AXES, ["share", "share_low", "share_high", "p", "difference"])


def _of_axis(
    effects: Effects, own: list[int], plain: list[int], points: Sequence[object], column: int
) -> dict[str, object]:
    """The most and the least of an axis's effects; nothing where none of them is known."""
    of_points, ps = effects.effect[plain, column], effects.p[own, column]
    if np.isnan(of_points).all():
        return {}
    best, worst = int(np.nanargmax(of_points)), int(np.nanargmin(of_points))
    return {
        "p": np.nanmin(ps),
        "matters": bool(np.nanmin(ps) < SIGNIFICANCE),
        "best": points[best],
        "worst": points[worst],
        "difference": of_points[best] - of_points[worst],
    }


def _value_rows(part: Part) -> pd.DataFrame:
    """One row for each outcome and contrast."""
    sample, effects, paired = part.sample, part.effects, part.paired
    rows: list[dict[str, object]] = []
    for column, name in enumerate(sample.names):
        for number, one in enumerate(part.design.contrasts if part.design else ()):
            axis = sample.axes[one.axis]
            row: dict[str, object] = {
                "label": name,
                "axis": axis.path,
                "value": axis.points[one.point],
                "against": None if one.against is None else axis.points[one.against],
                "configurations": round(float(axis.weights[:, one.point].sum())),
                "significant": False,
                "pairs": 0,
            }
            if effects is not None and paired is not None:
                effect, width = effects.effect[number, column], effects.half_width[number, column]
                own, spread = paired.effect[number, column], paired.half_width[number, column]
                row |= {"effect": effect, "low": effect - width, "high": effect + width}
                row |= {"p": effects.p[number, column], "pairs": int(paired.pairs[number])}
                row |= {
                    "significant": bool(effects.p[number, column] < SIGNIFICANCE),
                    "paired": own,
                }
                row |= {"paired_low": own - spread, "paired_high": own + spread}
            rows.append(row)
    numbers = ["effect", "low", "high", "p", "paired", "paired_low", "paired_high"]
    return _frame(rows, VALUES, numbers)


def _frame(rows: list[dict[str, object]], columns: list[str], numbers: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(numbers, float))
    # As objects: what has no value has None, and a whole number stays whole.
    for column in ("label", "best", "worst", "value", "against"):
        if column in columns:
            cells = [row.get(column) for row in rows]
            frame[column] = pd.Series(cells, index=frame.index, dtype=object)
    return frame
