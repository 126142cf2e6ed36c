"""The table of trials, which a reader filters and sorts, and whose rows appear under the pointer.

The page has it once, column by column with each distinct value once: so a table of thousands of
trials is small, and a filter looks at few texts.
"""

import math
from collections.abc import Iterable
from typing import Any

from results.database.models import BASELINE, Trial, TrialState
from results.ranking.stopped import scheduler_of, stopped_by
from results.report.contents import Findings
from results.report.figures import over_images
from results.report.style import STATES, parameter_text
from results.varied import AS_SAMPLED, shown_columns
from sedn import page
from sedn.measures import COSTS
from sedn.style import count_of, duration, interval_text

MOST_OF_LINE = 200
"""Characters of why a trial is not complete."""

Value = tuple[str, float | None]
"""A cell's text, and the number by which it is sorted; ``None``: by the text."""


def trials_section(findings: Findings) -> str:
    """The section of the page."""
    text = (
        "Click a head to sort. Several words in the filter must all be in a row. A value is that "
        "of the configuration in canonical form; what was sampled stands beside it where that was "
        "written otherwise."
    )
    if len(findings.listed) < findings.number:
        text += (
            f" Of {findings.number:,} trials {len(findings.listed):,} are listed: the best and an "
            f"even choice of the others."
        )
    if not findings.listed:
        return page.section("trials", "Trials", "No trial has started yet.", "")
    states = "".join(f"<option>{page.text(name)}</option>" for name in STATES.values())
    content = (
        '<div class="filters"><label>Filter <input type="search" id="trials-words" '
        'placeholder="stage1 gate"></label>'
        f'<label>State <select id="trials-state"><option value="">any</option>{states}</select>'
        '</label><output id="trials-count" aria-live="polite"></output>'
        '<button type="button" data-csv="trials">Data as CSV</button></div>'
        '<div class="scroll" tabindex="0" role="group" aria-label="Table of trials">'
        '<table id="trials-table"></table></div>'
        '<p class="more"><button type="button" id="trials-more">Show 50 more</button></p>'
        f"{page.embedded(columns(findings), 'trials-data')}"
        f"<noscript>The table needs JavaScript: "
        f"{count_of(len(findings.listed), 'trial')}.</noscript>"
    )
    return page.section("trials", "Trials", text, content)


def columns(findings: Findings) -> list[dict[str, Any]]:
    """The columns of the table, each with its name, its distinct values and each row's value."""
    trials = findings.listed
    made = [
        _column("trial", ((str(trial.number), trial.number) for trial in trials), right=True),
        _column("state", ((_state(trial), None) for trial in trials)),
        _column("mean AUC", _reached(findings)),
        _column("epoch", ((f"{t.epochs} of {t.target_epochs}", t.epochs) for t in trials)),
        _column("training", ((duration(t.seconds), round(t.seconds)) for t in trials), right=True),
    ]
    for name in findings.costs:
        values = [trial.cost(name) for trial in trials]
        if any(value is not None for value in values):
            cells = ((COSTS[name].write(value), value) for value in values)
            made.append(_column(COSTS[name].header, cells, right=True))
    paths = shown_columns([str(path) for path in findings.varied.columns])
    made += [_column(path, _parameter(findings, path)) for path in paths]
    why = [(_why(trial, scheduler_of(findings.experiment)), None) for trial in trials]
    if any(text for text, _ in why):
        made.append(_column("why it is not complete", why) | {"long": True})
    return made


def _column(name: str, cells: Iterable[Value], *, right: bool = False) -> dict[str, Any]:
    found: dict[Value, int] = {}
    codes = [found.setdefault(cell, len(found)) for cell in cells]
    keys = [key for _, key in found]
    column: dict[str, Any] = {"name": name, "values": [text for text, _ in found], "codes": codes}
    if any(key is not None for key in keys):
        column["keys"] = [
            key if key is None or not math.isfinite(key) else float(f"{key:.6g}") for key in keys
        ]
    return column | ({"right": True} if right else {})


def _state(trial: Trial) -> str:
    return STATES[trial.state] + (", baseline" if trial.role == BASELINE else "")


def _reached(findings: Findings) -> list[Value]:
    trials = findings.listed
    means = [math.nan if trial.mean_auc is None else trial.mean_auc for trial in trials]
    ends = over_images(findings, means, [trial.mean_auc_stderr for trial in trials])
    return [
        (interval_text(mean, *end), None if mean != mean else mean)
        for mean, end in zip(means, ends.tolist(), strict=True)
    ]


def _parameter(findings: Findings, path: str) -> list[Value]:
    """Values of a parameter, with what was sampled where that was another one."""
    values = findings.varied[path]
    sampled = findings.varied.get(path + AS_SAMPLED)
    cells = []
    for trial in findings.listed:
        value = values[trial.number]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        text = parameter_text(value, None if sampled is None else sampled[trial.number])
        cells.append((text, float(value) if is_number else None))
    return cells


def _why(trial: Trial, scheduler: str) -> str:
    """Why a trial is not complete, in a line."""
    if trial.state is TrialState.PRUNED:
        return stopped_by(trial, scheduler)[:MOST_OF_LINE]
    if trial.state is not TrialState.FAILED:
        return ""
    first = (trial.reason or "no reason was recorded").split("\n")[0]
    return f"{trial.cause or 'error'}: {first}"[:MOST_OF_LINE]
