"""Experiments are renamed and deleted with their study and checkpoints, and nothing else is."""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from sqlalchemy import text, update

from benchmarks.machines.postgresql import new_database
from results.database.connection.opening import open_any_version
from results.database.models import Base, Trial, TrialState
from search.disk import checkpoint_folders
from search.experiments import (
    delete_experiment,
    relocate_experiment,
    rename_experiment,
)
from search.lock import sole_driver
from search.study import open_storage, open_study
from search.warm_start import check_warm_start, warm_start
from sedn.errors import UserError
from tests.search.crashes import watching
from tests.search.places import SETTINGS, SPACE, Place

NOTHING = {"trials": [], "study": False, "folders": []}


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """In either database."""
    if request.param == "sqlite":
        return Place(f"sqlite:///{tmp_path}/sedn.db", f"{tmp_path}/runs")
    return Place(new_database(request.getfixturevalue("postgres_server")), f"{tmp_path}/runs")


@pytest.fixture
def here(tmp_path: Path) -> Place:
    """In SQLite."""
    return Place(f"sqlite:///{tmp_path}/sedn.db", f"{tmp_path}/runs")


def delete(place: Place, name: str) -> list[str]:
    store = place.open()
    folders = checkpoint_folders(store, store.experiment(name), None)
    return list(delete_experiment(store, name, folders))


def test_a_search_goes_on_under_its_new_name(place: Place) -> None:
    # In the middle of the second trial.
    assert place.search("spring", epochs=4) == ["cut off"]
    place.open().write_note(1, "the first one")
    rename_experiment(place.open(), "spring", "summer")
    assert place.search("summer") == [], "the study is that of before, and not made again"
    store = place.open()
    row = store.experiment("summer")
    trials = store.trials(row.id)
    assert [t.state for t in trials] == [TrialState.COMPLETE] * 4
    assert place.trained == 4 * 3
    assert row.note == "the first one"
    assert {t.folder.rpartition("/")[0] for t in trials} == {f"{place.storage}/{row.folder}"}
    assert place.holds("spring") | {"folders": []} == NOTHING | {"trials of studies": 4}
    study = optuna.load_study(study_name="summer", storage=open_storage(store))
    assert [t.values for t in study.trials] == [[t.mean_auc] for t in trials]
    with pytest.raises(UserError, match="no experiment 'spring' in this database"):
        rename_experiment(store, "spring", "autumn")


def test_a_new_name_is_free_and_can_be_one(place: Place) -> None:
    place.search("spring")
    place.search("summer")
    optuna.create_study(study_name="autumn", storage=open_storage(place.open()))
    for name, why in {
        "summer": "experiment 'summer' is there already",
        "spring": "experiment 'spring' is there already",
        "autumn": "an Optuna study 'autumn' is in this database, of no experiment",
        "a/b": "the new name 'a/b': a name has up to 100 letters",
    }.items():
        with pytest.raises(UserError, match=why):
            rename_experiment(place.open(), "spring", name)
    assert place.holds("spring")["study"]
    assert place.open().experiment("spring").id == 1


@pytest.mark.parametrize("name", ["spring", "winter"])
def test_nothing_is_changed_while_a_search_runs(name: str, place: Place) -> None:
    place.search("spring")
    before = place.holds("spring")
    with sole_driver(open_any_version(place.url), name):
        with pytest.raises(UserError, match="end that search, which can go on later, to"):
            rename_experiment(place.open(), "spring", "winter")
        if name == "spring":
            with pytest.raises(UserError, match="which can go on later, to delete it"):
                delete(place, "spring")
            with pytest.raises(UserError, match="to record where its checkpoints are"):
                relocate_experiment(place.open(), "spring", place.storage)
    assert place.holds("spring") == before


def test_an_experiment_whose_study_was_never_made_is_renamed(here: Place) -> None:
    here.make("spring")
    rename_experiment(here.open(), "spring", "summer")
    assert here.search("summer") == []
    assert len(here.holds("summer")["trials"]) == 4


