"""`sedn rank`: the configurations of an experiment by what they reach."""

from typing import Annotated

import typer

from search.cli.console import open_terminal
from search.cli.images import say_skipped
from search.cli.options import DEFAULT_STORE, JsonOption, NameArgument, StoreOption, print_frame
from search.cli.reading import reads
from sedn.errors import UserError

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
    """Rank the configurations by mean AUC over the labels on validation, with 95 % intervals."""
    from results import Goals, TrialState, open_store, stopped_early
    from results.confirmed import confirmation_lines
    from results.ranking.leaders import order_experiment, with_details
    from results.ranking.standing import standing, with_standing
    from results.ranking.stopped import MOST_LINES, stopped_lines
    from results.ranking.words import standing_lines
    from search.cli.tables import ranking_table, stopped_table

    if pareto and show_stopped:
        raise UserError("--pareto: chooses from the ranking, and --stopped lists what is not in it")

    opened = open_store(store)
    experiment = opened.experiment(name)
    ranked = order_experiment(opened, experiment)
    if show_stopped:
        early = stopped_early(opened, name, ranked)
        if as_json:
            print_frame(early)
        else:
            out.print(stopped_table(early, name, len(ranked)))
        return
    chosen = ranked[ranked["pareto"]] if pareto else ranked
    frame = with_details(opened, experiment, chosen if as_json else chosen.head(top))
    known = standing(opened, experiment.id, ranked)
    frame = with_standing(frame, known)
    stopped = opened.count_stopped(experiment.id)
    if as_json:
        print_frame(frame)
        if stopped:
            err.print(f"Stopped early, so not ranked: {stopped}; `sedn rank --stopped` lists all.")
        return
    for line in (*standing_lines(known, ranked), *confirmation_lines(opened, experiment)):
        out.print(line, highlight=False)
    out.print(ranking_table(frame, name, Goals.of(experiment.settings)))
    early = stopped_early(opened, name, ranked, MOST_LINES)
    for line in stopped_lines(early, ranked, stopped):
        out.print(line, soft_wrap=True)
    if failed := opened.counts(experiment.id)[TrialState.FAILED]:
        out.print(f"Failed, so not ranked: {failed}; `sedn report` has the reasons.")
    say_skipped(err, experiment.skipped_images)
    if ranked.empty:
        err.print(f"No trial of '{name}' has been trained to its last epoch yet.")
    elif frame.empty:
        err.print(f"No configuration of '{name}' satisfies the constraints yet.")
