"""Where a trial's checkpoint is looked for when databases, names and folders change."""

import shutil
from pathlib import Path

import pytest

from results.database.store import Store, open_store
from search.driver import Assignment, Driver
from search.run import run_search
from search.settings import Resources, SearchSettings
from search.study import open_study
from sedn.training.checkpoints.folder import save_state
from tests.search.driver.test_driver import SPACE, result
from tests.search.experiments import experiment_of
from tests.search.histories import space_of

SETTINGS = SearchSettings(trials=4, sampler="random", scheduler="none")


def open_driver(database: Path, storage: str, name: str = "spring") -> tuple[Store, Driver]:
    """The search called ``name``, started or gone on with."""
    store, space = open_store(f"sqlite:///{database}", create=True), space_of(SPACE)
    if store.find_experiment(name) is None:
        store.create_experiment(experiment_of(name, space, {}))
    study = open_study(store, name, space)
    return store, Driver(store, store.experiment(name), study, space, SETTINGS, storage)


def next_trial(database: Path, storage: str, name: str = "spring") -> Assignment:
    """What the search hands out first: a trial that was running, if there is one."""
    store, driver = open_driver(database, storage, name)
    trial = driver.next()
    assert trial is not None
    store.engine.dispose()
    return trial


def test_experiments_of_one_name_share_no_folder(tmp_path: Path) -> None:
    folders = [
        next_trial(tmp_path / f"{database}.db", str(tmp_path / "runs"), name).folder
        for database in ("mine", "yours")
        for name in ("spring", "autumn")
    ]
    assert len(set(folders)) == 4
    assert all(folder.startswith(str(tmp_path / "runs")) for folder in folders)


def test_a_removed_database_leaves_no_checkpoint_to_the_next_search(tmp_path: Path) -> None:
    database, storage = tmp_path / "sedn.db", str(tmp_path / "runs")
    before = next_trial(database, storage).folder
    database.unlink()
    assert next_trial(database, storage).folder != before


@pytest.mark.parametrize("storage", ["runs", "s3://bucket/runs"])
def test_a_running_trial_goes_on_below_the_storage_path_of_now(
    tmp_path: Path, storage: str
) -> None:
    database = tmp_path / "sedn.db"
    before = next_trial(database, f"{tmp_path}/old")
    again = next_trial(database, storage)
    assert again.number == before.number
    assert again.folder == before.folder.replace(f"{tmp_path}/old", storage)


def test_a_trial_whose_checkpoint_did_not_move_goes_on_from_where_it_lies(tmp_path: Path) -> None:
    database = tmp_path / "sedn.db"
    before = next_trial(database, f"{tmp_path}/old")
    save_state(before.folder, {})
    assert next_trial(database, f"{tmp_path}/new").folder == before.folder
    shutil.move(tmp_path / "old", tmp_path / "new")
    moved = next_trial(database, f"{tmp_path}/new")
    assert moved.folder == before.folder.replace("old", "new")


def test_a_moved_folder_is_not_made_again(tmp_path: Path) -> None:
    database = tmp_path / "old" / "sedn.db"
    database.parent.mkdir()
    store, driver = open_driver(database, f"{tmp_path}/old/runs")
    trial = driver.next()
    assert trial is not None
    save_state(trial.folder, {})
    driver.report(trial.number, result(1, 0.6))
    store.engine.dispose()
    shutil.move(tmp_path / "old", tmp_path / "new")
    again = next_trial(tmp_path / "new" / "sedn.db", f"{tmp_path}/new/runs")
    assert (Path(again.folder) / "checkpoint.pt").exists()
    assert not (tmp_path / "old").exists()


TRAINED = """
name: tiny
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  epochs: 1
  batch_size: 16
axes:
  embedding.placement: {choice: [none, input, stage1]}
"""


def test_a_second_search_of_a_name_reports_its_own_training(tmp_path: Path, table: Path) -> None:
    (tmp_path / "space.yaml").write_text(TRAINED)

    def search(database: str, seed: int) -> list[float | None]:
        settings = SearchSettings(data=str(table), trials=2, seed=seed, scheduler="none")
        where = Resources(backend="local", storage_path=str(tmp_path / "runs"))
        url = f"sqlite:///{tmp_path}/{database}.db"
        assert run_search("spring", str(tmp_path / "space.yaml"), settings, url, where).finished
        return [row.mean_auc for row in open_store(url).trials(1)]

    first, other, again = search("one", 0), search("two", 1), search("three", 0)
    assert None not in first
    assert first == again
    assert not set(first) & set(other)
