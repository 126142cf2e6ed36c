"""The note of a study in Optuna's dashboard: the answer in words, and what it rests on."""

from typing import Any

from results.confirmation import Confirmed
from results.confirmed import gain_interval_text
from results.database.models import BASELINE
from results.held_out import measured_on
from results.report.answer import find_answer
from results.report.contents import Findings
from results.report.ranking import trial_name
from results.report.style import BEST_OF_MANY, parameter_text
from results.varied import AS_SAMPLED, shown_columns
from search.dashboard.markdown import command, paragraphs, shown, table
from sedn.style import duration, gain_text, interval_text, number_text, share_text

MOST_ROWS = 10
"""Configurations in the table."""
MOST_COLUMNS = 6
"""Parameters in the table."""
MOST_LABELS = 30
"""Labels in the table."""
MOST_FAILURES = 5
"""Reasons of failures."""


def study_note(findings: Findings, confirmed: tuple[Confirmed, ...] = ()) -> str:
    """A search in words and tables, as Markdown.

    Args:
        findings: of the experiment.
        confirmed: what its newest confirmation found, the baseline first.
    """
    answer = find_answer(findings)
    return paragraphs(
        f"# {shown(findings.experiment.name)}",
        "\n".join(f"- {shown(line)}" for line in answer.lines),
        _what(findings),
        _leaders(findings),
        _confirmed(confirmed, findings.experiment.folds),
        _labels(findings),
        _failures(findings),
        "## What to do next",
        *(
            paragraphs(f"{shown(what[:1].upper() + what[1:])}:", command(line))
            for line, what in answer.commands
        ),
    )


def _what(findings: Findings) -> str:
    """What is searched, and on what data."""
    experiment = findings.experiment
    axes = [str(path) for path in findings.varied.columns]
    sampler, scheduler = (
        str(experiment.settings.get(key, "not known")) for key in ("sampler", "scheduler")
    )
    rows = [
        ["data", shown(experiment.data_path)],
        ["labels", str(len(findings.labels))],
        ["space", shown(experiment.space_name)],
        ["varied", shown(", ".join(shown_columns(axes)) or "nothing yet")],
        ["objectives", shown(", ".join(goal.title for goal in findings.goals.all_objectives))],
        ["sampler, scheduler", shown(f"{sampler}, {scheduler}")],
    ]
    if findings.goals.constraints:
        rows.append(["bounds", shown(" and ".join(one.text for one in findings.goals.constraints))])
    if experiment.note:
        rows.append(["note", shown(experiment.note)])
    return paragraphs("## What is searched", table(["", ""], rows))


def _leaders(findings: Findings) -> str:
    """The first of the ranking, and the baseline; ≈ marks those that may be the best."""
    ranked = findings.ranked
    if ranked.empty:
        return "No trial has been trained to its last epoch yet."
    shown_rows = ranked[(ranked["rank"] <= MOST_ROWS) | (ranked["role"] == BASELINE)]
    columns = shown_columns([str(path) for path in findings.varied.columns])[:MOST_COLUMNS]
    rows = [
        [
            f"≈{row['rank']}" if row["tied"] and row["rank"] > 1 else str(row["rank"]),
            trial_name(row),
            interval_text(row["mean_auc"], row["low"], row["high"]),
            gain_text(row["gain"]),
            *(shown(parameter_text(row[path], row.get(path + AS_SAMPLED))) for path in columns),
            duration(row["seconds"]),
        ]
        for row in shown_rows.to_dict("records")
    ]
    names = [shown(path.replace("_", " ").replace(".", " ")) for path in columns]
    heads = ["rank", "trial", "mean AUC [95 %]", "gain", *names, "training"]
    written = table(heads, rows, right=["gain", "training"])
    return paragraphs("## Leading configurations", _set(findings), written)


def _set(findings: Findings) -> str:
    """The confidence set of the best configuration."""
    ranked = findings.ranked
    tied = [int(row["trial"]) for row in ranked.to_dict("records") if row["tied"]]
    number = sum(findings.standing.tied.values())
    if number < 2:
        return ""
    named = ", ".join(str(trial) for trial in tied[:MOST_ROWS])
    more = f" and {number - len(tied[:MOST_ROWS])} more" if number > len(tied[:MOST_ROWS]) else ""
    return f"≈: may be the best as well as the first (95 %): trials {named}{more}."


def _confirmed(confirmed: tuple[Confirmed, ...], folds: int | None) -> str:
    """The newest confirmation: on validation, and on the test split where there is one."""
    if not confirmed:
        return ""
    has_test = all(one.test is not None for one in confirmed)
    where = "on the test split" if has_test else measured_on(folds)
    heads, rows = confirmed_table(confirmed)
    return paragraphs(f"## Confirmed {where}", table(heads, rows, right=heads[1:]))


def confirmed_table(confirmed: tuple[Confirmed, ...]) -> tuple[list[str], list[list[str]]]:
    """Heads and cells, as Markdown, of a confirmation on the test split; on validation where there
    is none.
    """
    rows = []
    for one in confirmed:
        score = one.test or one.validation
        rows.append(
            [
                shown(one.title),
                interval_text(score.mean_auc, score.low, score.high),
                "–" if score.gain is None else gain_interval_text(score),
                share_text(score.probability_best, 0),
            ]
        )
    return ["configuration", "mean AUC [95 %]", "difference [95 %]", "P(best)"], rows


def _labels(findings: Findings) -> str:
    """The best configuration of each label by itself."""
    frame = findings.by_label
    if findings.ranked.empty or frame.empty:
        return ""
    rows = [_label_row(row) for row in frame.head(MOST_LABELS).to_dict("records")]
    of_all = f", {MOST_LABELS} of {len(frame)}" if len(frame) > MOST_LABELS else ""
    heads = ["label", "positives", "best trial", "AUC [95 %]", "baseline", "gain"]
    return paragraphs(
        f"## The best for each label{of_all}", BEST_OF_MANY, table(heads, rows, right=heads[1:])
    )


def _label_row(row: dict[Any, Any]) -> list[str]:
    known = row["auc"] == row["auc"]
    return [
        shown(row["label"]),
        str(row["positives"]),
        str(row["trial"]) if known else "–",
        interval_text(row["auc"], row["low"], row["high"]) if known else "no AUC",
        number_text(row["baseline"]),
        gain_text(row["gain"]),
    ]


def _failures(findings: Findings) -> str:
    rows = [
        [shown(one.first_line or "no reason was recorded"), str(len(one.numbers))]
        for one in findings.failures[:MOST_FAILURES]
    ]
    if not rows:
        return ""
    return paragraphs("## Failures", table(["reason", "trials"], rows, right=["trials"]))
