"""Experiments are taken from one database into another, of either kind, and go on there."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from sqlalchemy import select, text

from benchmarks.machines.postgresql import new_database
from results.database.models import Base, TrialState
from results.database.store import Store
from search.lock import sole_driver
from search.merging import back_up, merge
from search.study import open_storage
from sedn.errors import UserError
from tests.search.places import Place
from tests.search.test_experiments import die_at


@pytest.fixture
def here(tmp_path: Path) -> Place:
    return Place(f"sqlite:///{tmp_path}/here.db", f"{tmp_path}/runs")


@pytest.fixture
def there(tmp_path: Path) -> Place:
    """On the same storage path."""
    return Place(f"sqlite:///{tmp_path}/there.db", f"{tmp_path}/runs")


@pytest.fixture(params=["sqlite-postgresql", "postgresql-sqlite", "sqlite-sqlite"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Place, Place]:
    """A database that is taken from, and one that takes."""

    def place(kind: str, name: str) -> Place:
        if kind == "sqlite":
            return Place(f"sqlite:///{tmp_path}/{name}.db", f"{tmp_path}/runs")
        server = request.getfixturevalue("postgres_server")
        url = new_database(server)
        # Moments come back in the zone of the server.
        with Place(url, "").open().engine.begin() as connection:
            database = url.rpartition("/")[2]
            connection.execute(text(f"ALTER DATABASE {database} SET timezone TO 'Asia/Tokyo'"))
        return Place(url, f"{tmp_path}/runs")

    first, second = request.param.split("-")
    return place(first, "from"), place(second, "to")


def content(store: Store, name: str) -> dict[str, Any]:
    """All that is known of an experiment, but for the ids of rows."""
    experiment = store.experiment(name)
    found: dict[str, Any] = {}
    numbers = {trial.id: trial.number for trial in store.trials(experiment.id)}
    with store.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            rows = [dict(row) for row in connection.execute(select(table)).mappings()]
            if "experiment_id" in table.columns:
                rows = [row for row in rows if row.pop("experiment_id") == experiment.id]
            elif "trial_id" in table.columns:
                rows = [row for row in rows if row["trial_id"] in numbers]
                for row in rows:
                    row["trial_id"] = numbers[row["trial_id"]]
            elif table.name == "sedn_experiment":
                rows = [row for row in rows if row["id"] == experiment.id]
            else:
                continue
            for row in rows:
                row.pop("id", None)
                row.pop("name", None) if table.name == "sedn_experiment" else None
            found[table.name] = sorted(rows, key=repr)
    study = optuna.load_study(study_name=name, storage=open_storage(store))
    found["study"] = [
        (t.number, t.state, t.values, t.params, t.intermediate_values, t.system_attrs)
        for t in study.trials
    ]
    return found


def test_all_of_an_experiment_is_taken_and_goes_on(pair: tuple[Place, Place]) -> None:
    source, target = pair
    target.search("other")
    source.search("spring", epochs=7)
    source.open().change_tags(1, ["paper"])
    source.open().add_request(1, "stop")
    source.open().answer_requests(1)
    with source.open().engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO sedn_test_read (experiment_id, data_fingerprint, read_at, command, "
                "trials, config_hashes) "
                "VALUES (1, 'abc', '2026-11-29 12:00:00', 'confirm', '[0]', '[\"a\"]')"
            )
        )
    before = content(source.open(), "spring")
    assert list(merge(source.open(), target.open(), {"spring": "spring"})) == [
        "Took experiment 'spring': 3 trials"
    ]
    assert content(target.open(), "spring") == before == content(source.open(), "spring")
    assert all(len(before[table]) > 0 for table in before)
    said = list(merge(source.open(), target.open(), {"spring": "spring"}))
    assert said == [f"Experiment 'spring' is in {target.open().shown} already, as 'spring'"]
    assert content(target.open(), "spring") == before
    target.trained = 7
    assert target.search("spring") == []
    assert target.trained == 4 * 3, "from the checkpoints that are there"
    row = target.open().experiment("spring")
    assert [t.state for t in target.open().trials(row.id)] == [TrialState.COMPLETE] * 4
    assert "with 4 trials and 12 epochs instead of 3 and 7" in "".join(
        merge(source.open(), target.open(), {"spring": "spring"})
    )
    target.search("next")


def test_a_name_that_is_taken_is_refused_before_anything_is_written(
    here: Place, there: Place
) -> None:
    there.search("first", epochs=3)
    there.search("spring", epochs=3)
    here.search("spring", epochs=3)
    optuna.create_study(study_name="study", storage=open_storage(here.open()))
    same = {"first": "first", "spring": "spring"}
    with pytest.raises(UserError, match="another experiment has the name 'spring'"):
        list(merge(there.open(), here.open(), same))
    with pytest.raises(UserError, match="an Optuna study of no experiment has the name 'study'"):
        list(merge(there.open(), here.open(), {"spring": "study"}))
    with pytest.raises(UserError, match="the new name 'a b': a name has up to 100"):
        list(merge(there.open(), here.open(), {"spring": "a b"}))
    assert [row.name for row in here.open().experiments()] == ["spring"]
    said = list(merge(there.open(), here.open(), {"first": "first", "spring": "summer"}))
    assert said[1] == "Took experiment 'spring' as 'summer': 2 trials"
    again = list(merge(there.open(), here.open(), same))
    assert "already, as 'summer'" in again[1]


def test_a_search_that_runs_is_not_taken(here: Place, there: Place) -> None:
    there.search("spring", epochs=3)
    running = pytest.raises(UserError, match="which can go on later, to copy it to")
    with sole_driver(there.open().engine, "spring"), running:
        list(merge(there.open(), here.open(), {"spring": "spring"}))


def test_a_file_that_cannot_be_locked_is_not_taken(
    here: Place, there: Place, tmp_path: Path
) -> None:
    there.search("spring", epochs=3)
    source, target = there.open(), here.open()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.access", lambda path, *_, **__: Path(path) != tmp_path)
        with pytest.raises(UserError, match="copy the file to a folder that you can write to"):
            list(merge(source, target, {"spring": "spring"}))
    assert target.experiments() == []


def test_what_is_killed_anywhere_is_taken_by_the_same_again(here: Place, there: Place) -> None:
    there.search("spring", epochs=4)
    here.search("other", epochs=3)
    before, at = content(there.open(), "spring"), 0
    names = {"spring": "spring"}
    while True:
        at += 1
        if not die_at(at, lambda: list(merge(there.open(), here.open(), names))):
            break
    list(merge(there.open(), here.open(), names))
    assert content(here.open(), "spring") == before
    assert sorted(optuna.get_all_study_names(open_storage(here.open()))) == ["other", "spring"]
    assert at > 5


def test_a_confirmation_confirms_what_was_taken_before_it(here: Place, there: Place) -> None:
    here.search("other", epochs=3)
    for name in ("spring", "again", "lone"):
        there.search(name, epochs=3)
    with there.open().engine.begin() as connection:
        connection.execute(text("UPDATE sedn_experiment SET confirms = 1 WHERE id = 2"))
        connection.execute(text("UPDATE sedn_experiment SET confirms = 2 WHERE id = 3"))
    list(merge(there.open(), here.open(), {"spring": "spring", "again": "again"}))
    store = here.open()
    assert store.experiment("again").confirms == store.experiment("spring").id != 1


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_backup_is_the_whole_database_as_it_was(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place = Place(f"sqlite:///{tmp_path}/sedn.db", f"{tmp_path}/runs")
    if kind == "postgresql":
        place = Place(new_database(request.getfixturevalue("postgres_server")), place.storage)
    place.search("spring")
    place.search("summer", epochs=4)
    before = {name: content(place.open(), name) for name in ("spring", "summer")}
    with sole_driver(place.open().engine, "summer"):
        back_up(place.open(), tmp_path / "copy.db")
    copy = Place(f"sqlite:///{tmp_path}/copy.db", place.storage)
    place.search("summer")
    assert {name: content(copy.open(), name) for name in before} == before
    assert not list(tmp_path.glob("copy.db.part*"))
    copy.search("summer")
    assert len(copy.holds("summer")["trials"]) == 4
    with pytest.raises(UserError, match=r"copy\.db: is there already"):
        back_up(place.open(), tmp_path / "copy.db")
    with pytest.raises(UserError, match="is a file, not a folder"):
        back_up(place.open(), tmp_path / "copy.db" / "x.db")
