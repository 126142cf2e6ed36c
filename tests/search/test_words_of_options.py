"""The library names fields, as its callers in Python do; the command line names its options."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from search.cli.command import Command, with_options
from search.cli.main import app
from search.settings import Resources, SearchSettings
from sedn.errors import UserError

ROOT = Path(__file__).parents[2]
COMMAND = re.compile(r"`(?:sedn|ray) [^`]*`|^sedn .*$", re.MULTILINE)
"""A whole command, which a message may give, or a line of one in a page."""
OPTION = re.compile(r"(?<![\w-])--[a-z]")
CSS = re.compile(r"\{[^{}]*\}|var\(--[\w-]+\)")
"""Rules of a style sheet and its variables, whose names begin as options do."""


SPELLED = ROOT / "results" / "commands.py"
"""The home of the commands that pages and notes give whole."""


def library_files() -> list[Path]:
    files = [file for room in ("sedn", "results", "spaces", "search") for file in sorted(
        (ROOT / room).rglob("*.py"))]  # fmt: skip
    return [f for f in files if ROOT / "search" / "cli" not in f.parents and f != SPELLED]


def texts_of(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each string, whole, with a mark for what is put into it."""
    tree = ast.parse(source)
    parts: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inner = [one for one in node.values if isinstance(one, ast.Constant)]
            parts |= {id(one) for one in inner}
            yield (
                node.lineno,
                "".join(str(one.value) if one in inner else "…" for one in node.values),
            )
        elif isinstance(node, ast.Constant) and id(node) not in parts:
            yield node.lineno, str(node.value)


def test_no_string_of_the_library_names_an_option_of_the_command_line() -> None:
    files = library_files()
    assert len(files) > 200
    named = [
        f"{file.relative_to(ROOT)}:{line}: {text}"
        for file in files
        for line, text in texts_of(file.read_text())
        if OPTION.search(CSS.sub("", COMMAND.sub("", text)))
    ]
    assert named == []


@pytest.mark.parametrize(
    ("source", "is_named"),
    [
        ('f"{x}: give {y} another --name"', True),
        ('"take --time"', True),
        ('"`sedn rank --stopped` lists them"', False),
        ('f"a `max_concurrent` of {n} – and 3--4"', False),
        ('"--store: no such file"', True),
        ('":root { --font: 12px } b { color: var(--alarm); }"', False),
    ],
)
def test_the_search_for_options_can_fail(source: str, is_named: bool) -> None:
    texts = [text for _, text in texts_of(source)]
    assert any(OPTION.search(CSS.sub("", COMMAND.sub("", text))) for text in texts) is is_named


def commands_of(group: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, one in group.commands.items():
        if isinstance(one, TyperGroup):
            yield from commands_of(one, f"{path} {name}")
        else:
            yield f"{path} {name}".strip(), one


COMMANDS = dict(commands_of(typer.main.get_command(app)))


def test_every_command_names_its_options_in_errors() -> None:
    assert len(COMMANDS) > 10
    assert [path for path, one in COMMANDS.items() if not isinstance(one, Command)] == []


def test_every_option_and_argument_has_a_help_text_that_stands_alone() -> None:
    """A sentence or a noun phrase from a capital letter, and none that goes on with another's."""
    wrong = [
        f"{path} {one.name}: {one.help!r}"
        for path, command in COMMANDS.items()
        for one in command.params
        if one.name != "help"
        and not re.fullmatch(r"(?!Or |And |There|It |That )[A-Z].*[.}]", one.help or "", re.DOTALL)
    ]
    assert wrong == []


@pytest.mark.parametrize("kind", [SearchSettings, Resources])
def test_every_setting_is_an_option_of_search_under_the_name_of_its_field(kind: Any) -> None:
    """So that an error of any of them names the option."""
    for field in kind.model_fields:
        written = with_options(f"`{field}`: wrong", COMMANDS["search"].params)
        assert re.fullmatch(r"--[a-z-]+: wrong", written), written


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("`where` 'x': no measure", "--where 'x': no measure"),
        ("`time_seconds`, not `gpu_hours=2`", "--time, not --gpu-hours 2"),
        ("leave `backend='local'` out", "leave --backend local out"),
        ("take `store='sqlite:///a b.db'`", "take --store 'sqlite:///a b.db'"),
        ("`futility=False`: or `futility`", "--no-futility: or --futility"),
        ("`skip_unreadable` leaves them out", "--skip-unreadable leaves them out"),
        ("`epoch` is no option; `sedn rank x` is a command", None),
    ],
)
def test_a_field_is_shown_as_its_option(message: str, shown: str | None) -> None:
    assert with_options(message, COMMANDS["search"].params) == (shown or message)


@pytest.mark.parametrize(
    ("words", "field", "option"),
    [
        (["search", "--name=a/b"], "`name` ", "--name "),
        (["search", "--name=a", "--where=latncy<5"], "`where` ", "--where "),
        (["search", "--name=a", "--concurrent=2", "--backend=local"], "`max_con", "--concurrent 2"),
        (["search", "--name=a", "--time=1e10"], "`time_seconds`:", "--time:"),
        (["search", "--name=a", "--sampler-option=n=1"], "`sampler_options`:", "--sampler-option:"),
        (["rank", "a", "--store=redis://x"], "`store` ", "--store "),
        (["store", "upgrade", "--store=redis://x"], "`store` ", "--store "),
    ],
)
def test_the_command_line_shows_options(
    words: list[str], field: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    error = CliRunner().invoke(app, words).exception
    assert isinstance(error, UserError)
    assert str(error).startswith(option)
    assert field not in str(error)


def test_a_caller_in_python_reads_the_field() -> None:
    with pytest.raises(
        UserError, match=r"^`max_concurrent=2`: backend 'local' .* `backend='local'`"
    ):
        Resources(backend="local", max_concurrent=2)
