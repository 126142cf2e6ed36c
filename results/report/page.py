"""One self-contained page on an experiment: what was searched, what was found, what it cost."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from results.database.models import BASELINE, Trial, TrialState
from results.database.store import Store
from results.ranking.stopped import place
from results.ranking.winner import Winner
from results.ranking.words import nothing_is_better
from results.report.axes import axes_section
from results.report.contents import (
    MOST_FAILURES,
    MOST_ROWS,
    MOST_STOPPED,
    STATES,
    Findings,
    read_findings,
)
from results.report.figures import cost, history, learning_curves
from results.report.heat_map import label_heat_map
from results.report.parallel import least_width, parallel_coordinates
from results.report.style import duration, value_text
from results.report.trials_table import trials_section
from results.varied import AS_SAMPLED, shown_columns
from sedn import page
from sedn.files import write_text
from sedn.measures import COSTS
from sedn.style import gain_text, interval_text, number_text, share_text

MOST_OF_REASON = 10_000
"""Characters of the reason of a trial that failed."""
MOST_NUMBERS = 10
"""Trials named of those that failed alike."""
ANCHORS = (
    *("ranking", "axes", "history", "curves", "parameters", "labels", "cost", "failures"),
    *("trials",),
)
"""Of the sections, in their order."""
NONE_COMPLETE = "No trial has been trained to its last epoch yet."


def write_report(store: Store, name: str, output: Path) -> None:
    """Write the page on experiment ``name``; it needs no network and no other file.

    Raises:
        UserError: there is no such experiment, or the file cannot be written.
    """
    write_text(output, render_report(read_findings(store, name)))


def render_report(findings: Findings) -> str:
    """The page as HTML."""
    drawn = _drawn(findings)
    parallel = parallel_coordinates(findings)
    sections = [
        _ranking(findings),
        axes_section(findings.importance, _studied(findings)),
        page.section(
            "history",
            "Optimisation history",
            "Every trial in the order in which it was started. Trials that were stopped early or "
            "failed stand at the AUC of their last epoch." + drawn,
            page.figure(
                history(findings),
                "history",
                "No trial has ended an epoch yet.",
                "Mean AUC of every trial by its number",
            ),
        ),
        page.section(
            "curves",
            "Learning curves",
            "Mean AUC on validation after each epoch; bars are 95 % intervals over images." + drawn,
            page.figure(
                learning_curves(findings),
                "curves",
                "No trial has ended an epoch yet.",
                "Mean AUC of every trial by epoch",
            ),
        ),
        page.section(
            "parameters",
            "Parameters",
            "One line a trial, stronger where the mean AUC is higher; within a band the better "
            "trials lie higher. Grey: stopped early or still running. “–”: the parameter has no "
            "effect there." + drawn,
            page.figure(
                parallel,
                "parameters",
                "No parameter differs between trials.",
                "Parameters and mean AUC of every trial as parallel coordinates",
                least_width(parallel),
            ),
        ),
        _labels(findings),
        page.section(
            "cost",
            "Cost",
            "Filled points form the Pareto front: no configuration has a higher mean AUC at the "
            "same cost or less. Times compare only as far as the machines that trained were "
            "alike." + drawn,
            page.figure(
                cost(findings),
                "cost",
                NONE_COMPLETE,
                "Mean AUC against costs, with the Pareto fronts",
                240 * (1 + len(findings.costs)),
            ),
        ),
        _failures(findings),
        trials_section(findings),
    ]
    name = findings.experiment.name
    code = (Path(__file__).parent / "trials.js").read_text("utf-8")
    return page.document(
        f"{name} – sedn", _header(findings), sections, _footer(findings), code=code
    )


def _studied(findings: Findings) -> str:
    """Which trials told what mattered, where these are not all."""
    if findings.number_studied >= findings.number:
        return ""
    return (
        f" Found from {findings.number_studied:,} of {findings.number:,} trials, an even choice; "
        f"`sedn importance` takes all."
    )


def _drawn(findings: Findings) -> str:
    """Which trials a figure has, where these are not all."""
    if len(findings.trials) >= findings.number:
        return ""
    return (
        f" Of {findings.number:,} trials {len(findings.trials):,} are drawn: those of the "
        f"{findings.number_leading} best configurations, and of all trials an even choice."
    )


def _header(findings: Findings) -> str:
    experiment = findings.experiment
    anchors = (
        "ranking",
        "axes",
        "history",
        "curves",
        "parameters",
        "labels",
        "cost",
        "failures",
        "trials",
    )
    links = "".join(f'<a href="#{anchor}">{anchor.capitalize()}</a>' for anchor in anchors)
    cards = "".join(page.card(*facts) for facts in _key_facts(findings))
    text = (
        f"Data {experiment.data_path} · space {experiment.space_name} · "
        f"started {experiment.created_at:%-d %B %Y, %H:%M} UTC"
    )
    return (
        f'<div class="quiet">Report on a search</div>'
        f"<h1>{page.text(experiment.name)}</h1>"
        f'<div class="quiet">{page.text(text)}</div>'
        f'<div class="cards">{cards}</div><nav>{links}</nav>'
    )


def _key_facts(findings: Findings) -> list[tuple[str, str, str]]:
    """Name, value and note of each card."""
    best, baseline = findings.best, findings.baseline
    states = Counter(findings.counts)
    asked = findings.experiment.settings.get("trials", findings.number)
    ended = findings.number - states[TrialState.RUNNING]
    epochs, seconds = findings.trained
    text = [f"{states[state]} {name}" for state, name in STATES.items() if states[state]]
    return [
        ("Best mean AUC", *_reached(best, findings.standing.winner)),
        ("Baseline, the plain backbone", *_reached(baseline)),
        (
            "Gain over the baseline",
            gain_text(best["gain"] if best else None),
            _difference(findings),
        ),
        ("Trials", f"{ended} of {asked}", ", ".join(text) or "none yet"),
        ("Training time", duration(seconds), f"{epochs} epochs"),
        (
            "Labels",
            str(len(findings.labels)),
            _undefined(findings),
        ),
    ]


def _undefined(findings: Findings) -> str:
    undefined = int(findings.by_label["auc"].isna().sum())
    if findings.ranked.empty:
        return "no AUC yet"
    return f"{undefined} without an AUC" if undefined else "all with an AUC"


def _reached(row: dict[str, Any] | None, expected: Winner | None = None) -> tuple[str, str]:
    if row is None:
        return "–", "not trained to the last epoch yet"
    where = f"trial {row['trial']}"
    if row["low"] == row["low"]:
        where += f", 95 %: [{row['low']:.3f}, {row['high']:.3f}]"
    if expected is not None:
        where += f"; fresh images: {expected.expected:.3f}"
    return f"{row['mean_auc']:.3f}", where


def _difference(findings: Findings) -> str:
    best, baseline = findings.best, findings.baseline
    if not best or not baseline:
        return "the baseline is not trained yet"
    if best["role"] == BASELINE:
        return "the baseline is the best so far"
    difference = best["mean_auc"] - baseline["mean_auc"]
    said = f"{number_text(difference, 3, signed=True)} in mean AUC, on validation"
    return f"{said}; may be luck" if nothing_is_better(findings.standing) else said


def _ranking(findings: Findings) -> str:
    ranked = findings.ranked
    text = (
        "Configurations trained to their last epoch, by mean AUC over labels on the validation "
        "split, with 95 % intervals; the dashed line is the baseline."
    )
    if ranked.empty:
        return page.section(
            "ranking", "Ranking", text, page.paragraph(NONE_COMPLETE) + _stopped(findings)
        )
    if constraints := findings.goals.constraints:
        bounds = " and ".join(constraint.text for constraint in constraints)
        text += f" Those that violate {bounds} come last, and are marked."
    shown = ranked[(ranked["rank"] <= MOST_ROWS) | (ranked["role"] == BASELINE)]
    if (ranked["replicates"] > 1).any():
        text += " A configuration with several seeds stands at their mean."
    if len(shown) < findings.number_ranked:
        text += f" Of {findings.number_ranked}, {len(shown)} are shown; `sedn rank` has them all."
    if (ranked["tied"].eq(True) & (ranked["rank"] > 1)).any():
        text += " ≈: may be the best as well as the first."
    known = page.paragraph(" ".join(findings.said_of_ranking))
    if findings.confirmation:
        known += page.paragraph(" ".join(findings.confirmation))
    content = known + _ranking_table(findings, shown) + _stopped(findings)
    return page.section("ranking", "Ranking", text, content)


def _stopped(findings: Findings) -> str:
    """The trials that were stopped early, the best first."""
    stopped = findings.stopped
    if stopped.empty:
        return ""
    text = (
        "Trials that were stopped early are not ranked. Their value is the highest mean AUC after "
        "any epoch; what a full training would have come to is not known."
    )
    if findings.number_stopped > MOST_STOPPED:
        text += f" Of {findings.number_stopped}, the {MOST_STOPPED} best are shown; "
        text += "`sedn rank --stopped` has them all."
    heads = ["trial", "mean AUC", "epoch", "place", "why it was stopped"]
    rows = [
        [
            page.text(row["trial"]),
            page.text(interval_text(row["mean_auc"], row["low"], row["high"])),
            page.text(f"{row['best_epoch']} of {row['target_epochs']}"),
            page.text(place(row["better"], findings.number_ranked)),
            page.text(row["stopped_by"]),
        ]
        for row in stopped.head(MOST_STOPPED).to_dict("records")
    ]
    table = page.table(heads, rows, right=["trial"], wide=["why it was stopped"])
    return f"<h3>Stopped early</h3>{page.paragraph(text)}{table}"


def _ranking_table(findings: Findings, shown: pd.DataFrame) -> str:
    varied = shown_columns([str(path) for path in findings.varied.columns])
    heads = ["rank", "trial", "mean AUC", "95 % interval", "gain", *varied]
    costs = ["training", *(COSTS[name].header for name in findings.costs)]
    rows = shown.to_dict("records")
    least, most = shown[["mean_auc", "low"]].min().min(), shown[["mean_auc", "high"]].max().max()
    mark = findings.baseline["mean_auc"] if findings.baseline else None
    cells = [
        [
            page.text(f"≈{row['rank']}" if row["tied"] and row["rank"] > 1 else row["rank"]),
            page.text(_trial_name(row)),
            page.text(interval_text(row["mean_auc"], row["low"], row["high"])),
            page.interval_bar(
                row["mean_auc"], row["low"], row["high"], (float(least), float(most)), mark
            ),
            page.text(gain_text(row["gain"])),
            *(page.text(_parameter(row, path)) for path in varied),
            page.text(duration(row["seconds"])),
            *(page.text(COSTS[name].write(row[name])) for name in findings.costs),
        ]
        for row in rows
    ]
    marked = [i for i, row in enumerate(rows) if row["role"] == BASELINE]
    return page.table(
        [*heads, *costs], cells, right=["rank", "gain", *costs], broken=varied, marked=marked
    )


def _parameter(row: dict[Any, Any], path: str) -> str:
    """A parameter's value, and what was sampled where that was another one."""
    sampled = row.get(path + AS_SAMPLED)
    text = value_text(row[path])
    return text if sampled is None else f"{text} (sampled {value_text(sampled)})"


