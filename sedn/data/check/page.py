"""The check of a data set as one self-contained page."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import plotly.graph_objects as go

from sedn import page
from sedn.data.check.check import DataCheck
from sedn.data.check.contact_sheet import CSS, contact_sheet, pair_sheet
from sedn.data.check.duplicates import BITS
from sedn.data.check.findings import Finding
from sedn.data.dataset import SPLITS
from sedn.files import write_text
from sedn.style import AXIS, BLUE, GREEN, SCALE, VERMILION, layout, plain, share_text

SPLIT_COLOURS = dict(zip(SPLITS, (BLUE, VERMILION, GREEN), strict=True))
SIZES = {"width": "width, pixels", "height": "height, pixels", "aspect": "width over height"}
MOST_LABELS = 60
"""A plot of more labels shows the most frequent."""
IN_SIGHT = 3
"""Places of a finding that are shown without a click."""
FINDING_CSS = """
.finding ul { margin: 2px 0 0 74px; padding: 0; list-style: none; font-size: 13.5px;
  color: var(--muted); overflow-wrap: anywhere; }
.finding details { margin-left: 74px; }
.finding { padding: 9px 0; border-top: 1px solid var(--grid); }
.finding b { display: inline-block; width: 74px; color: var(--warning); }
.finding.error b { color: var(--alarm); }
"""


def write_check_page(check: DataCheck, path: Path) -> None:
    """Write the page.

    Raises:
        UserError: ``path`` cannot be written.
    """
    write_text(path, check_page(check))


def check_page(check: DataCheck) -> str:
    """The page as HTML."""
    sections = [
        page.section("findings", "Findings", _verdict(check), _findings(check.findings)),
        _reading(check),
        page.section(
            "images",
            "Contact sheet",
            "Images as the network gets them, with the map laid over; every label is on one of "
            "them where there is room.",
            contact_sheet(check),
        ),
        _near_duplicates(check),
        page.section(
            "prevalence",
            "Labels",
            "The share of images that have a label, of those of which it is known.",
            page.figure(
                _prevalence(check), "prevalence", "There is no label.", "Prevalence by label"
            )
            + _labels(check),
        ),
        page.section(
            "together",
            "Labels together",
            "Of the images with the label of a row, the share that has that of a column too.",
            page.figure(
                _together(check), "together", "It takes two labels.", "Labels together", 560
            ),
        ),
        page.section("maps", "Sizes and maps", "Of the images that can be read.", _numbers(check)),
    ]
    now = f"{datetime.now(UTC):%-d %B %Y, %H:%M} UTC"
    name = check.subject.name
    return page.document(
        f"{name}: check", _header(check), sections, f"<p>Written {now}.</p>", CSS + FINDING_CSS
    )


def _header(check: DataCheck) -> str:
    subject, counts = check.subject, check.counts
    split_counts = ", ".join(f"{counts.splits[name].images:,} {name}" for name in SPLITS)
    errors = sum(finding.level == "error" for finding in check.findings)
    share = float((subject.targets == 1).sum() / max((~np.isnan(subject.targets)).sum(), 1))
    cards = [
        page.card("Images", f"{len(subject):,}", split_counts),
        page.card("Unreadable", f"{len(check.inspection.unreadable):,}", "images"),
        page.card("Labels", f"{len(subject.labels):,}", f"{share_text(share)} of entries positive"),
        page.card(
            "Regions",
            f"{len(subject.regions):,}",
            f"{share_text(float(subject.map_known.mean()), 0)} mapped",
        ),
        page.card("Errors", f"{errors}", "training would fail" if errors else "training can begin"),
        page.card("Warnings", f"{len(check.findings) - errors}", "worth a look"),
    ]
    return f'<h1>{page.text(subject.name)}</h1><div class="cards">{"".join(cards)}</div>'


def _verdict(check: DataCheck) -> str:
    if not check.findings:
        return "No errors, no warnings."
    splits = "its own" if check.subject.splits_given else "drawn, by group and by label"
    return f"Errors stop training; warnings do not. The splits are {splits}."


def _reading(check: DataCheck) -> str:
    if not check.subject.notes:
        return ""
    lines = "".join(f"<li>{page.text(line)}</li>" for line in check.subject.notes)
    lead = "What was taken for what; a `data.yaml` says otherwise."
    return page.section("reading", "How the data was read", lead, f"<ul>{lines}</ul>")


def _findings(findings: tuple[Finding, ...]) -> str:
    return "".join(
        f'<div class="finding {finding.level}"><b>{finding.level}</b>{page.text(finding.message)}'
        + _places(finding.where)
        + "</div>"
        for finding in findings
    )


def _places(where: tuple[str, ...]) -> str:
    """The first few in sight, all at a click."""
    lines = "".join(f"<li>{page.text(place)}</li>" for place in where[:IN_SIGHT])
    all_of_them = (
        page.folded(f"all {len(where):,}", "\n".join(where)) if len(where) > IN_SIGHT else ""
    )
    return f"<ul>{lines}</ul>{all_of_them}"


def _near_duplicates(check: DataCheck) -> str:
    if not check.near:
        return ""
    lead = (
        f"Left, an image of an earlier split; right, one much like it of a later. How many of the "
        f"{BITS} bits of their perceptual hashes differ is below; whether they show the same, the "
        f"eye must tell."
    )
    return page.section("near-duplicates", "Near duplicates", lead, pair_sheet(check))


def _order(check: DataCheck) -> list[int]:
    """Labels from the most to the least frequent in train."""
    return [int(i) for i in np.argsort(-check.counts.splits["train"].positives, kind="stable")]


def _prevalence(check: DataCheck) -> go.Figure | None:
    order = _order(check)[:MOST_LABELS]
    if not order:
        return None
    labels = [plain(check.subject.labels[i]) for i in order]
    figure = go.Figure(layout=layout(380, barmode="group", bargap=0.25))
    for name, split in check.counts.splits.items():
        figure.add_bar(
            x=labels,
            y=split.prevalence[order],
            name=name,
            marker={"color": SPLIT_COLOURS[name]},
            hovertemplate="%{x}: %{y:.1%}<extra>" + name + "</extra>",
        )
    return figure.update_yaxes(title="prevalence", tickformat=".0%", rangemode="tozero")


def _together(check: DataCheck) -> go.Figure | None:
    order = _order(check)[:MOST_LABELS]
    if len(order) < 2:
        return None
    pairs = np.asarray(check.counts.together)[np.ix_(order, order)].astype(float)
    shares = pairs / np.maximum(np.diag(pairs), 1)[:, None]
    np.fill_diagonal(shares, np.nan)
    labels = [plain(check.subject.labels[i]) for i in order]
    figure = go.Figure(layout=layout(180 + 22 * len(order), showlegend=False))
    figure.add_heatmap(
        x=labels, y=labels, z=shares, colorscale=SCALE, zmin=0, xgap=1, ygap=1,
        colorbar={"tickformat": ".0%", "thickness": 12},
        hovertemplate="of %{y}, %{z:.1%} have %{x}<extra></extra>",
    )  # fmt: skip
    return figure.update_yaxes(autorange="reversed", **AXIS)


def _labels(check: DataCheck) -> str:
    heads = ["label", *(f"{name}.{word}" for name in SPLITS for word in ("positives", "share"))]
    rows = []
    for i in _order(check):
        cells = [page.text(check.subject.labels[i])]
        for split in check.counts.splits.values():
            cells += [f"{split.positives[i]:,}", share_text(float(split.prevalence[i]))]
        rows.append(cells)
    return page.table(heads, rows, right=heads[1:])


def _numbers(check: DataCheck) -> str:
    heads = ["", "least", "median", "greatest", "mean", "empty maps"]
    rows = [
        [page.text(SIZES[name]), *(f"{value:,.4g}" for value in (s.least, s.median, s.greatest)),
         "", ""]
        for name, s in check.counts.sizes.items()
    ]  # fmt: skip
    rows += [
        [page.text(f"share of the image: {part.region}"), *(share_text(value) for value in (
            part.spread.least, part.spread.median, part.spread.greatest, part.mean)),
         f"{part.empty:,}"]
        for part in check.counts.coverage if part.spread
    ]  # fmt: skip
    return page.table(heads, rows, right=heads[1:])
