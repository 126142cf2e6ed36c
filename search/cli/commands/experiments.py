"""`sedn list`, `rename`, `delete`, `note`, `tag`: looking after experiments."""

import re
import sys
from typing import Annotated

import typer

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
from sedn.errors import UserError, did_you_mean

out = open_terminal()
err = open_terminal(stderr=True)
LONGEST_NOTE = 10_000
"""Characters; more is a document, and belongs in a file."""


def list_experiments(
    tag: Annotated[
        str | None, typer.Option(help="List only the experiments with this tag.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """List the experiments of the database: state, trials, best mean AUC, data, tags and note."""
    from results import open_store
    from results.experiment_list import read_overview
    from search.cli.tables import experiments_table
    from search.lock import is_driven

    opened = open_store(store)
    found = read_overview(opened)
    if tag is not None:
        known = sorted({one for row in found for one in row["tags"]})
        found = [row for row in found if tag in row["tags"]]
        if not found:
            there = did_you_mean(tag, known) or (f"; there is {', '.join(known)}" if known else "")
            raise UserError(f"--tag {tag}: no experiment has this tag{there}")
    rows = [
        {
            **row,
            "created_at": row["created_at"].isoformat(),
            "searching": is_driven(opened.engine, row["name"]),
        }
        for row in found
    ]
    if as_json:
        print_json(rows)
    elif rows:
        out.print(experiments_table(rows, opened.shown))
    else:
        err.print(f"{opened.shown}: holds no experiment yet; `sedn search` makes one")


def rename(
    name: NameArgument,
    new: Annotated[str, typer.Argument(help="Its new name.")],
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Give an experiment and its Optuna study another name.

    Its checkpoints stay where they are, and `sedn search` with the new --name goes on with it.
    """
    from results import open_store
    from search.experiments import rename_experiment

    rename_experiment(open_store(store), name, new, _warn)
    err.print(f"Experiment '{name}' is '{new}' now, and so is its Optuna study.")


def delete(
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    keep_checkpoints: Annotated[
        bool, typer.Option("--keep-checkpoints", help="Leave the checkpoints where they are.")
    ] = False,
    storage_path: MovedOption = None,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Delete an experiment with its Optuna study and its checkpoints, after asking.

    A deletion that is cut off is ended by the same command again.
    """
    from results import open_store
    from search.disk import checkpoint_folders
    from search.experiments import delete_experiment

    opened = open_store(store)
    row = opened.experiment(name)
    folders: list[str] = []
    if not keep_checkpoints:
        folders = checkpoint_folders(opened, row, moved_storage(storage_path))
    trials = len(opened.trial_folders(row.id))
    err.print(f"Experiment '{name}': {trials} trials, in {opened.shown}", soft_wrap=True)
    for folder in folders:
        err.print(f"Checkpoints: {folder}", soft_wrap=True)
    if not yes:
        agree(
            "Delete all of it for good?",
            f"nothing of '{name}' is deleted; --yes deletes without asking",
        )
    for line in delete_experiment(opened, name, folders):
        err.print(line, soft_wrap=True)


def _warn(line: str) -> None:
    err.print(line, soft_wrap=True)


def agree(question: str, otherwise: str) -> None:
    """Ask in the terminal.

    Raises:
        UserError: the answer is no, or nobody is there to answer; the message is ``otherwise``.
    """
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:
        # Nobody is there to answer.
        sys.stderr.write("\n")
        agreed = False
    if not agreed:
        raise UserError(otherwise)


def note(
    name: NameArgument,
    text: Annotated[
        str | None, typer.Argument(help="The note; an empty one removes it.", show_default=False)
    ] = None,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write a note on an experiment, in place of the one before; without a text, print it."""
    from results import open_store

    opened = open_store(store)
    row = opened.experiment(name)
    if text is None:
        if row.note is not None:
            out.print(row.note, soft_wrap=True)
        return
    if len(text) > LONGEST_NOTE:
        raise UserError(f"the note has {len(text):,} characters, and may have {LONGEST_NOTE:,}")
    from search.experiments import write_note

    write_note(opened, name, text.strip() or None, _warn)


def tag(
    name: NameArgument,
    tags: Annotated[list[str] | None, typer.Argument(help="Tags to add.")] = None,
    remove: Annotated[
        list[str] | None, typer.Option(help="A tag to remove; may be given again.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Add and remove tags of an experiment; `sedn list --tag` selects by tag.

    Prints the tags that it has then.
    """
    from results import open_store

    for word in tags or ():
        if not re.fullmatch(r"[^\s,\x00-\x1f]{1,50}", word):
            raise UserError(f"tag {word!r}: a tag is one word of up to 50 characters, without ','")
    opened = open_store(store)
    row = opened.experiment(name)
    gone = set(remove or ()) - set(row.tags)
    if gone:
        there = f"its tags are {', '.join(row.tags)}" if row.tags else "it has no tags"
        raise UserError(f"--remove {sorted(gone)[0]}: experiment '{name}' has no such tag; {there}")
    now = opened.change_tags(row.id, tags or (), remove or ())
    for word in now:
        out.print(word)
