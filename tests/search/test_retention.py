"""Checkpoints that nothing needs any more go while the search runs, and no other ever does."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from results.database.models import BASELINE, Trial, TrialState
from results.database.store import Store, open_store
from search import retention
from search.backends.virtual import Clock, run_virtual
from search.cleaning import removable_trials
from search.retention import Retention
from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.errors import UserError
from sedn.training.checkpoints.files import read, write
from sedn.training.checkpoints.storage import CHECKPOINT, SET_ASIDE
from tests.search.disks import small_disk
from tests.search.histories import CONDITIONAL, FINITE, History, height, result, space_of

REPLICATES = """
name: replicates
description: whole configurations, each with three seeds
configurations:
  {plain}
  {more}
seeds: [0, 1, 2]
"""
OPTIONS: dict[str, dict[str, Any]] = {
    "asha": {"grace_epochs": 1, "reduction_factor": 2},
    "promote": {"grace_epochs": 1, "reduction_factor": 2},
    "median": {"grace_epochs": 1, "min_trials": 2},
    "none": {},
}


class Killed(BaseException):
    """What stands for the end of the process."""


def make_train(fails: float = 9.0) -> Callable[..., Iterator[Any]]:
    """Known curves, kept in checkpoints: of an epoch that was told there must be one.

    Configurations with a weight decay above ``fails`` break in their second epoch.
    """

    def train(config: Any, folder: str, after_epoch: int, bounds: Any) -> Iterator[Any]:
        kept = read(folder, CHECKPOINT)
        curve = json.loads(kept) if kept else []
        assert len(curve) >= after_epoch, f"{folder}: a checkpoint is gone that is gone on from"
        for epoch in range(after_epoch + 1, config.epochs + 1):
            if epoch == 2 and config.optimizer.weight_decay > fails:
                raise ValueError("too much")
            # Curves cross, so that trials that were ahead are overtaken.
            slow = 0.3 + 0.6 * ((config.optimizer.weight_decay * 37) % 1)
            curve = [*curve[: epoch - 1], height(config) * (1 - slow**epoch)]
            write(folder, CHECKPOINT, json.dumps(curve).encode())
            yield result(epoch, curve[-1], seconds=1 + slow)

    return train


def kept_in(storage: Path) -> set[int]:
    """Numbers of the trials that have a checkpoint."""
    return {int(file.parent.name) for file in storage.rglob(CHECKPOINT)}


def trained(store: Store) -> list[Trial]:
    rows = store.trials(store.experiments()[0].id)
    return [row for row in rows if row.duplicate_of is None and row.epochs]


def needed(store: Store, scheduler: str, keep: int) -> set[int]:
    """Numbers of the trials whose checkpoints may be asked for, in words of the documentation."""
    rows = trained(store)
    complete = [row for row in rows if row.state is TrialState.COMPLETE]
    best = sorted(complete, key=lambda row: (-(row.mean_auc or 0.0), row.number))[:keep]
    go_on = [row for row in rows if row.state is TrialState.RUNNING]
    if scheduler == "promote":
        go_on += [row for row in rows if row.state is TrialState.PRUNED and row.cause is None]
    baseline = [row for row in complete if row.role == BASELINE]
    return {row.number for row in (*best, *go_on, *baseline)}


@settings(max_examples=6, deadline=None)
@given(
    scheduler=st.sampled_from(sorted(OPTIONS)),
    space=st.sampled_from([CONDITIONAL, FINITE]),
    seed=st.integers(0, 1000),
    workers=st.integers(1, 4),
    keep=st.integers(1, 4),
    deaths=st.lists(st.integers(1, 20), max_size=2),
)
def test_whatever_happens_what_may_be_needed_is_there(
    scheduler: str, space: str, seed: int, workers: int, keep: int, deaths: list[int]
) -> None:
    asked = SearchSettings(
        trials=12,
        epochs=5,
        seed=seed,
        sampler="random",
        keep_best=keep,
        scheduler=scheduler,
        **OPTIONS[scheduler],
    )
    with TemporaryDirectory() as name:
        storage = Path(name) / "runs"
        search = History(space_of(space), asked, f"sqlite:///{name}/sedn.db", str(storage))
        left = list(deaths)
        while not search.driver.finished:
            kept = Retention(search.store, search.experiment, str(storage))
            clock = Clock()
            search.open(clock=clock)
            steps = left.pop() if left else -1

            def step(
                _: object,
                kept: Retention = kept,
                until: list[int] = [steps],  # noqa: B006
            ) -> None:
                kept.remove_new()
                assert kept_in(storage) >= needed(search.store, scheduler, keep)
                until[0] -= 1
                if until[0] == 0:
                    raise Killed

            try:
                run_virtual(search.driver, make_train(fails=0.09), clock, workers, step)
            except Killed:
                search.open()
        assert kept.remove_all() >= 0
        assert kept_in(storage) == needed(search.store, scheduler, keep)


SPACE = """
name: small
base:
  data: {image_size: 32}
  backbone: {name: resnet10t, pretrained: false}
  epochs: 4
