"""`sedn search`: start a search, or go on with it."""

from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from results.goals.objectives import objectives
from search import Stage
from search.backends.ray_tune.scratch import remove_scratch
from search.cli.commands import with_options
from search.cli.console import open_terminal
from search.cli.ending import show_ending
from search.cli.live import LiveView
from search.cli.options import (
    DEFAULT_STORE,
    AttributesOption,
    DataOption,
    ImageColumnOption,
    JsonOption,
    LabelListOption,
    LabelsOption,
    LeaveOutOption,
    SeparatorOption,
    SkipOption,
    StoreOption,
    absolute,
    print_json,
    reading_fields,
)
from search.cli.resources import (
    AddressOption,
    BackendOption,
    ConcurrentOption,
    CpusOption,
    GpusOption,
    StoragePathOption,
    parse_gpus,
)
from search.samplers.registry import SAMPLERS
from search.schedulers.registry import SCHEDULERS
from search.stopping import INTERRUPTED, end_at_once, ending_on_signals
from sedn.document import parse_value
from sedn.errors import UserError

if TYPE_CHECKING:
    from search import Failure, SearchOutcome

err = open_terminal(stderr=True)

WHY = {
    "trials": "all trials have ended",
    "points": "every point of the space has been tried",
    "plateau": "the last trials made the best no better (--plateau)",
    "time": "the time is used up (--time); more goes on with what was cut off",
    "gpu-hours": "the GPU-hours are used up (--gpu-hours); more goes on with what was cut off",
}


