"""The name of a search of which nothing was trained is free; of any other it is not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from results.database.models import Base, Experiment, TrialState
from results.database.store import Store, open_store
from search.driver.folders import TrialFolders
from search.reuse import free_name, is_untrained
from search.run import run_search
from search.settings import Resources, SearchSettings
from search.study import open_storage
from sedn.errors import UserError
from sedn.training.checkpoints.storage import CHECKPOINT
from tests.results.rows import add_trial, new_experiment, new_trial
from tests.search.backends.test_search import study_of
from tests.search.curves import make_curves
from tests.search.histories import FLAT, history


def fails(config: Any, folder: str, after_epoch: int, bounds: Any) -> Iterator[Any]:
    raise OSError("no driver of this GPU")
    yield


def add(store: Store, name: str, kind: str) -> Experiment:
    """An experiment with a trial that ended, or stands, as ``kind`` says."""
    number = new_experiment(store, name)
    if kind in ("complete", "pruned", "failed late"):
        states = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED}
        state = states.get(kind, TrialState.FAILED)
        add_trial(store, number, 0, 0.8, state=state, reason="it broke")
    elif kind == "failed":
        add_trial(store, number, 0, None, state=TrialState.FAILED, reason="it broke")
    elif kind == "running":
        from sedn.config import build_config

        store.add_trial(new_trial(number, 0, build_config({"epochs": 2}, "test"), "baseline"))
    return store.experiment(name)


@pytest.mark.parametrize(
    ("kind", "here", "away"),
    [
        ("nothing", True, True),
        ("failed", True, True),
        ("running", True, False),
        ("failed late", False, False),
        ("pruned", False, False),
        ("complete", False, False),
    ],
)
def test_what_counts_as_trained(
    kind: str, here: bool, away: bool, store_url: str, tmp_path: Path
) -> None:
    store = open_store(store_url, create=True)
    experiment = add(store, "a", kind)
    assert is_untrained(store, experiment, str(tmp_path)) is here
    assert is_untrained(store, experiment, "s3://bucket/runs") is away


def test_a_checkpoint_within_the_first_epoch_is_training(store_url: str, tmp_path: Path) -> None:
    store = open_store(store_url, create=True)
    experiment = add(store, "a", "running")
    folder = tmp_path / TrialFolders.of(str(tmp_path), experiment).experiment / "00000"
    folder.mkdir(parents=True)
    assert is_untrained(store, experiment, str(tmp_path))
    (folder / CHECKPOINT).write_bytes(b"half an epoch")
    assert not is_untrained(store, experiment, str(tmp_path))


def differs() -> None:
    raise UserError("another search")


def test_nothing_is_left_of_what_was_removed_and_others_stay(
    store_url: str, tmp_path: Path
) -> None:
    store = open_store(store_url, create=True)
    add(store, "other", "complete")
    before = rows_of(store)
    add(store, "a", "failed")
    said: list[str] = []
    free_name(store, "a", str(tmp_path), lambda: None, said.append)
    assert store.find_experiment("a"), "it is of this search"
    free_name(store, "a", str(tmp_path), differs, said.append)
    assert store.find_experiment("a") is None
    assert rows_of(store) == before
    assert len(said) == 1
    with pytest.raises(UserError, match="another search"):
        free_name(store, "other", str(tmp_path), differs, said.append)
    assert rows_of(store) == before


def rows_of(store: Store) -> dict[str, int]:
    with store.engine.connect() as connection:
        return {
            name: connection.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Base.metadata.tables.items()
        }


def test_the_study_goes_with_its_experiment() -> None:
    settings = SearchSettings(trials=4, sampler="random", scheduler="none")
    with history(FLAT, settings) as search:
        trial = search.driver.next()
        assert trial is not None
        search.driver.fail(trial.number, "it broke")
        free_name(search.store, "history", "nowhere", differs, lambda line: None)
        assert not open_storage(search.store).get_all_studies()
        # Ended by a kill between the two: the study alone is gone.
        free_name(search.store, "history", "nowhere", lambda: None, lambda line: None)


def test_a_search_that_failed_is_begun_anew_with_other_settings(
    table: Path, space_file: Path, store_url: str
) -> None:
    said: list[str] = []

    def run(seed: int, train: Any) -> None:
        run_search(
            "a",
            str(space_file),
            SearchSettings(data=str(table), seed=seed, trials=3),
            store_url,
            Resources(backend="local", storage_path=str(table.parent)),
            train=train,
            on_notice=said.append,
        )

    run(0, fails)
    run(1, make_curves())
    assert sum("no trial was trained" in line for line in said) == 1
    store = open_store(store_url)
    trials = store.trials(store.experiment("a").id)
    assert [row.number for row in trials] == [0, 1, 2]
    assert all(row.epochs for row in trials)
    assert len(study_of(store_url, "a").trials) == 3
    with pytest.raises(UserError, match="'a' was started with seed = 1, not 2"):
        run(2, make_curves())
