"""`sedn store`: what is done to the results database itself."""

from typing import Annotated

import typer

from search.cli.console import open_terminal
from search.cli.options import DEFAULT_STORE, StoreOption

app = typer.Typer(no_args_is_help=True, help="Mend the results database.")
err = open_terminal(stderr=True)


@app.callback()
def store() -> None:
    """Mend the results database."""


@app.command()
def rebuild_study(
    name: Annotated[str, typer.Argument(help="The experiment.")], store: StoreOption = DEFAULT_STORE
) -> None:
    """Make the Optuna study of an experiment again from its trials in the store.

    The study that has the name is kept under another one. `sedn search` does the same by itself
    where the study was deleted, renamed or lost trials.
    """
    from results.objectives import Goals
    from results.store import open_store
    from search.lock import sole_driver
    from search.study import rebuild
    from spaces import parse_space

    opened = open_store(store)
    experiment = opened.experiment(name)
    space = parse_space(experiment.space_yaml, experiment.space_name)
    with sole_driver(opened.engine, name):
        for line in rebuild(opened, name, space, Goals.of(experiment.settings).objectives):
            err.print(line, soft_wrap=True)
