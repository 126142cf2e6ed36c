"""`sedn data`: what is in a data set, and what is wrong with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from search.cli.command import Command, with_options
from search.cli.commands.data_init import init
from search.cli.console import open_terminal
from search.cli.data_fields import READING_FLAGS, Preparation, Reading, build_data
from search.cli.fields import takes
from search.cli.options import print_json
from search.exit_codes import WRONG_INPUT
from sedn.style import one_line, share_text

if TYPE_CHECKING:
    from sedn.data.check.check import DataCheck
    from sedn.data.check.counting import Counts

app = typer.Typer(no_args_is_help=True, help="Check a data set, or write its data.yaml.")
out = open_terminal()
err = open_terminal(stderr=True)
SHOWN = {"error": 12, "warning": 5}
"""Places of a finding by its level, and"""
LONGEST = 240
"""letters of a place, and"""
MOST_LABELS = 30
"""labels that a terminal shows; `--json` and the page have all."""


@app.callback()
def data() -> None:
    """Check a data set, or write its data.yaml."""


@app.command(cls=Command)
@takes(READING_FLAGS, preparation=Preparation, reading=Reading)
def check(
    context: typer.Context,
    path: Annotated[
        str, typer.Argument(metavar="DATA", help="An embedded data set, or the path of one.")
    ],
    preparation: dict[str, Any],
    reading: dict[str, Any],
    output: Annotated[
        Path | None, typer.Option("-o", help="Also write the result as a page of HTML.")
    ] = None,
    cache: Annotated[
        bool,
        typer.Option(
            "--cache",
            help="Compare every byte of the decoded images in the cache with their checksums; "
            "damaged images are removed and decoded again.",
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the whole result as JSON on stdout.")
    ] = False,
) -> None:
    """List all errors and warnings, with counts of images, labels and maps.

    The exit code is 2 if training on the data would fail.
    """
    from search.cli.images import ImageBar
    from sedn.data.check import check_data
    from sedn.data.loading import find_cache_damage

    config = build_data(path, preparation | reading, "data")
    with ImageBar(err) as bar:
        damage = find_cache_damage(config, bar.show) if cache else None
        checked = check_data(config, bar.show)
    if cache:
        text = f"{damage}; removed, the next use decodes again" if damage else "no byte is damaged"
        err.print(f"cache: {text}", soft_wrap=True)
    if output is not None:
        _write_page(checked, output)
    if as_json:
        print_json(checked.to_json())
    else:
        _show(checked, context.command.params)
    if not checked.trainable:
        raise typer.Exit(WRONG_INPUT)


app.command(cls=Command)(init)


def _write_page(checked: "DataCheck", output: Path) -> None:
    from sedn.data.check.page import write_check_page

    write_check_page(checked, output)
    err.print(f"Wrote {output}")


def _show(checked: "DataCheck", options: Sequence[Any]) -> None:
    subject, counts = checked.subject, checked.counts
    for line in subject.notes:
        out.print(with_options(line, options), soft_wrap=True)
    text = (
        f", {len(subject.labels):,} label{'s' * (len(subject.labels) != 1)}, "
        f"{len(subject.regions)} region{'s' * (len(subject.regions) != 1)}"
    )
    if subject.splits_given:
        splits = ", ".join(f"{split.images:,} {name}" for name, split in counts.splits.items())
        text += f"; splits of its own: {splits}"
    out.print(Text.assemble((f"{len(subject):,} images", "bold"), text), soft_wrap=True)
    _show_sizes(counts)
    out.print(_labels(checked))
    _show_findings(checked, options)
    errors = sum(finding.level == "error" for finding in checked.findings)
    out.print(
        Text(f"Training would fail: {errors} error{'s' * (errors != 1)}.", "bold red")
        if errors
        else Text("Training can begin.", "bold green")
    )


def _show_sizes(counts: "Counts") -> None:
    if sizes := counts.sizes:
        text = "; ".join(
            f"{name} {_number(s.least)} to {_number(s.greatest)}"
            if s.least < s.greatest
            else f"{name} {_number(s.least)}"
            for name, s in sizes.items()
        )
        out.print(f"sizes: {text}", soft_wrap=True)
    for part in counts.coverage:
        if part.spread:
            text = f"map: {part.region} covers {share_text(part.mean)} of an image in the mean"
            empty = f", nothing in {part.empty:,}" if part.empty else ""
            out.print(text + empty)


def _show_findings(checked: "DataCheck", options: Sequence[Any]) -> None:
    for finding in checked.findings:
        style = "bold red" if finding.level == "error" else "yellow"
        text = with_options(finding.message, options)
        out.print(Text.assemble((f"{finding.level}: ", style), text), soft_wrap=True)
        shown = finding.where[: SHOWN[finding.level]]
        for where in shown:
            out.print(f"    {_cut(where)}", soft_wrap=True)
        if len(finding.where) > len(shown):
            out.print(f"    and {len(finding.where) - len(shown):,} more")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:,.4g}"


def _cut(place: str) -> str:
    """A place in one line, without its middle where the place is long."""
    return place if len(place) <= LONGEST else f"{place[: LONGEST - 60]} … {place[-55:]}"


def _labels(checked: "DataCheck") -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="dim", pad_edge=False)
    table.add_column("label")
    for name in checked.counts.splits:
        table.add_column(name, justify="right")
    splits = checked.counts.splits.values()
    unknown = [
        sum(s.images - int(s.positives[k]) - int(s.negatives[k]) for s in splits)
        for k in range(len(checked.subject.labels))
    ]
    if any(unknown):
        table.add_column("unknown", justify="right")
    order = (-checked.counts.splits["train"].positives).argsort(kind="stable")
    for index in order[:MOST_LABELS]:
        cells = [
            f"{split.positives[index]:,}  {share_text(split.prevalence[index]):>6}"
            if split.prevalence[index] == split.prevalence[index]
            else "–"
            for split in checked.counts.splits.values()
        ]
        if any(unknown):
            cells.append(f"{unknown[index]:,}")
        table.add_row(one_line(checked.subject.labels[index]), *cells)
    if len(order) > MOST_LABELS:
        table.add_row(f"and {len(order) - MOST_LABELS} more", style="dim")
    return table
