"""One self-contained page on an experiment: what was searched, what was found, what it cost."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from results.database.models import BASELINE, TrialState
from results.database.store import Store
from results.held_out import images_of, measured_on
from results.ranking.winner import Winner
from results.ranking.words import nothing_is_better
from results.report.answer import answer_section
from results.report.axes import axes_section
from results.report.calibration import calibration_section
from results.report.contents import Findings, read_findings
from results.report.errors import errors_section
from results.report.failures import failures_section
from results.report.figures import cost, history, learning_curves
from results.report.grid import placement_grid
from results.report.heat_map import label_heat_map
from results.report.origin import origin_section
from results.report.parallel import least_width, parallel_coordinates
from results.report.ranking import ranking_section
from results.report.side_by_side import Summary, read_summaries, summaries_section
from results.report.style import BEST_OF_MANY, NONE_COMPLETE, STATES
from results.report.time_spent import time_section
from results.report.trials_table import trials_section
from sedn import page
from sedn.files import write_text
from sedn.style import duration, gain_text, interval_text, number_text, share_text

ANCHORS = (
    *("answer", "ranking", "axes", "history", "curves", "parameters", "placement"),
    *("labels", "cost", "calibration", "errors", "failures", "time", "trials", "origin"),
)
"""Of the sections, in their order."""


def write_report(store: Store, name: str, output: Path, others: Sequence[str] = ()) -> None:
    """Write the page on experiment ``name``; the page needs no network and no other file.

    Raises:
        UserError: there is no such experiment, or the file cannot be written.
    """
    write_text(output, read_report(store, name, others).html())


def read_report(store: Store, name: str, others: Sequence[str] = ()) -> "Report":
    """Read the page on experiment ``name``, with ``others`` beside it.

    Raises:
        UserError: there is no such experiment.
    """
    names = list(dict.fromkeys((name, *others)))
    summaries = read_summaries(store, names) if len(names) > 1 else []
    return report_of(read_findings(store, name), summaries)


def render_report(findings: Findings) -> str:
    """The page as HTML."""
    return report_of(findings).html()


@dataclass(frozen=True)
class Report:
    """The page in its parts."""

    title: str
    parts: dict[str, str]
    """One element of HTML each, by its id: the header, the sections in their order, the footer."""

    def html(self, digests: Mapping[str, str] | None = None) -> str:
        """The whole page; with the ``digests`` of its parts it asks its server for newer ones."""
        names = ["trials.js"] if digests is None else ["trials.js", "live.js"]
        code = "".join((Path(__file__).parent / name).read_text("utf-8") for name in names)
        *sections, footer = list(self.parts.values())[1:]
        known = "" if digests is None else page.embedded(digests, "digests")
        return page.document(self.title, self.parts["header"], sections, footer + known, code=code)


def report_of(findings: Findings, summaries: Sequence[Summary] = ()) -> Report:
    """The page on what was found, with other experiments beside it where there are summaries."""
    sections = dict(zip(ANCHORS, _sections(findings), strict=True))
    if summaries:
        beside = {"experiments": summaries_section(findings, summaries)}
        sections = {"answer": sections["answer"]} | beside | sections
    parts = {
        "header": f'<div id="header">{_header(findings, sections)}</div>',
        **sections,
        "footer": f'<div id="footer">{_footer()}</div>',
    }
    return Report(f"{findings.experiment.name} – sedn", parts)


def _sections(findings: Findings) -> list[str]:
    """The sections in the order of :data:`ANCHORS`."""
    drawn = _drawn(findings)
    return [
        answer_section(findings),
        ranking_section(findings),
        axes_section(findings.importance, _studied(findings)),
        _history(findings, drawn),
        _curves(findings, drawn),
        _parameters(findings, drawn),
        _grid(findings),
        _labels(findings),
        _cost(findings, drawn),
        calibration_section(findings.scored, findings.not_scored),
        errors_section(findings),
        failures_section(findings),
        time_section(findings),
        trials_section(findings),
        origin_section(findings),
    ]


def _history(findings: Findings, drawn: str) -> str:
    """The section of the trials by number; ``drawn`` says which trials its figure has."""
    return page.section(
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
    )


def _curves(findings: Findings, drawn: str) -> str:
    """The section of the learning curves; ``drawn`` says which trials its figure has."""
    return page.section(
        "curves",
        "Learning curves",
        f"{_curve_of(findings.experiment.folds)}; bars are 95 % intervals over images. "
        "Triangles and dotted lines: where trials were stopped early; the pointer tells why."
        + drawn,
        page.figure(
            learning_curves(findings),
            "curves",
            "No trial has ended an epoch yet.",
            "Mean AUC of every trial by epoch",
        ),
    )


def _parameters(findings: Findings, drawn: str) -> str:
    """The section of parallel coordinates; ``drawn`` says which trials its figure has."""
    parallel = parallel_coordinates(findings)
    return page.section(
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
    )


def _cost(findings: Findings, drawn: str) -> str:
    """The section of AUC against costs; ``drawn`` says which trials its figure has."""
    return page.section(
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
    )


def _curve_of(folds: int | None) -> str:
    """What is drawn of an epoch."""
    if folds is None:
        return "Mean AUC on validation after each epoch"
    return (
        f"Mean AUC after each epoch: in the first of {folds} folds that of its network, from then "
        "on the mean over the folds whose network has ended"
    )


def _studied(findings: Findings) -> str:
    """The trials from which the effects of axes were estimated, where these are not all."""
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


def _header(findings: Findings, anchors: Iterable[str]) -> str:
    experiment = findings.experiment
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
    where = f"trial {row['trial']}{'' if row['feasible'] else ', violates a constraint'}"
    value, *interval = interval_text(row["mean_auc"], row["low"], row["high"]).split(" ", 1)
    if interval:
        where += f", 95 %: {interval[0]}"
    if expected is not None:
        where += f"; fresh images: {number_text(expected.expected)}"
    return value, where


def _difference(findings: Findings) -> str:
    best, baseline = findings.best, findings.baseline
    if not best or not baseline:
        return "the baseline is not trained yet"
    if best["role"] == BASELINE:
        return "the baseline is the best so far"
    difference = best["mean_auc"] - baseline["mean_auc"]
    where = measured_on(findings.experiment.folds)
    text = f"{number_text(difference, signed=True)} in mean AUC, {where}"
    return f"{text}; may be luck" if nothing_is_better(findings.standing) else text


def _grid(findings: Findings) -> str:
    grid = placement_grid(findings)
    return page.section(
        "placement",
        "Placement, fusion and ratio",
        "Mean AUC of the complete trials of each combination: rows are placements, columns are "
        "fusions with reduction ratios, the highest first. The other parameters differ between "
        "the cells, so a difference is a hint; `sedn importance` holds them alike.",
        page.figure(
            grid,
            "placement",
            "The placement, or both the fusion and the ratio, did not vary.",
            "Mean AUC by placement, fusion and reduction ratio",
            560,
        ),
    )


def _labels(findings: Findings) -> str:
    text = (
        "AUC of each label under the baseline and the best configurations in the mean. A label "
        f"without positive and negative {images_of(findings.experiment.folds)} has no AUC and "
        "takes no part in the mean."
    )
    content = page.figure(
        label_heat_map(findings), "labels", NONE_COMPLETE, "AUC by label and configuration", 760
    )
    heads = ["label", "prevalence", "positives", "best trial", "AUC [95 %]"]
    heads += ["baseline", "gain"]
    absent = "–" if findings.ranked.empty else "no AUC"
    rows = [_label_row(row, absent) for row in findings.by_label.to_dict("records")]
    table = page.table(heads, rows, right=heads[1:])
    content += f"<h3>The best for each label</h3>{page.paragraph(BEST_OF_MANY)}{table}"
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


def _footer() -> str:
    return f"<p>Written {datetime.now(UTC):%-d %B %Y, %H:%M} UTC.</p>"
