"""`sedn rank`: the configurations of an experiment by what they reach."""

from typing import TYPE_CHECKING, Annotated

import typer

from search.cli.console import open_terminal
from search.cli.images import say_skipped
from search.cli.options import DEFAULT_STORE, JsonOption, NameArgument, StoreOption, print_rows
from search.cli.reading import reads
from sedn.errors import UserError

if TYPE_CHECKING:
    from results import Experiment, Store
    from results.columns import Columns

out = open_terminal()
err = open_terminal(stderr=True)


@reads
def rank(
    name: NameArgument,
    top: Annotated[int, typer.Option(min=1, help="Number of rows to show.")] = 20,
    pareto: Annotated[
        bool,
        typer.Option(
            "--pareto", help="Show only configurations on the Pareto front of the objectives."
        ),
    ] = False,
    show_stopped: Annotated[
        bool,
        typer.Option("--stopped", help="List the trials that were stopped early instead."),
    ] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Rank the configurations by mean AUC over the labels, with 95 % intervals."""
    from results import open_store
    from results.ranking.leaders import order_experiment

    if pareto and show_stopped:
        raise UserError("--pareto: chooses from the ranking, and --stopped lists what is not in it")

    opened = open_store(store)
    experiment = opened.experiment(name)
    ranked = order_experiment(opened, experiment)
    if show_stopped:
        _print_stopped(opened, experiment, ranked, as_json)
        return
    chosen = ranked.rows(ranked["pareto"]) if pareto else ranked
    _print_ranking(opened, experiment, ranked, chosen if as_json else chosen.head(top), as_json)


def _print_stopped(
    store: "Store", experiment: "Experiment", ranked: "Columns", as_json: bool
) -> None:
    from results.ranking.stopped import count_stopped, read_stopped, unlisted_lines
    from search.cli.tables import stopped_table

    early = read_stopped(store, experiment, ranked)
    if as_json:
        print_rows(early)
    else:
        out.print(stopped_table(early, experiment.name, len(ranked), experiment.folds))
        for line in unlisted_lines(count_stopped(store, experiment)):
            out.print(line, soft_wrap=True)


def _print_ranking(
    store: "Store",
    experiment: "Experiment",
    ranked: "Columns",
    chosen: "Columns",
    as_json: bool,
) -> None:
    """Print the ``chosen`` rows of a ranking, and what is not ranked."""
    from results import Goals
    from results.confirmed import confirmation_lines
    from results.ranking.leaders import with_details
    from results.ranking.standing import standing, with_intervals, with_standing
    from results.ranking.stopped import count_stopped
    from results.ranking.words import standing_lines
    from search.cli.tables import ranking_table

    uncertainty = standing(store, experiment.id, ranked)
    frame = with_standing(with_details(store, experiment, chosen), uncertainty)
    if as_json:
        print_rows(frame)
        stopped = count_stopped(store, experiment)
        if stopped.all:
            lists = "lists all" if stopped.all == stopped.listed else f"lists {stopped.listed}"
            err.print(
                f"Stopped early, so not ranked: {stopped.all}; `sedn rank --stopped` {lists}."
            )
        return
    for line in (*standing_lines(uncertainty, ranked), *confirmation_lines(store, experiment)):
        out.print(line, highlight=False)
    out.print(
        ranking_table(frame, experiment.name, Goals.of(experiment.settings), experiment.folds)
    )
    _print_unranked(store, experiment, with_intervals(ranked, uncertainty))
    if not len(ranked):
        err.print(f"No trial of '{experiment.name}' has been trained to its last epoch yet.")
    elif not len(frame):
        err.print(f"No configuration of '{experiment.name}' satisfies the constraints yet.")


def _print_unranked(store: "Store", experiment: "Experiment", ranked: "Columns") -> None:
    """Print how many trials were stopped or failed, and how many images were left out."""
    from results import TrialState
    from results.ranking.stopped import read_stopped_lines

    for line in read_stopped_lines(store, experiment, ranked):
        out.print(line, soft_wrap=True)
    if failed := store.counts(experiment.id)[TrialState.FAILED]:
        out.print(f"Failed, so not ranked: {failed}; `sedn report` has the reasons.")
    say_skipped(err, experiment.skipped_images)
