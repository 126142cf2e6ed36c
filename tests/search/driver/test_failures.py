"""A search whose first trials all fail alike ends; a worker that is lost is bounded."""

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from results.database.models import TrialState
from results.database.store import open_store
from search.driver.driver import MAX_LOSSES
from search.failures import Failure
from search.run import run_search
from search.settings import Resources, SearchSettings
from tests.search.histories import CONDITIONAL, History, history, result

SETTINGS = SearchSettings(trials=12, sampler="random", scheduler="none")


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        ("ValueError: no", "ValueError: no", True),
        ("ValueError: no", "ValueError: yes", False),
        ("OSError: no", "ValueError: no", False),
        ("NonFiniteLoss: in epoch 1 at 3e-05", "NonFiniteLoss: in epoch 12 at 0.01", True),
        ("OSError: runs/00003/a.pt", "OSError: runs/00014/a.pt", True),
        ("RayActorError: actor 0a1fbbd3c0de in 12", "RayActorError: actor ffffbbd3c0aa in 9", True),
    ],
)
def test_errors_are_alike_but_for_numbers(first: str, second: str, alike: bool) -> None:
    assert (Failure(0, first).kind == Failure(1, second).kind) is alike


def end(search: History, reason: str | None) -> int:
    """Let the next trial fail for a reason, or be complete; its number."""
    trial = search.driver.next()
    assert trial is not None
    if reason is None:
        for epoch in range(trial.after_epoch + 1, trial.config.epochs + 1):
            search.driver.report(trial.number, result(epoch, 0.6))
        search.driver.finish(trial.number)
    else:
        search.driver.fail(trial.number, f"{reason}\nTraceback (most recent call last): …")
    return trial.number


def test_five_alike_end_a_search_and_the_same_command_goes_on() -> None:
    with history(CONDITIONAL, SETTINGS) as search:
        for step in range(4):
            end(search, f"OSError: no disk at step {step}")
            assert search.driver.failure is None
        running = search.driver.next()
        assert running is not None
        end(search, "OSError: no disk at step 9")
        assert search.driver.failure == Failure(0, "OSError: no disk at step 0")
        assert search.driver.ended_by == "failures"
        assert search.driver.out_of_budget, "what runs is cut off"
        search.open()
        assert search.driver.failure is None
        assert not search.driver.out_of_budget
        assert end(search, None) == running.number, "nothing is lost"
        for _ in range(6):
            end(search, "OSError: no disk at step 3")
        assert search.driver.failure is None, "the first of this run was none of them"
        assert search.driver.next() is None
        assert search.driver.ended_by == "trials"


def test_five_more_alike_end_the_next_run_too() -> None:
    with history(CONDITIONAL, SETTINGS) as search:
        for _ in range(2):
            for _ in range(5):
                assert not search.driver.out_of_budget
                end(search, "OSError: no disk")
            assert search.driver.ended_by == "failures"
            search.open()


def test_a_crash_among_the_first_five_does_not_count_anew() -> None:
    with history(CONDITIONAL, SETTINGS) as search:
        for _ in range(5):
            search.open()
            assert search.driver.failure is None
            end(search, "OSError: no disk")
        assert search.driver.failure is not None


@pytest.mark.parametrize("other", [None, "ValueError: no"])
def test_one_that_ends_otherwise_is_enough_to_go_on(other: str | None) -> None:
    with history(CONDITIONAL, SETTINGS) as search:
        for number in range(7):
            end(search, other if number == 3 else "OSError: no disk")
            assert search.driver.failure is None


def test_of_fewer_than_five_all_must_fail() -> None:
    for ends, expected in ((3 * ["OSError: no"], "failures"), (["OSError: no", None], "trials")):
        fewer = SETTINGS.model_copy(update={"trials": len(ends)})
        with history(CONDITIONAL, fewer) as search:
            for reason in ends:
                assert search.driver.ended_by is None
                end(search, reason)
            assert search.driver.next() is None
            assert search.driver.ended_by == expected
            search.open()
            assert search.driver.ended_by == expected, "and says so again"


