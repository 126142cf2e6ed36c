"""The ranking on the page, and where the trials stand that were stopped early."""

from typing import Any

import pandas as pd

from results.database.models import BASELINE
from results.held_out import measured_on
from results.ranking.stopped import place, unlisted_lines
from results.report.contents import MOST_ROWS, MOST_STOPPED, Findings
from results.report.style import NONE_COMPLETE, parameter_text
from results.varied import AS_SAMPLED, shown_columns
from sedn import page
from sedn.measures import COSTS
from sedn.style import duration, gain_text, interval_text


def ranking_section(findings: Findings) -> str:
    """The section of the page."""
    ranked = findings.ranked
    text = (
        "Configurations trained to their last epoch, by mean AUC over labels "
        f"{measured_on(findings.experiment.folds)}, with 95 % intervals; the dashed line is the "
        "baseline."
    )
    if ranked.empty:
        return page.section(
            "ranking", "Ranking", text, page.paragraph(NONE_COMPLETE) + _stopped(findings)
        )
    if constraints := findings.goals.constraints:
        bounds = " or ".join(constraint.text for constraint in constraints)
        text += f" Those that violate {bounds} come last, and are marked."
    shown = ranked[(ranked["rank"] <= MOST_ROWS) | (ranked["role"] == BASELINE)]
    if (ranked["replicates"] > 1).any():
        text += " A configuration with several seeds stands at their mean."
    if len(shown) < findings.number_ranked:
        text += f" Of {findings.number_ranked}, {len(shown)} are shown; `sedn rank` has them all."
    if (ranked["tied"].eq(True) & (ranked["rank"] > 1)).any():
        text += " ≈: may be the best as well as the first."
    content = _ranking_table(findings, shown) + _stopped(findings)
    return page.section("ranking", "Ranking", text, content)


def _stopped(findings: Findings) -> str:
    """The trials that were stopped early, the best first."""
    stopped = findings.stopped
    unlisted = "".join(page.paragraph(line) for line in unlisted_lines(findings.number_stopped))
    if stopped.empty:
        return f"<h3>Stopped early</h3>{unlisted}" if unlisted else ""
    text = (
        "Trials that were stopped early are not ranked. Their value is the highest mean AUC after "
        "any epoch; what a full training would have come to is not known."
    )
    if findings.number_stopped.listed > MOST_STOPPED:
        text += f" Of {findings.number_stopped.listed}, the {MOST_STOPPED} best are shown; "
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
    return f"<h3>Stopped early</h3>{page.paragraph(text)}{table}{unlisted}"


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
            page.text(trial_name(row)),
            page.text(interval_text(row["mean_auc"], row["low"], row["high"])),
            page.interval_bar(
                row["mean_auc"], row["low"], row["high"], (float(least), float(most)), mark
            ),
            page.text(gain_text(row["gain"])),
            *(page.text(parameter_text(row[path], row.get(path + AS_SAMPLED))) for path in varied),
            page.text(duration(row["seconds"])),
            *(page.text(COSTS[name].write(row[name])) for name in findings.costs),
        ]
        for row in rows
    ]
    marked = [i for i, row in enumerate(rows) if row["role"] == BASELINE]
    return page.table(
        [*heads, *costs], cells, right=["rank", "gain", *costs], broken=varied, marked=marked
    )


def trial_name(row: dict[Any, Any]) -> str:
    """The trial of a row of the ranking, with what is special about its configuration."""
    name = f"{row['trial']} baseline" if row["role"] == BASELINE else str(row["trial"])
    if row["replicates"] > 1:
        name += f" ({row['replicates']} seeds)"
    return name if row["feasible"] else f"{name}, violates a constraint"
