"""The trials that failed, by their cause and the first line of the reason."""

from results.database.models import Trial
from results.report.contents import MOST_FAILURES, Findings
from results.report.style import value_text
from sedn import page

MOST_OF_REASON = 10_000
"""Characters of the reason of a trial that failed."""
MOST_NUMBERS = 10
"""Trials named of those that failed alike."""


def failures_section(findings: Findings) -> str:
    """The section of the page."""
    failures = findings.failures
    if not failures:
        return page.section("failures", "Failures", "No trial has failed.", "")
    by_number = {trial.number: trial for trial in findings.trials}
    rows = [
        [
            page.text(by_number[one.numbers[0]].cause or "error"),
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
    table = page.table(["cause", "count", "trials", "reason"], rows, wide=["reason"])
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
