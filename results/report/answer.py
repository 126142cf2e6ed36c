"""The answer of a search in words: what to use, how sure that is, its cost, what comes next."""

from shlex import quote
from typing import Any

from results.database.models import BASELINE
from results.ranking.words import nothing_is_better
from results.report.contents import Findings
from results.report.style import duration, parameter_text, value_text
from results.varied import AS_SAMPLED
from sedn import page
from sedn.measures import COSTS
from sedn.style import gain_text, interval_text

MOST_FIELDS = 8
"""Parameters that a sentence names."""


def answer_section(findings: Findings) -> str:
    """The first section of the page."""
    lines = [_use(findings), *findings.said_of_ranking, *findings.confirmation, _costs(findings)]
    said = "".join(page.paragraph(line) for line in lines if line)
    commands = "".join(
        f"<li><code>{page.text(command)}</code>: {page.text(what)}</li>"
        for command, what in _next(findings)
    )
    content = f"{said}<h3>What to do next</h3><ul>{commands}</ul>"
    return page.section("answer", "The answer", "", content)


def _use(findings: Findings) -> str:
    best, baseline = findings.best, findings.baseline
    if best is None:
        return "No trial has been trained to its last epoch yet: there is no answer yet."
    reached = interval_text(best["mean_auc"], best["low"], best["high"])
    if best["role"] == BASELINE:
        return f"The plain backbone leads, with mean AUC {reached} on validation."
    gain = f", {gain_text(best['gain'])} against the baseline" if baseline else ""
    highest = f"Trial {best['trial']} has the highest mean AUC, {reached} on validation{gain}."
    if nothing_is_better(findings.standing):
        advice = "Use the plain backbone unless a confirmation says otherwise."
    elif findings.standing.better.get(best["config_hash"]):
        confirmed = "" if findings.confirmation else ", and confirm it first"
        advice = f"Use the configuration of rank 1{confirmed}."
    else:
        advice = ""
    return " ".join(line for line in (advice, highest, _fields(best)) if line)


def _fields(row: dict[str, Any]) -> str:
    """The varied parameters of a configuration, with what was sampled where that was other."""
    told = [
        f"{path.split('.')[-1].replace('_', ' ')} "
        f"{parameter_text(row[path], row.get(path + AS_SAMPLED) or None)}"
        for path in row
        if "." in path and not path.endswith(AS_SAMPLED) and value_text(row[path]) != "–"
    ]
    more = ", …" if len(told) > MOST_FIELDS else ""
    return f"Its parameters: {', '.join(told[:MOST_FIELDS])}{more}." if told else ""


def _costs(findings: Findings) -> str:
    """The cost of the first of the ranking."""
    best = findings.best
    if best is None:
        return ""
    told = [f"training {duration(best['seconds'])}"]
    for name in findings.costs:
        text = COSTS[name].write(best.get(name))
        if text != "–":
            told.append(f"{COSTS[name].title} {text}")
    return f"Cost of rank 1: {', '.join(told)}."


def _next(findings: Findings) -> list[tuple[str, str]]:
    """Commands that go on from here, each with what it does."""
    name = quote(findings.experiment.name)
    if findings.best is None:
        return [(f"sedn status {name}", "how far the search is")]
    confirm = (
        f"sedn confirm {name}",
        "the leaders and the baseline on fresh seeds, and then once on the test split",
    )
    export = (
        f"sedn export {name} --rank 1 -o {quote(findings.experiment.name + '.yaml')}",
        "the configuration of rank 1 as a file, which sedn train takes",
    )
    return [export] if findings.confirmation else [confirm, export]