def search(
    context: typer.Context,
    name: Annotated[
        str, typer.Option(help="Name of the experiment; the name of one that exists resumes it.")
    ],
    data: DataOption = "digits-in-clutter",
    space: Annotated[str, typer.Option(help="A space of the catalog, or a YAML file.")] = "demo",
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Epochs of a full training, in place of the space's.")
    ] = None,
    trials: Annotated[
        int, typer.Option(min=1, help="Stop after N trials in all, the baseline included.")
    ] = 100,
    time_seconds: Annotated[
        float | None,
        typer.Option(
            "--time", min=1, help="Stop after N seconds of training, counted over all runs."
        ),
    ] = None,
    gpu_hours: Annotated[
        float | None,
        typer.Option(min=0, help="Stop after N GPU-hours of training, counted over all runs."),
    ] = None,
    plateau: Annotated[
        int | None, typer.Option(min=1, help="Stop after N completed trials without improvement.")
    ] = None,
    objective: Annotated[
        list[str] | None,
        typer.Option(
            help=f"What to optimise, auc if none is given: {', '.join(objectives())}; repeatable."
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONSTRAINT", help='What a result must satisfy: "latency_ms<5"; repeatable.'
        ),
    ] = None,
    sampler: Annotated[
        str,
        typer.Option(help=f"{', '.join(SAMPLERS)}, or module:Class."),
    ] = "tpe",
    sampler_options: Annotated[
        list[str] | None,
        typer.Option(
            "--sampler-option", metavar="KEY=VALUE", help="An option of the sampler; repeatable."
        ),
    ] = None,
    scheduler: Annotated[
        str, typer.Option(help=f"{', '.join(SCHEDULERS)}, or module:function.")
    ] = "asha",
    reduction_factor: Annotated[
        int | None,
        typer.Option(min=2, help="Let the best 1/N of the trials at a rung go on; 3 by default."),
    ] = None,
    grace_epochs: Annotated[
        int | None,
        typer.Option(
            min=1, help="Train each trial for N epochs before it may stop; a quarter by default."
        ),
    ] = None,
    brackets: Annotated[
        int | None,
        typer.Option(min=1, help="Number of brackets of hyperband; by default as many as fit."),
    ] = None,
    min_trials: Annotated[
        int | None,
        typer.Option(min=1, help="Compare with N other trials at least (median); 5 by default."),
    ] = None,
    futility: Annotated[
        bool,
        typer.Option(
            "--futility/--no-futility",
            help="Stop trials that can no longer win, or that violate a --where.",
        ),
    ] = True,
    warm_start: Annotated[
        str | None,
        typer.Option(
            help="Begin with the best configurations of an earlier experiment in the store."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    skip_unreadable: SkipOption = False,
    labels: LabelsOption = None,
    label_list: LabelListOption = None,
    separator: SeparatorOption = None,
    image_column: ImageColumnOption = None,
    leave_out: LeaveOutOption = None,
    attributes: AttributesOption = None,
    store: StoreOption = DEFAULT_STORE,
    backend: BackendOption = "ray",
    address: AddressOption = None,
    storage_path: StoragePathOption = "runs",
    cpus_per_trial: CpusOption = 1.0,
    gpus_per_trial: GpusOption = None,
    max_concurrent: ConcurrentOption = None,
    trial_seconds: Annotated[
        float | None,
        typer.Option(
            "--trial-time", min=1, help="Stop each trial after N seconds; it keeps what it reached."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Start a search; the same command again resumes it."""
    from search.settings import build_resources, build_settings

    settings = build_settings(
        data=absolute(data),
        trials=trials,
        epochs=epochs,
        time_seconds=time_seconds,
        gpu_hours=gpu_hours,
        plateau=plateau,
        objective=objective,
        where=where,
        sampler=sampler,
        sampler_options=parse_pairs(sampler_options or []),
        scheduler=scheduler,
        reduction_factor=reduction_factor,
        grace_epochs=grace_epochs,
        brackets=brackets,
        min_trials=min_trials,
        futility=futility,
        warm_start=warm_start,
        seed=seed,
        skip_unreadable=skip_unreadable,
        **reading_fields(labels, label_list, separator, image_column, leave_out, attributes),
    )
    resources = build_resources(
        backend=backend,
        address=address,
        storage_path=storage_path,
        cpus_per_trial=cpus_per_trial,
        gpus_per_trial=parse_gpus(gpus_per_trial),
        max_concurrent=max_concurrent,
        trial_seconds=trial_seconds,
    )
    try:
        with ending_on_signals(say_stopped), LiveView(err, name) as view:
            view.stage(Stage.CHECKS)
            options = context.command.params
            # Only now, as all that a search needs takes seconds to import.
            from search import run_search

            outcome = run_search(
                name,
                space,
                settings,
                store,
                resources,
                watch=view.show,
                on_images=view.images,
                on_wait=view.waiting,
                on_notice=lambda line: view.notice(with_options(line, options)),
                on_stage=view.stage,
                on_ray_gone=end_without_ray,
            )
    except KeyboardInterrupt:
        say_stopped()
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json(_to_json(outcome))
    if outcome.ended_by is None:
        say_stopped()
        raise typer.Exit(INTERRUPTED)
    if outcome.failure is not None:
        err.print(_failed(name, outcome.failure), soft_wrap=True)
        raise typer.Exit(1)
    err.print(f"Ended: {WHY[outcome.ended_by]}.")
    if outcome.finished and outcome.snapshot.best is None:
        err.print(f"No trial was trained to its end: `sedn report {quote(name)}` says why.")
        raise typer.Exit(1)
    if not as_json:
        show_ending(err, name, store, view.spent)


def say_stopped() -> None:
    """The last words of a search that was told to stop."""
    # The live view hides the cursor, and may not get to end by itself.
    err.show_cursor()
    err.print("Stopped. Nothing is lost: the same command goes on.")
    remove_scratch()


def end_without_ray(line: str) -> None:
    """End before Ray does, which would say much of itself and nothing of the search."""
    err.show_cursor()
    err.print(f"sedn: {line}", style="red", soft_wrap=True)
    remove_scratch()
    end_at_once(1)


def parse_pairs(pairs: list[str]) -> dict[str, Any]:
    """``key=value`` each; the values are YAML.

    Raises:
        UserError: one is no pair, or its value no YAML.
    """
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UserError(f"`sampler_options`: '{pair}' must be key=value")
        if key.strip() in found:
            raise UserError(f"`sampler_options`: '{key.strip()}' is there twice; leave one")
        found[key.strip()] = parse_value(value, f"`sampler_options`: the value of '{pair}'")
    return found


def _to_json(outcome: "SearchOutcome") -> dict[str, Any]:
    snapshot = outcome.snapshot
    return {
        "experiment": outcome.experiment,
        "finished": outcome.finished,
        "ended_by": outcome.ended_by,
        "failure": outcome.failure and vars(outcome.failure),
        "skipped_images": outcome.skipped_images,
        "states": {str(state.value): n for state, n in snapshot.counts.items()},
        "best": snapshot.best and vars(snapshot.best),
        "baseline": snapshot.baseline and vars(snapshot.baseline),
    }


def _failed(name: str, failure: "Failure") -> str:
    return (
        f"Ended: the first trials all failed alike, trial {failure.number} by {failure.error}. "
        f"`sedn report {quote(name)}` has its traceback; the same command goes on with new trials."
    )
