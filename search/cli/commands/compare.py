"""`sedn compare`: two trials, configurations or runs on the same images."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from results.held_out import measured_on
from search.cli.console import open_terminal
from search.cli.options import (
    DEFAULT_STORE,
    JsonOption,
    MovedOption,
    StoreOption,
    known_rows,
    moved_storage,
    print_json,
)
from search.cli.reading import reads
from sedn.style import number_text, one_line

if TYPE_CHECKING:
    from results import Comparison

out = open_terminal()
err = open_terminal(stderr=True)


@reads
def compare(
    first: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="NAME:12 for a trial, NAME#1 for the configuration at a rank, NAME:baseline, NAME "
            "for the leader of an experiment, or the folder of a run.",
        ),
    ],
    second: Annotated[
        str | None,
        typer.Argument(metavar="B", help="What A is compared with; by default its baseline."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--html", help="Write a page with a picture to this file.")
    ] = None,
    storage_path: MovedOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Test whether A and B differ on the same images: in mean AUC, and per label."""
    from results import compare as compare_addresses
    from results import open_store
    from results.comparison.sides import is_of_experiment

    of_experiments = any(is_of_experiment(address) for address in (first, second) if address)
    opened = open_store(store) if of_experiments else None
    comparison = compare_addresses(opened, first, second, moved_storage(storage_path))
    if output is not None:
        from results.comparison.page import write_page

        write_page(comparison, output)
    if as_json:
        print_json(_as_json(comparison))
        return
    _print(comparison)
    if output is not None:
        err.print(f"Wrote {output}")


def _print(comparison: "Comparison") -> None:
    from results.comparison.words import answer, assumptions

    for line in answer(comparison):
        out.print(line, soft_wrap=True)
    out.print(_table(comparison))
    for line in assumptions(comparison):
        out.print(line, soft_wrap=True)


def _table(comparison: "Comparison") -> Table:
    """The table of labels, the smallest p first."""
    first, second = one_line(comparison.first.name), one_line(comparison.second.name)
    table = Table(
        title=f"A: {first}, {comparison.first.description}\n"
        f"B: {second}, {comparison.second.description}",
        title_justify="left",
        title_style="bold",
        header_style="dim",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    table.padding = (0, 1, 0, 0)
    table.add_column("label", overflow="fold", min_width=8)
    for title in ("count", "A", "B", "A less B [95 %]", "p (Holm)"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in sorted(comparison.by_label().records(), key=_by_p):
        style = "bold" if row["differs"] else None
        cells = _cells(row, row["p_holm"])
        table.add_row(one_line(row["label"]), str(row["positives"]), *cells, style=style)
    table.add_section()
    mean = comparison.mean()
    table.add_row("mean AUC", "", *_cells(mean, mean["p"]), style="bold")
    table.caption = (
        f"AUC {measured_on(comparison.folds)}; count: images with the label. Bold: differs, with "
        "all labels looked at together. The p of the mean is its own."
    )
    table.caption_justify = "left"
    return table


def _by_p(row: Mapping[str, Any]) -> tuple[bool, float, str]:
    """A label without a p comes last."""
    is_known = row["p"] == row["p"]
    return not is_known, row["p"] if is_known else 0.0, row["label"]


def _cells(row: Any, p: float) -> tuple[str, ...]:
    from results.comparison.words import difference, interval, p_text

    apart = f"{difference(row['difference'])} {interval(row['low'], row['high'])}".strip()
    return number_text(row["first"]), number_text(row["second"]), apart, p_text(p)


def _as_json(comparison: "Comparison") -> dict[str, object]:
    from results.comparison.words import answer, assumptions

    sides = {
        key: {"name": side.name, "what": side.description, "seeds": len(side.trainings)}
        for key, side in (("first", comparison.first), ("second", comparison.second))
    }
    mean = {key: None if value != value else value for key, value in comparison.mean().items()}
    return {
        **sides,
        "images": comparison.paired.images,
        "draws": comparison.paired.units,
        "answer": answer(comparison),
        "assumptions": assumptions(comparison),
        "mean": mean,
        "labels": known_rows(comparison.by_label()),
    }