def _trial_name(row: dict[Any, Any]) -> str:
    name = f"{row['trial']} baseline" if row["role"] == BASELINE else str(row["trial"])
    if row["replicates"] > 1:
        name += f" ({row['replicates']} seeds)"
    return name if row["feasible"] else f"{name}, violates a constraint"


def _labels(findings: Findings) -> str:
    text = (
        "AUC of each label under the baseline and the best configurations in the mean. A label "
        "without positive and negative images in the validation split has no AUC and takes no "
        "part in the mean."
    )
    content = page.figure(
        label_heat_map(findings), "labels", NONE_COMPLETE, "AUC by label and configuration", 760
    )
    heads = ["label", "prevalence", "positives", "best trial", "AUC (95 % interval)"]
    heads += ["baseline", "gain"]
    absent = "–" if findings.ranked.empty else "no AUC"
    rows = [_label_row(row, absent) for row in findings.by_label.to_dict("records")]
    table = page.table(heads, rows, right=heads[1:])
    warning = (
        "The best configuration of each label by itself. The best of many is optimistic, the more "
        "so the fewer positives a label has: the interval does not know that it was chosen. It "
        "tells where to look, not what new images will show."
    )
    content += f"<h3>The best for each label</h3>{page.paragraph(warning)}{table}"
    return page.section("labels", "Labels", text, content)


