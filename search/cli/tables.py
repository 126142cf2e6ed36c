"""Results as tables for a terminal."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from results.held_out import measured_on
from results.varied import AS_SAMPLED, shown_columns
from sedn.measures import find_measure
from sedn.metrics import temperature_warning
from sedn.style import (
    difference_text,
    gain_text,
    interval_text,
    number_text,
    one_line,
    ratio_text,
    share_text,
    short_text,
)

if TYPE_CHECKING:
    from results import Goals
    from results.columns import Columns
    from sedn.run.comparison import PairedAuc, RunComparison
    from sedn.run.summary import RunSummary

HIDDEN = {"low", "high"}


def experiments_table(rows: Sequence[Mapping[Any, Any]], shown: str) -> Table:
    """The experiments of a database, with a row for each.

    Args:
        rows: as :func:`results.overview` gives them, and whether each is searched now.
        shown: the database.
    """
    from results.experiment_list import short_data

    table = titled_table(f"Experiments in {shown}")
    # So that eighty columns hold it.
    table.padding = (0, 1, 0, 0)
    table.add_column("experiment", min_width=8, overflow="fold")
    for title, side in (("state", "left"), ("trials", "right"), ("best AUC", "right")):
        table.add_column(title, justify="right" if side == "right" else "left", no_wrap=True)
    table.add_column("data", overflow="fold")
    has_tags, has_notes = any(row["tags"] for row in rows), any(row["note"] for row in rows)
    if has_tags:
        table.add_column("tags", overflow="fold")
    if has_notes:
        table.add_column("note", overflow="fold")
    for row in rows:
        cells = [one_line(row["name"]), _state(row), _trials(row), number_text(row["best_auc"])]
        cells.append(one_line(short_data(row["data"])))
        cells += [" ".join(map(one_line, row["tags"]))] if has_tags else []
        cells += [" ".join((row["note"] or "").split())] if has_notes else []
        table.add_row(*cells)
    return table


def _state(row: Mapping[Any, Any]) -> str:
    """The state of an experiment in a word or two."""
    if row["searching"]:
        return "searching"
    ended = row["trials"] - row["running"]
    return "ended" if row["asked"] and ended >= row["asked"] else "not ended"


def _trials(row: Mapping[Any, Any]) -> str:
    """Trials that have ended, of the number of trials that the experiment has in the end."""
    ended = row["trials"] - row["running"]
    return f"{ended}/{row['asked']}" if row["asked"] else str(ended)


def ranking_table(frame: "Columns", name: str, goals: "Goals", folds: int | None = None) -> Table:
    """The ranking of an experiment, one configuration a row; `--json` has all of it.

    What the search has for objectives and constraints beside AUC has columns of its own. The size
    has one where there is room.
    """
    table = titled_table(f"{name}: configurations by mean AUC {measured_on(folds)}")
    known, measures = ["rank", "trial", "mean_auc", "gain"], _measures(goals)
    if sum(one not in known for one in measures) <= 1:
        known.append("parameters")
    columns = list(dict.fromkeys([*known, *measures]))
    for column in columns:
        table.add_column(_head(column), justify="right", no_wrap=True)
    table.padding = (0, 1, 0, 0)
    # A word that is too long is broken, not cut: it may be a backbone's name.
    table.add_column("configuration", overflow="fold")
    from results.ranking.leaders import varied_columns

    varied = shown_columns(varied_columns(frame.names))
    for row in frame.records():
        is_baseline = row["role"] == "baseline"
        setting = " · ".join(_setting(path, row) for path in varied if row[path] is not None)
        cells = {column: _cell(row, column) for column in columns}
        if row.get("tied") and row["rank"] > 1:
            cells["rank"] = f"≈{cells['rank']}"
        cells["rank"] += "†" if row["pareto"] and len(goals.objectives) > 1 else ""
        cells["trial"] += "" if row["feasible"] else "*"
        table.add_row(
            *cells.values(),
            f"baseline: {setting}" if is_baseline else setting,
            style="cyan" if is_baseline else None,
        )
    table.caption = _ranking_caption(frame, goals)
    table.caption_justify = "left"
    return table


def stopped_table(frame: "Columns", name: str, ranked: int, folds: int | None = None) -> Table:
    """The trials that were stopped early, with a row for each.

    Args:
        frame: as :func:`results.ranking.stopped.stopped_trials` gives it.
        name: the experiment.
        ranked: number of configurations in the ranking.
        folds: of the search.
    """
    from results.ranking.stopped import place

    table = titled_table(
        f"{name}: trials that were stopped early, by their best mean AUC {measured_on(folds)}"
    )
    for title in ("trial", "mean AUC [95 %]", "epoch"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("place", no_wrap=True)
    table.add_column("why it was stopped", overflow="fold")
    for row in frame.records():
        table.add_row(
            str(row["trial"]),
            _cell(row, "mean_auc"),
            f"{row['best_epoch']} of {row['target_epochs']}",
            place(row["better"], ranked),
            row["stopped_by"],
        )
    return table


def _head(column: str) -> str:
    """The header of a column of the ranking."""
    measure = find_measure(column)
    if column == "mean_auc" or measure is None:
        return _title(column)
    return measure.header


def _measures(goals: "Goals") -> list[str]:
    """The measures that are objectives or constraints of the search."""
    of_objectives = [objective.measure for objective in goals.all_objectives]
    bounded = [constraint.measure for constraint in goals.constraints]
    return list(dict.fromkeys([*of_objectives, *bounded]))


def _ranking_caption(frame: "Columns", goals: "Goals") -> str | None:
    """Explain the marks in the ranking."""
    lines = []
    if "tied" in frame and any(frame["tied"][frame["rank"] > 1]):
        lines.append("≈ May be the best as well.")
    if len(goals.objectives) > 1:
        lines.append(f"† On the front of {', '.join(goals.objectives)}.")
    if not frame["feasible"].all():
        bounds = " or ".join(constraint.text for constraint in goals.constraints)
        lines.append(f"* Violates {bounds}.")
    if (frame["replicates"] > 1).any():
        lines.append("A configuration with several seeds stands at their mean.")
    return "\n".join(lines) or None


def labels_table(frame: "Columns", name: str, folds: int | None = None) -> Table:
    """The labels of an experiment, with a row for each."""
    table = titled_table(f"{name}: labels {measured_on(folds)}")
    # So that eighty columns hold it.
    table.padding = (0, 0, 0, 0)
    shown = [column for column in frame.names if column not in HIDDEN]
    table.add_column(_title("label"), min_width=8, overflow="fold")
    for column in shown[1:]:
        table.add_column(_title(column), justify="right", no_wrap=True)
    for row in frame.records():
        table.add_row(*(_cell(row, column) for column in shown))
    return table


def test_table(summary: "RunSummary", name: str) -> Table:
    """A run on the test split: AUC per label and in the mean, and what is right at thresholds."""
    table = titled_table(f"{name}: the test split")
    # So that eighty columns hold it.
    table.padding = (0, 0, 0, 0)
    table.add_column("label", min_width=8, overflow="fold")
    for title in ("AUC [95 %]", "threshold", "F1", "precision", "recall", "images"):
        table.add_column(title, justify="right", no_wrap=True)
    for label, score in summary.label_scores.items():
        mark = "*" if label in summary.undecided_labels else ""
        table.add_row(
            one_line(label),
            summary.label_text(label),
            f"{number_text(score.threshold, 3)}{mark}",
            *(ratio_text(value) for value in (score.f1, score.precision, score.recall)),
            str(score.positives),
        )
    table.add_section()
    table.add_row("mean", summary.mean_text, style="bold")
    table.caption = _test_caption(summary)
    table.caption_justify = "left"
    return table


def _test_caption(summary: "RunSummary") -> str:
    """Explain what the table of the test split is computed from."""
    whose = "validation's" if summary.folds is None else f"those of the {summary.folds} folds"
    lines = [
        f"Calibration error {share_text(summary.calibration_error)}, "
        f"{share_text(summary.calibration_error_scaled)} at temperature {summary.temperature:.3f}. "
        f"Temperature and thresholds are {whose}; images are those with the label.",
        "Intervals cover the choice of the test images, not of the seed: this is one training.",
    ]
    if warning := temperature_warning(summary.temperature):
        lines.append(warning)
    if summary.undecided_labels:
        lines.append("* Validation lacks images with or without this label; its threshold is 0.5.")
    return "\n".join(lines)


def comparison_table(comparison: "RunComparison", name: str, other: str) -> Table:
    """Two runs side by side on the same test images, with the paired difference."""
    table = titled_table(f"AUC on the test split: {name} beside {other}")
    table.add_column("label")
    for title in (name, other, "difference ± 95 %", "relative gain"):
        table.add_column(one_line(title), justify="right")
    for row in comparison.rows:
        table.add_row(*_compared(row))
    table.add_section()
    table.add_row(*_compared(comparison.mean), style="bold")
    return table


def _compared(row: "PairedAuc") -> tuple[str, ...]:
    return (
        one_line(row.label),
        number_text(row.auc),
        number_text(row.other),
        difference_text(row.difference, row.difference_stderr),
        gain_text(row.gain),
    )


def titled_table(title: str) -> Table:
    """Create an empty table in the style of all commands."""
    return Table(
        title=one_line(title),
        title_justify="left",
        title_style="bold",
        header_style="dim",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )


def _setting(path: str, row: Mapping[Any, Any]) -> str:
    """A parameter and its value, for a person, and what was sampled where that was another one;
    the name is left out where the value says it.
    """
    group, _, name = path.rpartition(".")
    shown, sampled = _short(row[path]), row.get(path + AS_SAMPLED)
    if sampled is not None:
        shown += f" (sampled {_short(sampled)})"
    if path in ("backbone.name", "embedding.placement") and shown != "none":
        return shown
    return f"{group if name == 'kind' else name} {shown}".replace("_", " ", 1)


def _short(value: Any) -> str:
    return short_text(value, 2) if isinstance(value, float) else one_line(value)


def _title(column: str) -> str:
    return {
        "auc": "AUC [95 %]",
        "mean_auc": "mean AUC [95 %]",
        "prevalence": "share",
        "positives": "count",
    }.get(column, column.replace("_", " "))


def _cell(row: Mapping[Any, Any], column: str) -> str:
    value = row[column]
    if value is None or value != value:
        return "–"
    if column in ("mean_auc", "auc"):
        return interval_text(value, row["low"], row["high"])
    if column == "gain":
        return gain_text(value)
    if column == "prevalence":
        return share_text(value)
    if measure := find_measure(column):
        return measure.write(value)
    if column == "baseline":
        return number_text(value)
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and value else short_text(value)
    return one_line(value)
