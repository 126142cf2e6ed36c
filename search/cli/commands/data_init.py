"""`sedn data init`: a data.yaml for data that has none."""

import sys
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml
from rich.console import Console

from search.cli.data_fields import READING_FLAGS, Reading, split_words
from search.cli.fields import takes

if TYPE_CHECKING:
    from sedn.data.formats.proposal import Proposal
    from sedn.errors import Question

out = Console()


@takes(READING_FLAGS, reading=Reading)
def init(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A table, COCO's JSON, or a folder.")
    ],
    reading: dict[str, Any],
    output: Annotated[
        Path | None,
        typer.Option("-o", help="The file to write; by default data.yaml beside the data."),
    ] = None,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes", help="Write data.yaml without asking; fails where a question is open."
        ),
    ] = False,
    blank: Annotated[
        str | None, typer.Option(help="Meaning of a blank list of labels: none or unknown.")
    ] = None,
    images: Annotated[
        str | None, typer.Option(help="Folder of the images, relative to the folder of the data.")
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=VALUE", help="Any other field of data.yaml; repeatable."),
    ] = None,
) -> None:
    """Recognise how a data set is to be read, ask what is open, and write its data.yaml."""
    from sedn.data.formats.proposal import write_description

    given = reading | {n: v for n, v in {"blank": blank, "images": images}.items() if v is not None}
    answers = {name: [*v] if isinstance(v, tuple) else v for name, v in given.items()}
    proposal = _propose(path, answers | _fields(field or ()), ask=not yes and sys.stdin.isatty())
    target = output or proposal.folder / "data.yaml"
    _show(proposal, path)
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Write {target}?", default=True, abort=True)
    write_description(proposal, target)
    out.print(f"Wrote {target}", markup=False, highlight=False, soft_wrap=True)


def _propose(path: Path, answers: Mapping[str, Any], *, ask: bool) -> "Proposal":
    """Ask until nothing is open, or raise what is."""
    from sedn.data.formats.proposal import combine, propose
    from sedn.errors import Question

    while True:
        try:
            return propose(path, answers)
        except Question as question:
            if not ask or not (question.answers or question.field):
                raise
            answers = combine(answers, _ask(question))


def _ask(question: "Question") -> Mapping[str, Any]:
    """Ask a person a question, and return the answer."""
    out.print(str(question), markup=False, highlight=False, soft_wrap=True)
    if not question.answers:
        names = typer.prompt(f"{question.field}, separated by commas")
        return {str(question.field): [*(split_words(names))]}
    for number, answer in enumerate(question.answers, 1):
        text = yaml.safe_dump(dict(answer), default_flow_style=True, width=10_000).strip("{}\n")
        out.print(f"  {number}  {text}", markup=False, highlight=False, soft_wrap=True)
    chosen = 0
    while not 1 <= chosen <= len(question.answers):
        chosen = typer.prompt(f"Which (1 to {len(question.answers)})", type=int)
    return question.answers[chosen - 1]


def _show(proposal: "Proposal", path: Path) -> None:
    """Print how the data at ``path`` would be read."""
    listing = proposal.listing
    for line in listing.notes:
        out.print(line, markup=False, highlight=False, soft_wrap=True)
    shown = ", ".join(listing.labels[:10]) + (", …" if len(listing.labels) > 10 else "")
    out.print(
        f"{len(listing):,} images, {len(listing.labels)} labels: {shown}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    if listing.faults:
        out.print(
            f"Training refuses this without --skip-unreadable; `sedn data check "
            f"{quote(str(path))}` lists all.",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def _fields(given: list[str] | tuple[str, ...]) -> dict[str, Any]:
    from sedn.document import parse_value
    from sedn.errors import UserError

    fields = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UserError(f"--field {text}: expected FIELD=VALUE, such as split_column=set")
        fields[name.strip()] = parse_value(value, f"--field {name.strip()}")
    return fields
