"""`sedn search`: start a search, or go on with it."""

from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from results.goals.objectives import objectives
from search import Resources, SearchSettings
from search.cli.console import open_terminal
from search.cli.data_fields import READING_FLAGS, Reading
from search.cli.ending import show_ending, words_for
from search.cli.fields import Flag, takes
from search.cli.json_log import LogFormatOption, begin_log
from search.cli.options import DEFAULT_STORE, JsonOption, StoreOption, print_json
from search.cli.resources import RESOURCE_FLAGS
from search.cli.running import WHY, callbacks_of, live_view, stop
from search.exit_codes import FAILED
from search.samplers.registry import SAMPLERS
from search.schedulers.registry import SCHEDULERS
from search.settings import AUTO, build_resources, build_settings
from sedn.document import parse_value
from sedn.errors import UserError

if TYPE_CHECKING:
    from search import Failure, SearchOutcome

err = open_terminal(stderr=True)


def parse_pairs(pairs: list[str]) -> dict[str, Any]:
    """``key=value`` each; the values are YAML.

    Raises:
        UserError: one is no pair, or its value no YAML.
    """
    options = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UserError(f"`sampler_options`: '{pair}' must be key=value")
        if key.strip() in options:
            raise UserError(f"`sampler_options`: '{key.strip()}' is there twice; leave one")
        options[key.strip()] = parse_value(value, f"`sampler_options`: the value of '{pair}'")
    return options


FLAGS = {
    **READING_FLAGS,
    **RESOURCE_FLAGS,
    "time_seconds": Flag("--time"),
    "objective": Flag(help=f"What to optimise: {', '.join(objectives())}; repeatable."),
    "where": Flag(metavar="CONSTRAINT"),
    "sampler": Flag(help=f"Sampler: {', '.join((AUTO, *SAMPLERS))}, or module:Class."),
    "sampler_options": Flag("--sampler-option", "KEY=VALUE", parse_pairs),
    "keep_best": Flag(metavar="N", is_text=True),
    "scheduler": Flag(help=f"Scheduler: {', '.join((AUTO, *SCHEDULERS))}, or module:function."),
}
"""Fields whose options their name and type do not tell."""


@takes(FLAGS, reading=Reading, settings=SearchSettings, resources=Resources)
def search(
    context: typer.Context,
    name: Annotated[
        str, typer.Option(help="Name of the experiment; the name of one that exists resumes it.")
    ],
    settings: dict[str, Any],
    reading: dict[str, Any],
    resources: dict[str, Any],
    space: Annotated[str, typer.Option(help="A space of the catalog, or a YAML file.")] = "demo",
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
    log_format: LogFormatOption = "text",
) -> None:
    """Start a search; the same command again resumes it."""
    log = begin_log(log_format, name)
    search_settings = build_settings(**settings, **reading)
    where = build_resources(**resources)
    with live_view(name, log) as view:
        # Only now, as all that a search needs takes seconds to import.
        from search import run_search

        outcome = run_search(
            name, space, search_settings, store, where, **callbacks_of(view, context)
        )
    if as_json:
        print_json(_to_json(outcome))
    if outcome.ended_by is None:
        stop()
    if outcome.failure is not None:
        err.print(_failed(name, outcome.failure, words_for(store)), soft_wrap=True)
        raise typer.Exit(FAILED)
    err.print(f"Ended: {WHY[outcome.ended_by]}.")
    none_complete = outcome.snapshot.best is None and not outcome.snapshot.all_violate
    if outcome.finished and none_complete:
        report = f"sedn report {quote(name)}{words_for(store)}"
        err.print(f"No trial was trained to its end: `{report}` says why.", soft_wrap=True)
        raise typer.Exit(FAILED)
    if not as_json and log is None:
        show_ending(err, name, store, view.spent)


def _to_json(outcome: "SearchOutcome") -> dict[str, Any]:
    snapshot = outcome.snapshot
    return {
        "experiment": outcome.experiment,
        "finished": outcome.finished,
        "ended_by": outcome.ended_by,
        "failure": outcome.failure and vars(outcome.failure),
        "skipped_images": outcome.skipped_images,
        "states": {str(state.value): n for state, n in snapshot.counts.items()},
        **snapshot.leaders_as_json(),
    }


def _failed(name: str, failure: "Failure", found: str) -> str:
    return (
        f"Ended: the first trials all failed alike, trial {failure.number} by {failure.error}. "
        f"`sedn report {quote(name)}{found}` has its traceback; the same command goes on with "
        "new trials."
    )
