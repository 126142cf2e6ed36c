"""What the benchmark of faults takes for lost, repeated or wrong."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.chaos import Found, compare, report
from benchmarks.machines.account import Account


def account(folder: Path, *lines: tuple[str, str, int, float]) -> Account:
    """An account with these lines: what was done, the trial, the epochs, the value."""
    made = Account(folder / "epochs")
    for what, trial, epochs, value in lines:
        if what == "start":
            made.start(f"/storage/{trial}", epochs)
        else:
            made.trained(f"/storage/{trial}", epochs, value)
    return made


def test_a_trial_that_goes_on_from_its_checkpoint_repeats_nothing(tmp_path: Path) -> None:
    made = account(
        tmp_path,
        ("start", "0", 0, 0.0),
        ("trained", "0", 1, 0.5),
        ("trained", "0", 2, 0.6),
        ("start", "1", 0, 0.0),
        # Killed between the checkpoint of the third epoch and its note.
        ("start", "0", 3, 0.0),
        ("trained", "0", 4, 0.8),
    )
    assert (made.repeated(), made.lost(), made.contradictions()) == (0, [], [])


@pytest.mark.parametrize(
    ("again", "value", "repeated", "lost", "contradictions"),
    [(0, 0.5, 2, 1, 0), (1, 0.6, 1, 1, 0), (1, 0.7, 1, 1, 1), (2, 0.8, 0, 0, 0)],
)
def test_a_checkpoint_that_was_there_and_is_gone_is_seen(
    tmp_path: Path, again: int, value: float, repeated: int, lost: int, contradictions: int
) -> None:
    values = [0.5, 0.6, 0.8]
    made = account(
        tmp_path,
        ("start", "0", 0, 0.0),
        ("trained", "0", 1, values[0]),
        ("trained", "0", 2, values[1]),
        ("start", "0", again, 0.0),
        ("trained", "0", again + 1, value),
        *(("trained", "0", epoch, values[epoch - 1]) for epoch in range(again + 2, 4)),
    )
    assert made.repeated() == repeated
    assert len(made.lost()) == lost
    assert len(made.contradictions()) == contradictions


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    made = account(tmp_path, ("start", "0", 0, 0.0))
    made.path.write_text(made.path.read_text() + "trained 0 1")
    assert len(made.notes()) == 1


def trial(*epochs: int, auc: float = 0.5) -> dict[str, Any]:
    return {"params": {}, "mean_auc": auc, "epochs": [(epoch, auc) for epoch in epochs]}


@pytest.mark.parametrize(
    ("found", "missing", "wrong"),
    [
        ({0: trial(1, 2)}, 0, 0),
        ({0: trial(1)}, 1, 1),
        ({0: trial(1, 2, 2)}, 1, 1),
        ({0: trial(1, 2, auc=0.6)}, 0, 1),
        ({}, 2, 1),
    ],
)
def test_outcomes_are_compared(found: Any, missing: int, wrong: int) -> None:
    assert compare(found, {0: trial(1, 2)}) == (missing, wrong)


def test_the_table_counts_faults_and_the_goals_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    counts = Counter({"worker killed": 3, "driver killed": 2, "command again": 5})
    ratios = report(counts, Found(lost_trials=1), 10)
    assert (
        "faults in 10 minutes                                         5" in capsys.readouterr().out
    )
    assert ratios["chaos_lost_trials"] == {"value": 1, "goal": 0, "at_most": True}
    assert {ratio["goal"] for ratio in ratios.values()} == {0}
