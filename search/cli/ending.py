"""The last words of a search: its best configurations, where the time went, what comes next."""

import os
from collections.abc import Iterable, Mapping
from shlex import quote
from typing import TYPE_CHECKING

from results.commands import STORE_VARIABLE, export_command, store_words
from search.cli.store_file import VARIABLE, AddressOfFile
from sedn.addresses import typed_again
from sedn.style import duration

if TYPE_CHECKING:
    from rich.console import Console

    from results import Trial

TOP = 5
"""Configurations that are shown in the end; `sedn rank` shows more."""


def show_ending(console: "Console", name: str, store: str, spent: Mapping[str, float]) -> None:
    """Show the best of an experiment, its gain, the time by use, and the commands that go on.

    Args:
        console: where to.
        name: the experiment.
        store: SQLAlchemy URL of the database.
        spent: seconds of this run of the search, by what was done.
    """
    from results import Goals, open_store
    from results.ranking.leaders import order_experiment, with_details
    from results.ranking.standing import with_intervals_of_seeds
    from results.ranking.stopped import read_stopped_lines
    from search.cli.tables import ranking_table

    opened = open_store(store)
    experiment = opened.experiment(name)
    ranked = order_experiment(opened, experiment)
    ranked = with_intervals_of_seeds(opened, experiment.id, ranked)
    if len(ranked):
        leaders = with_details(opened, experiment, ranked.head(TOP))
        console.print(ranking_table(leaders, name, Goals.of(experiment.settings)))
    for of_stopped in read_stopped_lines(opened, experiment, ranked):
        console.print(of_stopped, soft_wrap=True)
    for line in (run_line(spent), trials_line(opened.trials(experiment.id))):
        if line:
            console.print(line)
    if len(ranked):
        console.print("Next:")
        for command in next_commands(name, store):
            console.print(f"  {command}", soft_wrap=True)


def next_commands(name: str, store: str) -> list[str]:
    """The commands that can be typed next, in the form that a shell takes."""
    store_option = words_for(store)
    return [
        f"sedn report {quote(name)} -o {quote(f'{name}.html')}{store_option}",
        export_command(name, store_option),
        f"sedn train {quote(f'{name}.yaml')} -o {quote(f'runs/{name}-best')}",
    ]


def words_for(store: str) -> str:
    """How a command at this terminal finds the database; empty where it does so by itself."""
    if isinstance(store, AddressOfFile):
        return store.words
    named = os.environ.get(STORE_VARIABLE)
    if store == named:
        return ""
    if named or os.environ.get(VARIABLE):
        # Also the default one is found only where a command names it.
        return f" --store {quote(typed_again(store))}"
    return store_words(store)


def run_line(spent: Mapping[str, float]) -> str:
    """Describe how this run spent its time; parts of less than a second are left out."""
    parts = [f"{duration(took)} {what}" for what, took in spent.items() if round(took)]
    whole = f"This run: {duration(sum(spent.values()))}"
    return f"{whole} ({', '.join(parts)})." if parts else f"{whole}."


def trials_line(trials: Iterable["Trial"]) -> str | None:
    """Describe how the trials of all runs spent their time, by how they ended; ``None`` where no
    time was spent.

    Trials side by side count each.
    """
    from results import TrialState

    words = {
        TrialState.COMPLETE: "trained to the end",
        TrialState.PRUNED: "stopped early",
        TrialState.FAILED: "failed",
        TrialState.RUNNING: "not finished",
    }
    took = dict.fromkeys(words, 0.0)
    for trial in trials:
        if trial.duplicate_of is None:
            took[TrialState(trial.state)] += trial.seconds
    parts = [f"{duration(took[state])} {word}" for state, word in words.items() if took[state]]
    return f"Trials, over all runs: {', '.join(parts)}." if parts else None
