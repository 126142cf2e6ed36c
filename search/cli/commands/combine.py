"""`sedn combine`: the leaders of a search as one model, an ensemble or a soup."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from results.held_out import measured_on
from search.cli.console import open_terminal
from search.cli.options import (
    DEFAULT_STORE,
    JsonOption,
    MovedOption,
    NameArgument,
    StoreOption,
    moved_storage,
    print_json,
)
from sedn.style import number_text, one_line

if TYPE_CHECKING:
    from search.combination.running import Combination

out = open_terminal()
err = open_terminal(stderr=True)


def combine(
    name: NameArgument,
    output: Annotated[Path, typer.Option("-o", help="Write the model to this new folder.")],
    top: Annotated[
        int | None,
        typer.Option(
            max=100,
            help="Choose among the N best configurations, each with all its seeds; 5 by default.",
        ),
    ] = None,
    soup: Annotated[
        bool,
        typer.Option(
            "--soup",
            help="Average the weights of networks of one architecture into one network, instead of "
            "the ranks of the scores of several.",
        ),
    ] = False,
    storage_path: MovedOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Combine leaders into one model, chosen on validation and scored once on the test split.

    `sedn predict`, `sedn compare` and `sedn export --onnx` take its folder as they do that of a
    run.
    """
    from search.combination.running import run_combination

    combination = run_combination(
        name,
        store,
        output,
        top=top,
        soup=soup,
        storage=moved_storage(storage_path),
        on_notice=lambda line: err.print(line, soft_wrap=True),
        on_step=lambda what, done, count: err.print(f"{done} of {count} {what}"),
    )
    if as_json:
        print_json(combination.to_json())
    else:
        show_combination(combination)
    err.print(f"Wrote {output}", soft_wrap=True)


def show_combination(combination: "Combination") -> None:
    """Print the result in words, then a table of the members."""
    from search.combination.words import answer_lines

    for line in answer_lines(combination):
        out.print(one_line(line), soft_wrap=True)
    out.print(_table(combination))


def _table(combination: "Combination") -> Table:
    table = Table(
        title=f"{one_line(combination.experiment)}: members in the order in which they joined",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("member", overflow="fold", min_width=18)
    table.add_column("mean AUC", justify="right", no_wrap=True)
    table.add_column("with those above", justify="right", no_wrap=True)
    for member in combination.members:
        table.add_row(member.title, number_text(member.mean_auc), number_text(member.reached))
    table.caption = (
        f"Mean AUC {measured_on(combination.folds)}; of several members, by their exact ranks."
    )
    table.caption_justify = "left"
    return table