def test_lost_workers_are_counted_over_all_runs() -> None:
    with history(CONDITIONAL, SETTINGS) as search:
        for losses in (1, 2):
            trial = search.driver.next()
            assert trial is not None
            search.driver.lose_worker(trial.number, "the node is gone")
            assert search.driver._losses[trial.number] == losses
            again = search.driver.next()
            assert again is not None
            assert again.number == trial.number == 0
            search.open()
        trial = search.driver.next()
        assert trial is not None
        search.driver.lose_worker(trial.number, "the node is gone")
        row = search.store.trials(search.experiment.id)[0]
        assert (row.state, row.cause) == (TrialState.FAILED, "worker-lost")


BROKEN = """
import search.run
from search.cli.main import main

def broken(config, folder, after_epoch, bounds):
    raise ArithmeticError(f"no number at {folder}")
    yield

# What breaks every training and can be seen beforehand is refused; this stands for the rest.
search.run._default_train = lambda: broken
main()
"""


@pytest.mark.slow
def test_the_command_says_what_all_trials_failed_by(table: Path, space_file: Path) -> None:
    words = ("search", "--name=broken", f"--data={table}", f"--space={space_file}", "--trials=5")
    where = ("--epochs=1", "--concurrent=1", "--sampler=random")

    def search() -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", BROKEN, *words, *where],
            cwd=table.parent,
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 1, done.stderr
        return done.stderr.splitlines()

    [line] = [line for line in search() if line.startswith("Ended: ")]
    assert "the first trials all failed alike, trial 0 by ArithmeticError: " in line
    assert "`sedn report broken` has its traceback" in line
    rows = open_store(f"sqlite:///{table.parent}/sedn.db").trials(1)
    assert [row.state for row in rows] == 5 * [TrialState.FAILED]
    assert search()[-1].startswith("No trial was trained to its end: `sedn report broken`")


SPACE = """
name: lost
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  epochs: 4
  batch_size: 32
axes:
  embedding.placement: {choice: [none, stage1]}
  optimizer.learning_rate: {float: [1.0e-3, 1.0e-2], log: true}
"""
ALWAYS, ONCE = 1, 2
"""Trials whose worker dies in each third epoch, and in the first one of these."""


def dying(log: Path) -> Any:
    """A real training that writes down what it yields, and ends its process."""

    def train(config: Any, folder: str, after_epoch: int, bounds: Any) -> Iterator[Any]:
        from sedn.training.epochs import train_epochs

        number = int(Path(folder).name)
        mark = log.with_name(f"died-{number}")
        for epoch in train_epochs(config, folder, after_epoch, bounds):
            with log.open("a") as lines:
                lines.write(f"{number} {epoch.epoch} {epoch.seconds!r}\n")
            yield epoch
            if epoch.epoch == 2 and (number == ALWAYS or (number == ONCE and not mark.exists())):
                mark.touch()
                os._exit(1)

    return train


@pytest.mark.slow
def test_a_worker_that_dies_goes_on_from_its_checkpoint_and_not_for_ever(
    table: Path, tmp_path: Path, store_url: str
) -> None:
    (tmp_path / "space.yaml").write_text(SPACE)
    outcome = run_search(
        "lost",
        str(tmp_path / "space.yaml"),
        SearchSettings(data=str(table), trials=3, scheduler="none", sampler="random"),
        store_url,
        Resources(storage_path=str(tmp_path), max_concurrent=1),
        train=dying(tmp_path / "log"),
    )
    assert outcome.finished
    rows = open_store(store_url).trials(1)
    assert [str(row.state) for row in rows] == ["COMPLETE", "FAILED", "COMPLETE"]
    assert (rows[ALWAYS].cause, rows[ALWAYS].epochs) == ("worker-lost", 2)
    assert rows[ALWAYS].reason
    assert [row.epochs for row in rows] == [4, 2, 4]
    yielded: dict[tuple[int, int], list[str]] = defaultdict(list)
    for line in (tmp_path / "log").read_text().splitlines():
        number, epoch, seconds = line.split()
        yielded[int(number), int(epoch)].append(seconds)
    assert len(yielded[ALWAYS, 2]) == MAX_LOSSES == 3
    assert len(yielded[ONCE, 2]) == 2
    # The seconds that an epoch took are those of the one time that it was trained.
    assert all(len(set(times)) == 1 for times in yielded.values())
