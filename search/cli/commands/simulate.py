"""`sedn simulate`: searches replayed over recorded curves, to choose how to search."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.cli.console import open_terminal
from search.cli.options import DEFAULT_STORE, JsonOption, StoreOption, print_json

if TYPE_CHECKING:
    from search import SearchSettings
    from search.simulation.curves import RecordedCurves
    from search.simulation.methods import Method, Outcome

out = open_terminal()
err = open_terminal(stderr=True)


def simulate(
    curves: Annotated[
        str,
        typer.Argument(help="An experiment, or a Parquet file of recorded curves."),
    ],
    sampler: Annotated[
        list[str] | None, typer.Option(help="Sampler; repeatable. auto by default.")
    ] = None,
    scheduler: Annotated[
        list[str] | None, typer.Option(help="Scheduler; repeatable. auto by default.")
    ] = None,
    workers: Annotated[
        list[int] | None, typer.Option(min=1, help="Trials at a time; repeatable. 1 by default.")
    ] = None,
    trials: Annotated[int, typer.Option(min=1, help="Trials of each search.")] = 100,
    seeds: Annotated[int, typer.Option(min=1, help="Searches with each method.")] = 10,
    processes: Annotated[int, typer.Option(min=1, help="Processes that simulate.")] = 1,
    output: Annotated[
        Path | None, typer.Option("-o", help="Write a page with the figure to this file.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Replay searches over recorded curves, and show which method finds the best soonest.

    Each combination of sampler, scheduler and workers is a method. Nothing is trained: a trial
    takes the curve of its configuration, or of the nearest one that was recorded.
    """
    from search.settings import AUTO, build_settings
    from search.simulation.methods import methods_of

    recorded = _read(curves, store)
    base = build_settings(trials=trials)
    methods = methods_of(sampler or [AUTO], scheduler or [AUTO], workers or [1])
    outcomes = _simulate(recorded, methods, base, seeds, processes)
    if as_json:
        print_json([_as_json(outcome) for outcome in outcomes])
    else:
        _print(outcomes, recorded)
    if output is not None:
        from search.simulation.page import write_page

        write_page(outcomes, curves, output)
        err.print(f"Wrote {output}")


def _read(curves: str, store: str) -> "RecordedCurves":
    from search.simulation.curves import curves_of_experiment, read_curves

    if curves.endswith(".parquet") or Path(curves).is_file():
        return read_curves(Path(curves))
    from results import open_store

    return curves_of_experiment(open_store(store), curves)


def _simulate(
    recorded: "RecordedCurves",
    methods: "list[Method]",
    base: "SearchSettings",
    seeds: int,
    processes: int,
) -> "list[Outcome]":
    from rich.progress import Progress

    from search.simulation.methods import run_methods

    with Progress(console=err, transient=True) as progress:
        task = progress.add_task("simulating", total=len(methods) * seeds)
        return run_methods(
            recorded,
            methods,
            base,
            seeds,
            processes,
            lambda done, of: progress.update(task, completed=done),
        )


def _print(outcomes: "list[Outcome]", recorded: "RecordedCurves") -> None:
    from search.cli.tables import titled_table
    from search.simulation.rows import EXPLAINED, HEADS, outcome_row

    seeds = len(outcomes[0].trajectories)
    table = titled_table(f"{len(recorded.curves)} recorded configurations, {seeds} seeds")
    # So that eighty columns hold the table.
    table.padding = (0, 1, 0, 0)
    for place, head in enumerate(HEADS):
        table.add_column(head, justify="right" if place > 1 else "left", no_wrap=True)
    for outcome in outcomes:
        table.add_row(*outcome_row(outcome))
    out.print(table)
    out.print(EXPLAINED)


def _as_json(outcome: "Outcome") -> dict[str, Any]:
    method = outcome.method
    arrivals = [None if one == float("inf") else one for one in outcome.arrivals.tolist()]
    return {
        "sampler": method.sampler,
        "scheduler": method.scheduler,
        "workers": method.workers,
        "seconds_to_within_1_percent": arrivals,
        "regret": outcome.regrets.tolist(),
        "seconds": outcome.ends.tolist(),
        "trials": [one.trials for one in outcome.trajectories],
    }