def test_all_of_one_experiment_is_deleted_and_nothing_of_another(place: Place) -> None:
    place.search("spring")
    place.search("summer")
    elsewhere = Place(f"sqlite:///{Path(place.storage).parent}/other.db", place.storage)
    elsewhere.search("spring")
    kept, folder = place.holds("summer"), place.open().experiment("spring").folder
    said = delete(place, "spring")
    assert said == [
        f"Deleted {place.storage}/{folder}",
        "Deleted experiment 'spring' and its Optuna study",
    ]
    assert not Path(place.storage, folder).exists()
    left = place.holds("spring")
    assert (left["trials"], left["study"]) == ([], False)
    assert place.holds("summer") == kept | {"trials of studies": 4}
    assert len(elsewhere.holds("spring")["trials"]) == 4
    assert len(elsewhere.holds("spring")["folders"]) == 4, "of the same name in another database"
    with open_any_version(place.url).connect() as connection:
        for table in (t.name for t in Base.metadata.sorted_tables if "trial_id" in t.columns):
            query = (
                f"SELECT count(*) FROM {table} WHERE trial_id NOT IN (SELECT id FROM sedn_trial)"
            )
            assert connection.scalar(text(query)) == 0
    place.search("spring")
    assert len(place.holds("spring")["trials"]) == 4, "the name begins anew"


def test_a_confirmation_outlives_what_it_confirms(place: Place) -> None:
    place.search("spring")
    place.search("again")
    store = place.open()
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE sedn_experiment SET confirms = 1 WHERE id = 2"))
        for experiment in (1, 1, 2):
            row = f"({experiment}, '{'0' * 16}', '2026-11-29 12:00:00', 'confirm', '[0]', '[]')"
            columns = "(experiment_id, data_fingerprint, read_at, command, trials, config_hashes)"
            connection.execute(text(f"INSERT INTO sedn_test_read {columns} VALUES {row}"))
    said = delete(place, "spring")
    assert "Experiment 'again', which confirms 'spring', stays" in said
    assert "The test split was read 2 times for 'spring', which stays counted" in said
    assert len(place.open().test_reads("0" * 16)) == 3
    assert place.open().experiment("again").confirms is None


def test_checkpoints_are_deleted_where_they_were_moved(here: Place, tmp_path: Path) -> None:
    here.search("spring")
    Path(here.storage).rename(tmp_path / "moved")
    store = here.open()
    row = store.experiment("spring")
    folders = checkpoint_folders(store, row, f"{tmp_path}/moved")
    said = list(delete_experiment(store, "spring", folders))
    assert f"Deleted {tmp_path}/moved/{row.folder}" in said
    assert any(f"{here.storage}/{row.folder}: not found from here" in line for line in said)
    assert not list((tmp_path / "moved").iterdir())


def test_checkpoints_that_were_moved_are_found_everywhere(place: Place, tmp_path: Path) -> None:
    # Two storage paths, of which one is the start of the other's name; signs that LIKE reads.
    place.trials, place.storage = 2, f"{tmp_path}/ru_s"
    place.search("spring")
    place.search("summer")
    place.trials, place.storage = 4, f"{tmp_path}/ru_s%2"
    place.search("spring")
    store = place.open()
    row = store.experiment("spring")
    others = [t.folder for t in store.trials(store.experiment("summer").id)]
    with store.sessions.begin() as session:
        # The third trial was answered by the second, whose predictions it has.
        session.execute(
            update(Trial)
            .where(Trial.experiment_id == row.id, Trial.number < 3)
            .values(predictions=f"{tmp_path}/ru_s/{row.folder}/00001/predictions.npz")
        )
    moved = tmp_path / "moved"
    for storage in ("ru_s", "ru_s%2"):
        shutil.copytree(tmp_path / storage / row.folder, moved / row.folder, dirs_exist_ok=True)
        shutil.rmtree(tmp_path / storage / row.folder)
    with pytest.raises(UserError, match=f"`storage_path`: '{tmp_path}/nowhere/{row.folder}'"):
        relocate_experiment(store, "spring", f"{tmp_path}/nowhere")
    assert relocate_experiment(store, "spring", str(moved)) == 4 + 3
    assert relocate_experiment(store, "spring", str(moved)) == 0
    trials = store.trials(row.id)
    assert [t.folder for t in trials] == [f"{moved}/{row.folder}/{n:05d}" for n in range(4)]
    kept = [t.predictions for t in trials]
    assert kept == [f"{moved}/{row.folder}/00001/predictions.npz"] * 3 + [None]
    assert [t.folder for t in store.trials(store.experiment("summer").id)] == others
    trained = place.trained
    place.trials, place.storage = 5, str(moved)
    assert place.search("spring") == []
    assert place.trained == trained + 3


