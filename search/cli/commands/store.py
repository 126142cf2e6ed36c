"""`sedn store`: what is done to the results database itself."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from search.cli.command import Command
from search.cli.console import open_terminal
from search.cli.options import DEFAULT_STORE, MovedOption, StoreOption, moved_storage
from sedn.errors import UserError

app = typer.Typer(no_args_is_help=True, help="Upgrade or repair the results database.")
err = open_terminal(stderr=True)


@app.callback()
def store() -> None:
    """Upgrade or repair the results database."""


@app.command(cls=Command)
def rebuild_study(
    name: Annotated[str, typer.Argument(help="The experiment.")], store: StoreOption = DEFAULT_STORE
) -> None:
    """Make the Optuna study of an experiment again from its trials in the store.

    The study that has the name is kept under another one. `sedn search` does the same by itself
    where the study was deleted, renamed or lost trials.
    """
    from results import Goals, open_store
    from search.lock import sole_driver
    from search.study import rebuild
    from spaces import parse_space

    opened = open_store(store)
    experiment = opened.experiment(name)
    space = parse_space(experiment.space_yaml, experiment.space_name)
    with sole_driver(opened.engine, name, to="make its study again"):
        for line in rebuild(opened, name, space, Goals.of(experiment.settings).objectives):
            err.print(line, soft_wrap=True)


@app.command(cls=Command)
def upgrade(store: StoreOption = DEFAULT_STORE) -> None:
    """Upgrade the tables of a database that an earlier version wrote.

    All experiments and their results stay. A copy of a SQLite file is kept.
    """
    from results.database.connection.opening import open_any_version
    from results.database.migrations.upgrading import experiment_names, upgrade
    from search.lock import sole_driver

    engine = open_any_version(store)
    with ExitStack() as held:
        for name in experiment_names(engine):
            held.enter_context(sole_driver(engine, name, to="upgrade the database"))
        done = upgrade(engine)
    if done.before == done.after:
        err.print(f"The tables are of this version already ({done.after}).")
        return
    err.print(f"The tables were of version {done.before} and are of version {done.after} now.")
    if done.backup is not None:
        err.print(f"The database as it was: {done.backup}", soft_wrap=True)


@app.command(cls=Command)
def frames(
    name: Annotated[str, typer.Argument(help="The experiment.")],
    output: Annotated[Path, typer.Option("-o", help="The folder, made where it is not there.")],
    storage_path: MovedOption = None,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write an experiment's trials, epochs, AUC by label and predictions as Parquet files."""
    from results import open_store, write_frames

    for line in write_frames(open_store(store), name, output, moved_storage(storage_path)):
        err.print(line, soft_wrap=True)


@app.command(cls=Command)
def relocate(
    name: Annotated[str, typer.Argument(help="The experiment.")],
    storage_path: Annotated[
        str, typer.Argument(help="Folder or URI that holds the checkpoints' folder now.")
    ],
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Record where an experiment's checkpoints were moved, so that every command finds them."""
    from results import open_store
    from search import Resources
    from search.experiments import relocate_experiment

    storage = Resources(storage_path=storage_path).storage()
    changed = relocate_experiment(
        open_store(store), name, storage, lambda line: err.print(line, soft_wrap=True)
    )
    if changed:
        err.print(f"The checkpoints of '{name}' are below {storage} now.", soft_wrap=True)
    else:
        err.print(f"The checkpoints of '{name}' were below {storage} already.", soft_wrap=True)


@app.command(cls=Command)
def backup(
    file: Annotated[Path, typer.Argument(help="The SQLite file to write; it may not be there.")],
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Copy all of the database to a new SQLite file, also while searches write to it."""
    from results import open_store
    from search.merging import back_up

    back_up(open_store(store), file)
    err.print(f"Wrote {file}; read it with --store sqlite:///{file}", soft_wrap=True)


@app.command(cls=Command)
def merge(
    other: Annotated[str, typer.Argument(help="The other database, a file or a URL.")],
    only: Annotated[str | None, typer.Option(help="Merge this experiment alone.")] = None,
    called: Annotated[
        str | None,
        typer.Option("--as", help="Name of the experiment in this database; goes with --only."),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Take the experiments of another database into this one, with their Optuna studies.

    The other one is not changed. An experiment that is here already stays as it is.
    """
    from results import open_store
    from search.merging import merge

    if called is not None and only is None:
        raise UserError("--as: names one experiment; say which with --only")
    source = open_store(other if "://" in other else f"sqlite:///{other}")
    target = open_store(store, create=True)
    names = [only] if only is not None else [row.name for row in source.experiments()]
    for line in merge(source, target, {name: called or name for name in names}):
        err.print(line, soft_wrap=True)


@app.command(cls=Command)
def import_optuna(
    study: Annotated[str, typer.Argument(help="The study.")],
    source: Annotated[
        str, typer.Option("--from", help="The database that has it, a file or a URL.")
    ],
    name: Annotated[
        str | None, typer.Option(help="The experiment's name; by default the study's.")
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(help="The space whose axes the study's parameters are, if they are."),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Make an experiment of an Optuna study whose value is a mean AUC on validation.

    The new experiment is listed and ranked with the others, and the study is copied. What no study
    has, such as AUC by label, is left empty and listed.
    """
    from results import open_store
    from search.importing_studies import import_study
    from spaces import load_space

    url = source if "://" in source else f"sqlite:///{source}"
    of_axes = None if space is None else load_space(space)
    target = open_store(store, create=True)
    for line in import_study(target, url, study, name or study, of_axes):
        err.print(line, soft_wrap=True)
