"""`sedn confirm`: the leaders of a search on fresh seeds, then once on the test split."""

from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from search import Resources
from search.cli.console import open_terminal
from search.cli.ending import words_for
from search.cli.fields import takes
from search.cli.json_log import LogFormatOption, begin_log
from search.cli.options import DEFAULT_STORE, JsonOption, StoreOption, print_json
from search.cli.resources import RESOURCE_FLAGS
from search.cli.running import WHY, callbacks_of, live_view, stop
from search.exit_codes import FAILED
from search.settings import build_resources

if TYPE_CHECKING:
    from search import SearchOutcome
    from search.confirmation.running import Confirmation

out = open_terminal()
err = open_terminal(stderr=True)


@takes(RESOURCE_FLAGS | {"trial_seconds": None}, resources=Resources)
def confirm(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="NAME", help="The experiment of a search.")],
    resources: dict[str, Any],
    top: Annotated[
        int | None,
        typer.Option(min=1, max=100, help="Train the N best configurations again; 3 by default."),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, max=100, help="Train each with N fresh seeds; 3 by default."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Name of the confirmation's experiment; NAME-confirmed by default."),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
    log_format: LogFormatOption = "text",
) -> None:
    """Train the leaders and the baseline on fresh seeds, then score them once on the test split.

    The same command again resumes a confirmation, or shows one that has ended.
    """
    shown = name or f"{source}-confirmed"
    log = begin_log(log_format, shown)
    with live_view(shown, log) as view:
        from search.confirmation.running import Confirmation, run_confirmation

        result = run_confirmation(
            source,
            store,
            build_resources(**resources),
            top=top,
            seeds=seeds,
            name=name,
            **callbacks_of(view, context),
        )
    if isinstance(result, Confirmation):
        show_confirmation(result, as_json=as_json)
    else:
        _end(result, shown, words_for(store))


def _end(outcome: "SearchOutcome", name: str, found: str) -> NoReturn:
    """Print why the trainings of a confirmation ended early, and end the command.

    Raises:
        typer.Exit: always.
    """
    if outcome.ended_by is None:
        stop()
    if outcome.failure is not None:
        err.print(
            f"Ended: the first trainings all failed alike, trial {outcome.failure.number} by "
            f"{outcome.failure.error}. `sedn report {quote(name)}{found}` has its traceback.",
            soft_wrap=True,
        )
    else:
        err.print(f"Ended: {WHY[outcome.ended_by]}.")
    raise typer.Exit(FAILED)


def show_confirmation(confirmation: "Confirmation", *, as_json: bool) -> None:
    """The result in words, then a table for each split."""
    from results.confirmed import answer_lines
    from search.cli.confirmation_tables import CAPTION, split_table

    if as_json:
        print_json(
            {
                "experiment": confirmation.name,
                "confirms": confirmation.source,
                "test_reads": confirmation.test_reads,
                "best": confirmation.best.title,
                "configurations": [one.to_json() for one in confirmation.confirmed],
            }
        )
        return
    for line in answer_lines(confirmation.confirmed, confirmation.test_reads, confirmation.folds):
        out.print(line, soft_wrap=True)
    for split in ("validation", "test"):
        if confirmation.baseline.test is not None or split == "validation":
            out.print(split_table(confirmation, split))
    out.print(CAPTION)
