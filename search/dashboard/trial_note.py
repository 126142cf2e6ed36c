"""The note and the attributes of a trial in Optuna's dashboard."""

from typing import Any

from results.commands import export_command
from results.database.models import BASELINE, TrialState
from results.report.style import STATES, value_text
from results.trial_facts import LabelResult, TrialFacts, cost_rows, reached_lines, sampled
from search.dashboard.markdown import code, command, paragraphs, shortened, shown, table
from search.failures import LAST_LINES
from sedn.style import interval_text, number_text, one_line

MOST_LABELS = 30
"""Labels in the table of a note."""
MOST_ATTRIBUTES = 20
"""Labels that have an attribute each, by which trials can be sorted: those of most positives."""
MOST_WITH_ALL = 1000
"""Trials from this number on have only their difference to the baseline and why they did not end
well: the dashboard reads all attributes of a study at once, and takes as long for one as for a
parameter."""
MOST_OF_LINE = 100
"""Characters of an attribute: the dashboard does not break its line."""
CHANGING = frozenset(
    {"outcome", "cause", "mean AUC [95 %]", "difference to the baseline", "worst label"}
)
"""Attributes that a trial may lose as it is opened again and ends otherwise."""


def trial_note(facts: TrialFacts) -> str:
    """A trial in words and tables, as Markdown."""
    trial = facts.trial
    role = "the baseline, " if trial.role == BASELINE else ""
    return paragraphs(
        f"# Trial {trial.number}: {role}{STATES[trial.state]}",
        _reached(facts),
        _failure(facts),
        _labels(facts),
        _configuration(facts),
        _cost(facts),
        "## Take its configuration",
        command(export_command(facts.experiment, facts.store_words, trial.number)),
    )


def trial_attributes(facts: TrialFacts) -> dict[str, Any]:
    """What the dashboard shows of a trial in columns; numbers where trials can be sorted by it."""
    trial = facts.trial
    is_early = trial.number < MOST_WITH_ALL
    attributes: dict[str, Any] = {}
    if is_early:
        attributes |= {"placement": facts.placement, **facts.costs}
    if trial.cause is not None:
        attributes["cause"] = trial.cause
    if facts.difference is not None:
        attributes["difference to the baseline"] = round(facts.difference, 6)
    if is_early or trial.state is not TrialState.COMPLETE:
        attributes["outcome"] = shortened(one_line(facts.outcome), MOST_OF_LINE)
    return attributes | (_more(facts) if is_early else {})


def _more(facts: TrialFacts) -> dict[str, Any]:
    """What trials have as long as these are not too many."""
    trial = facts.trial
    attributes: dict[str, Any] = {
        "epochs": f"{trial.epochs} of {trial.target_epochs}",
        "seconds": round(trial.seconds, 2),
    }
    if trial.mean_auc is not None:
        attributes["mean AUC [95 %]"] = interval_text(trial.mean_auc, facts.low, facts.high)
    if facts.labels:
        worst = min(facts.labels, key=lambda label: label.auc)
        attributes["worst label"] = (
            f"{number_text(worst.auc)} {shortened(one_line(worst.name), MOST_OF_LINE)}"
        )
    # Those of most positives are known best.
    often = sorted(facts.labels, key=lambda label: -label.positives)[:MOST_ATTRIBUTES]
    of_labels = [(shortened(one_line(label.name), MOST_OF_LINE), label.auc) for label in often]
    return attributes | {f"AUC {name}": round(auc, 6) for name, auc in of_labels}


def _reached(facts: TrialFacts) -> str:
    outcome = f"{facts.outcome[:1].upper()}{facts.outcome[1:]}".rstrip(".")
    return f"{shown(' '.join(reached_lines(facts)))}\n\n{shown(outcome)}."


def _failure(facts: TrialFacts) -> str:
    trial = facts.trial
    if trial.state is not TrialState.FAILED:
        return ""
    lines = (trial.reason or "").strip().splitlines()
    last = [shortened(line) for line in lines[-LAST_LINES:]]
    cut = f", the last {LAST_LINES} of {len(lines)} lines" if len(lines) > LAST_LINES else ""
    cause = f"## Cause: {shown(trial.cause or 'not known')}"
    return paragraphs(cause, f"What was recorded{cut}:" if last else "", *_block(last))


def _block(lines: list[str]) -> list[str]:
    return [code("\n".join(lines))] if lines else []


def _labels(facts: TrialFacts) -> str:
    if not facts.labels:
        return ""
    chosen = _chosen(facts.labels)
    of_all = "" if len(chosen) == len(facts.labels) else f", {len(chosen)} of {len(facts.labels)}"
    which = "those that differ most from the baseline" if facts.baseline else "the lowest"
    rows = [
        [
            shown(label.name),
            interval_text(label.auc, label.low, label.high),
            number_text(label.baseline),
            number_text(label.difference, signed=True),
        ]
        for label in chosen
    ]
    heads = ["label", "AUC [95 %]", "baseline", "difference"]
    if all(label.baseline is None for label in chosen):
        heads, rows = heads[:2], [row[:2] for row in rows]
    head = f"## Labels{of_all}"
    return paragraphs(
        head, f"Shown are {which}." if of_all else "", table(heads, rows, right=heads[1:])
    )


def _chosen(labels: tuple[LabelResult, ...]) -> list[LabelResult]:
    """All labels, or those that differ most from the baseline, in the order of the data."""
    if len(labels) <= MOST_LABELS:
        return list(labels)

    def weight(place: int) -> float:
        label = labels[place]
        return -label.auc if label.difference is None else abs(label.difference)

    places = sorted(range(len(labels)), key=weight, reverse=True)[:MOST_LABELS]
    return [labels[place] for place in sorted(places)]


def _configuration(facts: TrialFacts) -> str:
    rows = []
    for path, value, drawn in sampled(facts.trial):
        # A space may sample what is no field of the configuration.
        text = value_text(drawn if value is None else value)
        other = "" if value is None or value == drawn else value_text(drawn)
        rows.append([shown(path), shown(text), shown(other)])
    if not rows:
        return ""
    heads = ["parameter", "value", "sampled as"]
    if not any(row[2] for row in rows):
        heads, rows = heads[:2], [row[:2] for row in rows]
    return paragraphs("## Configuration", table(heads, rows))


def _cost(facts: TrialFacts) -> str:
    rows = [[name, shown(value)] for name, value in cost_rows(facts.trial, facts.costs)]
    return paragraphs("## Cost", table(["cost", "value"], rows))
