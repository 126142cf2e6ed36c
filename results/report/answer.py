"""The answer of a search in words: the progress, what to use, how certain the advice is, and the
next commands.

The page and the dashboard's note of a study both write what is found here.
"""

from dataclasses import dataclass
from shlex import quote
from typing import Any

from results.commands import export_command
from results.database.models import BASELINE, TrialState
from results.held_out import measured_on
from results.ranking.words import nothing_is_better
from results.report.contents import Findings
from results.report.style import STATES, parameter_text, value_text
from results.varied import AS_SAMPLED
from sedn import page
from sedn.measures import COSTS
from sedn.style import count_of, duration, gain_text, interval_text, number_text

MOST_FIELDS = 8
"""Parameters that a sentence names."""


@dataclass(frozen=True)
class Answer:
    """The answer, as plain text."""

    lines: tuple[str, ...]
    """Sentences, each line a thought."""
    commands: tuple[tuple[str, str], ...]
    """What can be done next: commands, each with what it does."""


def find_answer(findings: Findings) -> Answer:
    """The answer as far as the search has come."""
    lines = (
        *(_progress(findings), _use(findings), _against_baseline(findings)),
        *(*findings.ranking_summary, *findings.confirmation, _costs(findings)),
    )
    return Answer(tuple(line for line in lines if line), tuple(_next(findings)))


def answer_section(findings: Findings) -> str:
    """The first section of the page."""
    answer = find_answer(findings)
    paragraphs = "".join(page.paragraph(line) for line in answer.lines)
    commands = "".join(
        f"<li><code>{page.text(command)}</code>: {page.text(what)}</li>"
        for command, what in answer.commands
    )
    content = f"{paragraphs}<h3>What to do next</h3><ul>{commands}</ul>"
    return page.section("answer", "The answer", "", content)


def _progress(findings: Findings) -> str:
    ended = findings.number - findings.counts.get(TrialState.RUNNING, 0)
    asked = findings.experiment.settings.get("trials", findings.number)
    counts = [f"{findings.counts[s]} {STATES[s]}" for s in STATES if findings.counts.get(s)]
    epochs, seconds = findings.trained
    return (
        f"{ended} of {asked} trials have ended ({', '.join(counts) or 'none has begun'}); "
        f"{count_of(epochs, 'epoch')} took {duration(seconds)} of training."
    )


def _use(findings: Findings) -> str:
    best = findings.best
    if best is None:
        return "No trial has been trained to its last epoch yet: there is no answer yet."
    reached = interval_text(best["mean_auc"], best["low"], best["high"])
    where = measured_on(findings.experiment.folds)
    if not best["feasible"]:
        bounds = " and ".join(constraint.text for constraint in findings.goals.constraints)
        return (
            f"No configuration satisfies {bounds}: the highest, trial {best['trial']}, has mean "
            f"AUC {reached} {where}."
        )
    if best["role"] == BASELINE:
        return f"The plain backbone leads, with mean AUC {reached} {where}."
    highest = f"Trial {best['trial']} leads, with mean AUC {reached} {where}."
    if nothing_is_better(findings.standing):
        advice = "Use the plain backbone unless a confirmation says otherwise."
    elif findings.standing.better.get(best["config_hash"]):
        confirmed = "" if findings.confirmation else ", and confirm it first"
        advice = f"Use the configuration of rank 1{confirmed}."
    else:
        advice = ""
    return " ".join(line for line in (advice, highest, _fields(best)) if line)


def _against_baseline(findings: Findings) -> str:
    """What the first has over the baseline."""
    best, baseline = findings.best, findings.baseline
    if best is None or baseline is None or best["role"] == BASELINE:
        return ""
    plain = interval_text(baseline["mean_auc"], baseline["low"], baseline["high"])
    difference = number_text(best["mean_auc"] - baseline["mean_auc"], signed=True)
    return (
        f"The baseline, trial {baseline['trial']}, has {plain}: the difference is {difference} "
        f"({gain_text(best['gain'])})."
    )


def _fields(row: dict[str, Any]) -> str:
    """The varied parameters of a configuration, with what was sampled where that was other."""
    fields = [
        f"{path.split('.')[-1].replace('_', ' ')} "
        f"{parameter_text(row[path], row.get(path + AS_SAMPLED))}"
        for path in row
        if "." in path and not path.endswith(AS_SAMPLED) and value_text(row[path]) != "–"
    ]
    more = ", …" if len(fields) > MOST_FIELDS else ""
    return f"Its parameters: {', '.join(fields[:MOST_FIELDS])}{more}." if fields else ""


def _costs(findings: Findings) -> str:
    """The cost of the first of the ranking."""
    best = findings.best
    if best is None:
        return ""
    costs = [f"training {duration(best['seconds'])}"]
    for name in findings.costs:
        text = COSTS[name].write(best.get(name))
        if text != "–":
            costs.append(f"{COSTS[name].title} {text}")
    return f"Cost of rank 1: {', '.join(costs)}."


def _next(findings: Findings) -> list[tuple[str, str]]:
    """Commands that go on from here, each with what it does."""
    own, store = findings.experiment.name, findings.store_words
    name = quote(own)
    if findings.best is None:
        return [(f"sedn status {name}{store}", "how far the search is")]
    if not findings.best["feasible"]:
        return [(f"sedn rank {name}{store}", "what each configuration reaches and costs")]
    confirm = (
        f"sedn confirm {name}{store}",
        "the leaders and the baseline on fresh seeds, and then once on the test split",
    )
    export = (
        export_command(own, store),
        "the configuration of rank 1 as a file, which sedn train takes",
    )
    return [export] if findings.confirmation else [confirm, export]
