"""Standard streams that are full or closed end a command in a line, or change nothing."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from results.database.store import open_store
from tests.results.rows import add_trial, new_experiment

FULL = Path("/dev/full")
COMMANDS = (
    ("--version",), ("--help",), ("list",), ("list", "--json"), ("rank", "rows"),
    ("rank", "rows", "--json"), ("show", "rows", "0"), ("export", "rows"),
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    store = open_store(f"sqlite:///{folder}/sedn.db", create=True)
    add_trial(store, new_experiment(store), 0, 0.7, role="baseline")
    store.engine.dispose()
    return folder


def run(folder: Path, words: Sequence[str], redirected: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in a shell, which closes or redirects its streams."""
    line = f'exec "$0" -m search.cli.start "$@" {redirected}'
    return subprocess.run(
        ["sh", "-c", line, sys.executable, *words],
        cwd=folder, capture_output=True, text=True, timeout=120,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_output_that_finds_no_room_ends_in_one_line(folder: Path, words: tuple[str, ...]) -> None:
    result = run(folder, words, f">{FULL}")
    said = "sedn: stdout: cannot be written: No space left on device\n"
    assert (result.returncode, result.stderr) == (2, said)


def test_a_question_that_nobody_can_answer_is_a_no(folder: Path) -> None:
    result = run(folder, ("delete", "rows"), "<&-")
    assert result.returncode == 2
    assert "sedn: nothing of 'rows' is deleted; --yes deletes without asking" in result.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_file_never_gets_the_number_of_a_stream_that_is_closed(folder: Path, closed: str) -> None:
    written = folder / "best.yaml"
    result = run(folder, ("export", "rows", "-o", str(written)), closed)
    assert result.returncode == 0
    assert written.read_text().startswith("# Experiment 'rows'")
    script = (
        "import os, sys; from search.cli.start import open_closed_streams as fill; fill(); "
        "sys.exit(os.open(os.devnull, os.O_RDONLY) < 3)"
    )
    line = f'exec "$0" -c "$1" {closed}'
    root = Path(__file__).parents[3]
    assert subprocess.run(["sh", "-c", line, sys.executable, script], cwd=root).returncode == 0