def test_no_folder_that_may_be_another_s_is_deleted(here: Place, tmp_path: Path) -> None:
    here.search("spring", epochs=1)
    store = here.open()
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE sedn_trial SET folder = :f"), {"f": f"{tmp_path}/runs/1"})
    assert checkpoint_folders(store, store.experiment("spring"), None) == []


def test_what_cannot_be_removed_leaves_the_experiment(here: Place, tmp_path: Path) -> None:
    here.search("spring")
    store = here.open()
    folder = Path(here.storage, store.experiment("spring").folder)
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="is a link; remove what it leads to"):
        delete(here, "spring")
    with pytest.raises(UserError, match="nope://a/b: cannot be removed"):
        list(delete_experiment(store, "spring", ["nope://a/b"]))
    assert len(here.holds("spring")["trials"]) == 4
    assert here.holds("spring")["study"]


def die_at(at: int, act: Callable[[], object]) -> bool:
    """Do it in a process of its own, killed before its write ``at``; whether it got that far."""
    child = os.fork()
    if child == 0:
        left = at

        def write(what: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        def audit(name: str, _: object) -> None:
            if name in ("os.remove", "os.rmdir", "os.rename"):
                write(name)

        try:
            sys.addaudithook(audit)
            with watching(write):
                act()
            os._exit(0)
        except BaseException:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def test_a_deletion_that_is_killed_anywhere_is_ended_by_the_same_again(here: Place) -> None:
    here.trials = 2
    here.search("other", epochs=3)
    kept, points = here.holds("other"), 0
    while True:
        here.search("spring")
        points += 1
        killed = die_at(points, lambda: delete(here, "spring"))
        if not killed:
            break
        delete(here, "spring")
        assert here.holds("spring") == NOTHING | {"trials of studies": 2}, points
    # Checkpoints with their folders and the folder around, the study, and the rows.
    assert points - 1 >= 2 + 2 + 1 + 2
    assert here.holds("spring") == NOTHING | {"trials of studies": 2}
    assert here.holds("other") == kept


def test_a_deletion_that_is_killed_anywhere_leaves_a_search_that_goes_on(here: Place) -> None:
    here.trials, points = 2, 0
    while True:
        here.search("spring", epochs=4)
        points += 1
        if not die_at(points, lambda: delete(here, "spring")):
            break
        here.search("spring")
        assert here.holds("spring")["trials"] == [0, 1], points
        delete(here, "spring")
    assert points > 5


def test_a_search_goes_on_without_the_one_that_it_was_warmed_by(here: Place) -> None:
    here.search("spring")
    warm = SETTINGS.model_copy(update={"warm_start": "spring"})
    with pytest.raises(UserError, match="no experiment 'sprin' in"):
        wrong = SETTINGS.model_copy(update={"warm_start": "sprin"})
        check_warm_start(wrong, "summer", here.url)
    here.search("summer", epochs=1)
    rename_experiment(here.open(), "spring", "first")
    check_warm_start(warm, "summer", here.url)
    store, told = here.open(), list[str]()
    study = open_study(store, "summer", SPACE)
    # Made again from the store, a study no longer says that the leaders were enqueued.
    study.set_user_attr("rebuilt", True)
    warm_start(study, store, "spring", SPACE, told.append)
    assert told == ["`warm_start=spring`: it is gone, so none of its leaders is tried any more"]
    with pytest.raises(UserError, match="no experiment 'spring' in this database"):
        check_warm_start(warm, "autumn", here.url)


def test_tags_and_notes_are_kept_while_a_search_writes(place: Place) -> None:
    place.search("spring", epochs=1)
    store = place.open()
    assert store.change_tags(1, ["new", "für-später"]) == ["für-später", "new"]
    assert store.change_tags(1, ["new", "best"], ["für-später"]) == ["best", "new"]
    store.write_note(1, "line 1\nline\0 2")
    store.update_settings(1, SETTINGS.model_dump(mode="json"))
    place.search("spring")
    row = place.open().experiment("spring")
    assert (row.tags, row.note) == (["best", "new"], "line 1\nline\\0 2")
    store.write_note(1, None)
    assert place.open().experiment("spring").note is None