def _label_row(row: dict[Any, Any], absent: str) -> list[page.Cell]:
    known = row["auc"] == row["auc"]
    cells = (
        row["label"],
        share_text(row["prevalence"]),
        row["positives"],
        row["trial"] if known else "–",
        interval_text(row["auc"], row["low"], row["high"]) if known else absent,
        interval_text(row["baseline"]) if row["baseline"] == row["baseline"] else "–",
        gain_text(row["gain"]),
    )
    return [page.text(cell) for cell in cells]


def _failures(findings: Findings) -> str:
    failures = findings.failures
    if not failures:
        return page.section("failures", "Failures", "No trial has failed.", "")
    by_number = {trial.number: trial for trial in findings.trials}
    rows = [
        [
            page.text(len(one.numbers)),
            page.text(_numbers(one.numbers)),
            page.text(one.first_line or "no reason was recorded")
            + page.folded(
                f"trial {one.numbers[0]} in full", _told(findings, by_number[one.numbers[0]])
            ),
        ]
        for one in failures[:MOST_FAILURES]
    ]
    failed = sum(len(one.numbers) for one in failures)
    text = f"{failed} of {findings.number} trials failed, for these reasons."
    if len(failures) > MOST_FAILURES:
        text += f" Of {len(failures)} reasons, the {MOST_FAILURES} most frequent are shown."
    table = page.table(["count", "trials", "reason"], rows, wide=["reason"])
    return page.section("failures", "Failures", text, table)


def _numbers(numbers: list[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:MOST_NUMBERS])
    more = len(numbers) - MOST_NUMBERS
    return f"{shown} and {more} more" if more > 0 else shown


def _told(findings: Findings, trial: Trial) -> str:
    """The parameters of a trial that failed, how far it came, and its reason."""
    parameters = findings.parameters_of(trial.number)
    lines = [f"{path}: {value_text(value)}" for path, value in parameters.items()]
    lines.append(f"epoch {trial.epochs} of {trial.target_epochs} on {trial.node or 'no node'}")
    return "\n".join([*lines, "", (trial.reason or "")[:MOST_OF_REASON]])


def _footer(findings: Findings) -> str:
    experiment = findings.experiment
    settings = "\n".join(f"{name}: {value}" for name, value in experiment.settings.items())
    now = f"{datetime.now(UTC):%-d %B %Y, %H:%M} UTC"
    images = experiment.skipped_images
    skipped = f"; {images} of its images could not be read and were left out" if images else ""
    return (
        f"<p>Written {now} from data with fingerprint {page.text(experiment.data_fingerprint)}"
        f"{skipped}.</p>"
        + page.folded("Settings of the search", settings)
        + page.folded("The space as it was searched", experiment.space_yaml)
    )
