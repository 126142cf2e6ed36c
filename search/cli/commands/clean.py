"""`sedn clean`: freeing the disk of checkpoints that are not needed any more."""

from typing import Annotated

import typer

from search.cli.commands.experiments import agree
from search.cli.console import open_terminal
from search.cli.options import (
    DEFAULT_STORE,
    MovedOption,
    NameArgument,
    StoreOption,
    moved_storage,
)
from sedn.style import byte_text

err = open_terminal(stderr=True)


def clean(
    name: NameArgument,
    keep: Annotated[
        int | None,
        typer.Option(
            help="Keep the checkpoints of the first N configurations of the ranking; by default as "
            "the search does.",
            metavar="N",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove without asking.")] = False,
    storage_path: MovedOption = None,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Remove checkpoints of ended trials that are not among the best, after asking.

    Scores and results stay, and so does what running and paused trials go on from. A configuration
    whose checkpoint is gone can still be exported and trained, but not joined to an ensemble.
    """
    from results import open_store
    from search.cleaning import clean as remove
    from search.cleaning import plan_cleaning

    opened = open_store(store)
    row = opened.experiment(name)
    plan = plan_cleaning(opened, row, keep, moved_storage(storage_path))
    if not plan.files:
        err.print(f"Nothing to free: '{name}' keeps {byte_text(plan.kept_bytes)} that it needs.")
        return
    err.print(
        f"Frees {byte_text(plan.freed_bytes)}: the checkpoints of ended trials of '{name}' but for "
        f"the best {plan.keep}. {byte_text(plan.kept_bytes)} stay.",
        soft_wrap=True,
    )
    if not yes:
        agree(
            "Remove them for good?", f"nothing of '{name}' is removed; --yes removes without asking"
        )
    err.print(f"Freed {byte_text(sum(remove(plan)))}.")