axes:
  embedding.placement: {choice: [none, input, stage1]}
  optimizer.weight_decay: {float: [0.0, 0.1]}
"""


def searched(
    folder: Path, trials: int, keep: Any = None, space: str = SPACE, train: Any = None
) -> tuple[Store, list[str]]:
    """The store of a search, and what the search told."""
    (folder / "space.yaml").write_text(space)
    url, told = f"sqlite:///{folder}/sedn.db", list[str]()
    where = Resources(backend="local", storage_path=str(folder / "runs"))
    asked = SearchSettings(trials=trials, sampler="random", scheduler="none", keep_best=keep)
    options: dict[str, Any] = {"train": train or make_train(), "on_notice": told.append}
    run_search("s", str(folder / "space.yaml"), asked, url, where, **options)
    return open_store(url), told


def test_a_search_keeps_as_many_as_it_was_asked_for(tmp_path: Path) -> None:
    store, _ = searched(tmp_path, 6, "all")
    assert kept_in(tmp_path / "runs") == {row.number for row in trained(store)}
    store, told = searched(tmp_path, 8)
    assert kept_in(tmp_path / "runs") == {row.number for row in trained(store)}, "as before"
    assert not told
    store, told = searched(tmp_path, 9, 2)
    assert kept_in(tmp_path / "runs") == needed(store, "none", 2)
    [line] = told
    assert "freed: checkpoints of ended trials that are not among the best 2 (`keep_best`)" in line
    store, told = searched(tmp_path, 10)
    assert kept_in(tmp_path / "runs") == needed(store, "none", 2), "as before"
    assert not told


def test_ten_stay_where_nothing_is_said(tmp_path: Path) -> None:
    store, told = searched(tmp_path, 14)
    assert kept_in(tmp_path / "runs") == needed(store, "none", 10)
    assert len(trained(store)) == 14
    assert not told


@pytest.mark.parametrize("wrong", [0, -1, "some", 1.5, True, 10**9])
def test_what_is_no_number_of_configurations_is_refused(wrong: Any) -> None:
    with pytest.raises(UserError, match=r"`keep_best`: '.*' is neither a number of configurations"):
        SearchSettings(keep_best=wrong)


def test_a_search_that_is_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    for epochs in (3, 9, 14, 10, None):
        child = os.fork()
        if child == 0:
            try:
                retention.LEAST_SECONDS, retention.REST = 0.001, 0
                searched(tmp_path, 12, 2, train=dying(after=epochs))
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        assert status == (0 if epochs is None else signal.SIGKILL)
    store = open_store(f"sqlite:///{tmp_path}/sedn.db")
    assert {row.state for row in trained(store)} == {TrialState.COMPLETE}
    assert kept_in(tmp_path / "runs") == needed(store, "none", 2)


def dying(after: int | None) -> Callable[..., Iterator[Any]]:
    """A training in whose process so many epochs are told, and then it is killed."""
    train, told = make_train(), 0

    def dies(*call: Any) -> Iterator[Any]:
        nonlocal told
        for reached in train(*call):
            yield reached
            told += 1
            if told == after:
                os.kill(os.getpid(), signal.SIGKILL)

    return dies


def test_a_trial_that_completes_while_the_store_is_read_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = History(
        space_of(FINITE), SearchSettings(sampler="random"), f"sqlite:///{tmp_path}/s.db"
    )
    for reached in (0.6, 0.5):
        trial = search.driver.next()
        assert trial is not None
        search.driver.report(trial.number, result(3, reached))
        search.driver.finish(trial.number)
    best = search.driver.next()
    assert best is not None
    completes = [lambda: search.driver.report(best.number, result(3, 0.9)),
                 lambda: search.driver.finish(best.number)]  # fmt: skip
    for name in ("complete", "ended"):
        real = getattr(Store, name)

        def reading(store: Store, *asked: Any, real: Any = real) -> Any:
            found = real(store, *asked)
            while completes:
                completes.pop(0)()
            return found

        monkeypatch.setattr(Store, name, reading)
    removable = removable_trials(search.store, search.experiment, 1)
    assert not completes
    assert Path(best.folder).name not in removable
    assert removable_trials(search.store, search.experiment, 1) == {"00001"}


def test_configurations_of_several_seeds_keep_all_that_is_complete(tmp_path: Path) -> None:
    fields = "backbone: {name: resnet10t, pretrained: false}, data: {image_size: 32}, epochs: 2"
    listed = [f"c{n}: {{{fields}, optimizer: {{weight_decay: 0.0{n}}}}}" for n in range(3)]
    space = REPLICATES.format(plain=listed[0], more="\n  ".join(listed[1:]))
    store, _ = searched(tmp_path, 9, 1, space)
    assert kept_in(tmp_path / "runs") == {row.number for row in trained(store)}
    assert len(trained(store)) >= 7


def test_a_storage_path_that_cannot_be_written_is_told_of_once(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 8) as disk:
        (tmp_path / "disk" / "runs").mkdir()
        (tmp_path / "runs").symlink_to(tmp_path / "disk" / "runs")
        store, _ = searched(tmp_path, 6, "all")
        experiment, told = store.experiments()[0], list[str]()
        experiment.settings = {**experiment.settings, "keep_best": 2}
        kept = Retention(store, experiment, str(tmp_path / "runs"), told.append)
        before = kept_in(disk.path)
        subprocess.run(["mount", "-o", "remount,ro", str(disk.path)], check=True)
        assert not kept.attempt(kept.remove_new)
        assert not kept.attempt(kept.remove_new)
        assert kept_in(disk.path) == before
        [line] = told
        assert "checkpoint.pt: cannot be removed: Read-only file system. The search goes" in line
        subprocess.run(["mount", "-o", "remount,rw", str(disk.path)], check=True)
        assert kept.attempt(kept.remove_new)
        assert kept_in(disk.path) == needed(store, "none", 2)


def test_what_was_set_aside_and_what_is_written_late_go_too(tmp_path: Path) -> None:
    store, _ = searched(tmp_path, 5, 1)
    gone = {row.number for row in trained(store)} - kept_in(tmp_path / "runs")
    folder = Path(next(row.folder for row in trained(store) if row.number in gone))
    (folder / SET_ASIDE).write_bytes(b"damaged")
    write(str(folder), CHECKPOINT, b"by a worker that was lost")
    write(str(folder), "predictions.npz", b"scores")
    assert Retention(store, store.experiments()[0], str(tmp_path / "runs")).remove_all() == 32
    assert [file.name for file in folder.iterdir()] == ["predictions.npz"]
