"""Importance of the axes in a few sentences."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from results.axes.importance import Importance, Part
from results.axes.trials import Basis
from sedn.style import number_text, one_line, share_text, short_text

MOST_NAMED = 4
"""Labels, or values, that a sentence names."""


def answer(importance: Importance, label: str | None = None) -> list[str]:
    """Describe which axes mattered for the mean AUC and for the labels, or for one ``label``
    alone.
    """
    if label is not None:
        return _of_outcome(importance.labels, importance, label)
    lines = _of_outcome(importance.mean, importance, None)
    return lines + _of_labels(importance)


def assumptions(importance: Importance) -> list[str]:
    """Describe what an answer assumes, and what stays unknown."""
    lines = [_compared(importance.basis)]
    part = importance.mean if importance.mean.effects else importance.labels
    if part.effects is None:
        return lines
    covered = (
        f"cover what other trainings and other images would show, the latter from the scores of "
        f"{part.read} complete trials"
        if part.read
        else "cover what other trainings would show on the same images, not other images"
    )
    lines.append(
        f"Intervals hold for all effects together; they {covered}. Effects are of one axis, the "
        "others held alike and averaged over: what two axes do only together is not looked for."
    )
    return lines


def value_name(value: Any) -> str:
    """A value of an axis in a few characters."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return short_text(value, 2) if isinstance(value, float) else one_line(value)


def _compared(basis: Basis) -> str:
    """Which trials are compared, and after which epoch."""
    stopped = f"{_count(basis.stopped, 'trial was', 'trials were')} stopped early"
    if basis.is_full:
        rest = f"; {stopped} and {'is' if basis.stopped == 1 else 'are'} left out of the mean"
        return f"Compared after the last epoch, {basis.last_epoch}{rest if basis.stopped else ''}."
    return (
        f"{stopped}, {basis.complete} trained to epoch {basis.last_epoch}: all are compared after "
        f"epoch {basis.epoch}, which nearly all reached; a full training may differ."
    )


def _of_outcome(part: Part, importance: Importance, label: str | None) -> list[str]:
    """Describe which axes mattered for the mean AUC, or for a label."""
    what = "the mean AUC" if label is None else f"label {one_line(label)}"
    if part.effects is None:
        return [_nothing(part, importance.basis)]
    axes, values = of_label(importance.axes, label), of_label(importance.values, label)
    mattered = axes[axes["matters"]].sort_values("share", ascending=False)
    count = len(part.sample.epochs)
    if mattered.empty:
        seen = part.effects.half_width[:, part.sample.names.index(label)]
        return [
            f"No axis is shown to matter for {what}: {count} configurations without any effect "
            f"would differ as much by luck. An effect beyond about "
            f"{number_text(float(np.nanmedian(seen)), 3)} would have been detected."
        ]
    names = _listed(_with_share(row) for row in mattered.to_dict("records"))
    lines = [f"{len(mattered)} of {len(axes)} axes mattered for {what}: {names}."]
    lines += [line for axis in mattered["axis"] if (line := _best_values(values, axis))]
    if len(mattered) < len(axes):
        lines.append("No effect of the other axes is shown.")
    return lines


def of_label(frame: pd.DataFrame, label: str | None) -> pd.DataFrame:
    """Select the rows of one label, or those of the mean AUC where ``label`` is ``None``."""
    return frame[frame["label"].isna() if label is None else frame["label"] == label]


def _with_share(row: dict[Any, Any]) -> str:
    share = f"{share_text(row['share'], 0)} of its variance"
    ends = f"[{share_text(row['share_low'], 0)}, {share_text(row['share_high'], 0)}]"
    return f"{row['axis']} ({share} {ends})"


def _best_values(values: pd.DataFrame, axis: str) -> str | None:
    """Describe the significant values of an axis."""
    own = values[(values["axis"] == axis) & values["significant"]]
    held = own[own["against"].notna()]
    chosen = (held if len(held) else own).sort_values("effect", ascending=False)
    if chosen.empty:
        return None
    against = chosen["against"].iloc[0]
    beside = "the average of its values" if against is None else value_name(against)
    listed = _listed(_with_effect(row) for row in chosen.to_dict("records"))
    return f"{axis}, against {beside}: {listed}."


def _with_effect(row: dict[Any, Any]) -> str:
    return f"{value_name(row['value'])} {effect_text(row['effect'], row['low'], row['high'])}"


def effect_text(effect: float | None, low: float | None, high: float | None) -> str:
    """A difference in AUC with its interval: ``+0.012 [+0.004, +0.020]``."""
    shown = number_text(effect, 3, signed=True)
    if low is None or high is None or low != low or high != high:
        return shown
    return f"{shown} [{number_text(low, 3, signed=True)}, {number_text(high, 3, signed=True)}]"


def shown_effects(values: "pd.DataFrame") -> list[dict[Any, Any]]:
    """The effects of each axis (and label) against one of the axis's values, where there are such
    and no effect is significant against the average alone; else those against the average.
    """
    rows: list[dict[Any, Any]] = []
    for _, own in values.groupby(["label", "axis"], sort=False, dropna=False):
        held = own[own["against"].notna()]
        by_average = held.empty or (own["significant"].any() and not held["significant"].any())
        rows += (own[own["against"].isna()] if by_average else held).to_dict("records")
    return rows


def _of_labels(importance: Importance) -> list[str]:
    """Which axes mattered for which labels."""
    part, axes = importance.labels, importance.axes[importance.axes["label"].notna()]
    if part.effects is None:
        # The lines on the mean AUC say the same, where no effect on the mean is estimated either.
        if importance.mean.effects is None:
            return []
        return [f"Labels: {_nothing(part, importance.basis)}"]
    mattered, count = axes[axes["matters"]], len(part.sample.names)
    if mattered.empty:
        return [f"Labels: no axis is shown to matter for any of {count}."]
    lines = []
    for axis, rows in mattered.groupby("axis", sort=False):
        own = importance.values[
            (importance.values["axis"] == axis) & importance.values["significant"]
        ]
        named = _listed(
            f"{one_line(label)} ({_strongest(own[own['label'] == label])})"
            for label in rows["label"]
        )
        lines.append(f"Labels: {axis} mattered for {len(rows)} of {count}: {named}.")
    return lines


def _strongest(own: pd.DataFrame) -> str:
    """The value with the largest significant effect on a label, against ``none`` where possible."""
    held = own[own["against"].notna()]
    chosen = held if len(held) else own
    row = chosen.iloc[int(np.argmax(chosen["effect"].abs()))]
    return f"{value_name(row['value'])} {number_text(row['effect'], 3, signed=True)}"


def _nothing(part: Part, basis: Basis) -> str:
    """Describe why no effect can be estimated."""
    count = len(part.sample.epochs)
    which = "complete trials" if basis.is_full else "trials"
    if part.design is None:
        if count < 2:
            return f"No effect can be estimated: {count} {which} with an AUC."
        return (
            f"No effect can be estimated: no axis differs among {_count(count, which[:-1], which)}."
        )
    axes = len(part.sample.axes)
    numbers = part.design.basis.shape[1]
    return (
        f"No effect can be estimated: {count} {which} of different configurations for "
        f"{_count(axes, 'axis', 'axes')}, which have {numbers} values to tell apart; "
        f"{part.missing} more are needed."
    )


def _listed(names: Iterable[str]) -> str:
    """Up to a few names, and how many there are beyond."""
    all_of_them = list(names)
    more = len(all_of_them) - MOST_NAMED
    shown = ", ".join(all_of_them[:MOST_NAMED])
    return f"{shown} and {more} more" if more > 0 else shown


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
