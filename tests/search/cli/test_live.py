"""What a search says in a terminal and in a log, from its first second to its last."""

import io
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest

from results.database.models import TrialState
from results.database.store import open_store
from search.cli.console import Terminal
from search.cli.ending import next_commands, run_line, show_ending, trials_line
from search.cli.live import LiveView, summary
from search.progress import Tally
from search.settings import SearchSettings
from search.stages import Stage
from tests.search.histories import FLAT, height, history, result

SPACE = """
name: tiny
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  epochs: 1
  batch_size: 16
axes:
  optimizer.learning_rate: {float: [1.0e-4, 1.0e-1], log: true}
"""
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def in_terminal(folder: Path, *words: str) -> str:
    """All that the command writes to a terminal of 80 columns, without control sequences."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "search.cli.start", *words],
        cwd=folder,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm", "COLUMNS": "80"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    try:
        while select.select([ours], [], [], 240)[0]:
            said += os.read(ours, 65536)
    except OSError:
        pass  # Linux tells the end of a terminal as an error.
    finally:
        os.close(ours)
    assert process.wait(60) == 0, said.decode()
    return CONTROL.sub("", said.decode()).replace("\r", "\n")


@pytest.mark.slow
def test_a_terminal_is_told_what_is_done_and_in_the_end_what_was_found(
    tmp_path: Path, table: Path
) -> None:
    (tmp_path / "tiny.yaml").write_text(SPACE)
    words = ("search", "--name=spring", "--space=tiny.yaml", f"--data={table}", "--trials=3")
    said = in_terminal(tmp_path, *words)
    order = [said.index(stage.doing) for stage in Stage]
    assert order == sorted(order)
    assert said.lstrip().startswith(f"spring: {Stage.CHECKS.doing}")
    ending = said[said.rindex("Ended: all trials have ended.") :]
    assert "mean AUC [95 %]" in ending
    assert "baseline:" in ending
    assert "This run: " in ending
    assert "trained to the end" in ending
    assert "sedn export spring --rank 1 -o spring.yaml" in ending
    # The view is gone: what stands last above is the summary, with nothing running.
    assert "running" not in said[: said.rindex("Ended:")].strip().splitlines()[-1]
    assert max(map(len, ending[: ending.index("Next:")].splitlines())) <= 80


def log_of() -> tuple[LiveView, io.StringIO]:
    written = io.StringIO()
    return LiveView(Terminal(file=written, width=80), "spring"), written


def test_a_log_is_told_of_stages_once_and_of_many_images() -> None:
    view, written = log_of()
    with view:
        for stage in (Stage.CHECKS, Stage.CHECKS, Stage.DATA):
            view.stage(stage)
        view.images("decoding", 0, 20)
        assert written.getvalue() == "", "what is wrong with the input is said alone"
        for done in range(0, 2000, 100):
            view.images("decoding", done, 2000)
        view.stage(Stage.TRIALS)
    assert written.getvalue().splitlines() == [
        "spring: decoding 2,000 images",
        f"spring: {Stage.TRIALS.doing}",
    ]
    assert list(view.spent) == ["checks", "data", "trials"]
    assert all(took >= 0 for took in view.spent.values())


def test_time_is_told_by_what_took_it() -> None:
    assert run_line({"checks": 5.2, "data": 0.1, "trials": 3700}) == (
        "This run: 1 h 02 min (5.2 s checks, 1 h 02 min trials)."
    )
    assert run_line({}) == "This run: 0 s."
    assert trials_line([]) is None


def test_the_ending_tells_all_runs_by_how_trials_ended() -> None:
    settings = SearchSettings(trials=9, sampler="random", scheduler="none", seed=1)
    with history(FLAT, settings) as search:
        for _ in range(7):
            trial = search.driver.next()
            assert trial is not None
            for epoch in (1, 2, 3):
                found = result(epoch, height(trial.config) * (1 - 0.5**epoch), 20.0)
                search.driver.report(trial.number, found)
            search.driver.finish(trial.number)
        broken = search.driver.next()
        assert broken is not None
        search.driver.report(broken.number, result(1, 0.5, 30.0))
        search.driver.fail(broken.number, "it broke")
        trials = open_store(search.url).trials(search.experiment.id)
        assert trials_line(trials) == (
            "Trials, over all runs: 7 min 00 s trained to the end, 30 s failed."
        )
        written = io.StringIO()
        show_ending(Terminal(file=written, width=80), "history", search.url, {"trials": 8.0})
        said = written.getvalue()
        ranks = re.findall(r"^ +(\d+) +\d+ +0\.\d{4} \[", said, flags=re.MULTILINE)
        assert ranks == ["1", "2", "3", "4", "5"]
        assert f"--store {search.url}" in said


def test_what_comes_next_is_quoted_and_shows_no_password() -> None:
    lines = next_commands("a b", "postgresql://user:secret@host/db")
    assert all("secret" not in line for line in lines)
    assert lines[1] == (
        "sedn export 'a b' --rank 1 -o 'a b.yaml' --store postgresql://user@host/db"
    )
    assert "--store" not in "".join(next_commands("spring", "sqlite:///sedn.db"))


def test_the_best_so_far_stands_beside_the_baseline() -> None:
    tally = Tally()
    said = []
    for number, role, auc in ((3, "sampled", 0.4), (0, "baseline", 0.5), (1, "sampled", 0.6)):
        tally.add(number, role, TrialState.COMPLETE, auc)
        said.append(str(summary("spring", tally.snapshot(9, ()), 0)).split("  ·  ")[2])
    assert said == [
        "best 0.4000 (trial 3)",
        "best 0.5000 (trial 0, the baseline)",
        "best 0.6000 (trial 1, +20.0% over the baseline)",
    ]
