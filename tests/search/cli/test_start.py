"""What a command imports: one that reads a few rows must not wait for what only others need."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from results.database.store import open_store
from search.cli.main import COMMANDS, build_app
from tests.results.rows import new_experiment
from tests.results.scored import add_scored, split_of

HEAVY = ("torch", "timm", "scipy", "pandas", "pyarrow", "ray", "optuna", "sklearn", "plotly")
READING = (
    ("--version",),
    ("list",),
    ("note", "spring"),
    ("status", "spring"),
    ("show", "spring", "1"),
    ("labels", "spring"),
    ("labels", "spring", "--json"),
    ("rank", "spring"),
    ("rank", "spring", "--json"),
    ("rank", "spring", "--stopped"),
    ("compare", "spring:1", "spring:0"),
    ("compare", "spring", "--json"),
    ("--help",),
)
RUN = """
import contextlib, io, json, sys
from search.cli.main import main
heavy, commands = json.loads(sys.argv[1])
found = []
for words in commands:
    sys.argv = ["sedn", *words]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            main()
            code = 0
        except SystemExit as error:
            code = error.code
    found.append([code, said.getvalue(), [name for name in heavy if name in sys.modules]])
sys.__stdout__.write(json.dumps(found))
"""


def test_commands_that_read_import_nothing_heavy(tmp_path: Path) -> None:
    """All in one process, so that the first that imports something is named."""
    store = open_store(f"sqlite:///{tmp_path}/sedn.db", create=True)
    rng = np.random.default_rng(0)
    targets = (rng.normal(size=(60, 2)) > 0.5) * 1.0
    number = new_experiment(store, "spring", ("red", "blue"))
    split, scores, scored = split_of(targets), rng.normal(size=(60, 2)), {"labels": ("red", "blue")}
    add_scored(store, number, 0, split, scores, tmp_path, role="baseline", **scored)
    placed = {"embedding": {"placement": "stage1"}}
    add_scored(store, number, 1, split, scores + targets, tmp_path, **scored, **placed)
    command = [sys.executable, "-c", RUN, json.dumps([HEAVY, READING])]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    for words, (code, said, imported) in zip(READING, json.loads(ended.stdout), strict=True):
        assert code == 0, f"sedn {' '.join(words)}: {said}"
        assert not imported, f"sedn {' '.join(words)} imports {', '.join(imported)}"


@pytest.mark.parametrize("name", [name for names in COMMANDS.values() for name in names])
def test_a_command_is_the_same_alone_and_among_all(name: str) -> None:
    alone, whole = build_app([name, "--help"]), build_app()
    commands, groups = alone.registered_commands, alone.registered_groups
    assert [one.name for one in commands] + [one.name for one in groups] == [name]
    of_all = {one.name: one for one in (*whole.registered_commands, *whole.registered_groups)}
    (one,) = (*commands, *groups)
    assert vars(one) == vars(of_all[name])


@pytest.mark.parametrize("arguments", [[], ["--help"], ["rnak"], ["--unknown", "rank"]])
def test_what_is_no_command_is_answered_with_all_of_them(arguments: list[str]) -> None:
    app = build_app(arguments)
    named = [one.name for one in (*app.registered_commands, *app.registered_groups)]
    assert sorted(named) == sorted(name for names in COMMANDS.values() for name in names)
