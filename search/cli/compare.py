"""`sedn compare`: two trials, configurations or runs on the same images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from search.cli.console import open_terminal
from search.cli.options import DEFAULT_STORE, JsonOption, StoreOption, print_json
from sedn.style import number_text, one_line

if TYPE_CHECKING:
    from results import Comparison

out = open_terminal()
err = open_terminal(stderr=True)


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
        str | None, typer.Argument(metavar="B", help="The same; the baseline of A if none.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--html", help="Write a page with a picture to this file.")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            "--storage",
            help="Folder or URI where the checkpoints of searches lie now, if they were moved.",
        ),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Whether A differs from B on the same validation images: in mean AUC, and for each label."""
    from results import compare as compare_addresses
    from results import open_store
    from results.comparison.sides import is_of_experiment
    from results.comparison.words import answer, assumptions

    of_experiments = any(is_of_experiment(address) for address in (first, second) if address)
    opened = open_store(store) if of_experiments else None
    found = compare_addresses(opened, first, second, storage)
    if output is not None:
        from results.comparison.page import write_page

        write_page(found, output)
    if as_json:
        print_json(_as_json(found))
        return
    for line in answer(found):
        out.print(line, soft_wrap=True)
    out.print(_table(found))
    for line in assumptions(found):
        out.print(line, soft_wrap=True)
    if output is not None:
        err.print(f"Wrote {output}")


def _table(found: "Comparison") -> Table:
    """The table of labels, the smallest p first."""
    first, second = one_line(found.first.name), one_line(found.second.name)
    table = Table(
        title=f"A: {first}, {found.first.said}\nB: {second}, {found.second.said}",
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
    rows = found.frame().sort_values(["p", "label"], kind="stable")
    for row in rows.to_dict("records"):
        style = "bold" if row["differs"] else None
        cells = _cells(row, row["p_holm"])
        table.add_row(one_line(row["label"]), str(row["positives"]), *cells, style=style)
    table.add_section()
    mean = found.mean()
    table.add_row("mean AUC", "", *_cells(mean, mean["p"]), style="bold")
    table.caption = (
        "AUC on validation; count: images with the label. Bold: differs, with all labels looked at "
        "together. The p of the mean is its own."
    )
    table.caption_justify = "left"
    return table


def _cells(row: Any, p: float) -> tuple[str, ...]:
    from results.comparison.words import difference, interval, p_text

    apart = f"{difference(row['difference'])} {interval(row['low'], row['high'])}".strip()
    return number_text(row["first"]), number_text(row["second"]), apart, p_text(p)


def _as_json(found: "Comparison") -> dict[str, object]:
    import json

    from results.comparison.words import answer, assumptions

    sides = {
        key: {"name": side.name, "what": side.said, "seeds": len(side.trainings)}
        for key, side in (("first", found.first), ("second", found.second))
    }
    mean = {key: None if value != value else value for key, value in found.mean().items()}
    return {
        **sides,
        "images": found.paired.images,
        "draws": found.paired.units,
        "answer": answer(found),
        "assumptions": assumptions(found),
        "mean": mean,
        "labels": json.loads(found.frame().to_json(orient="records", double_precision=15)),
    }
