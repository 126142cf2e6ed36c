"""Opening a database: what is wrong is said in one line, and nothing is made by reading."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from benchmarks.machines.postgresql import free_port, new_database
from results.database.connection import opening
from results.database.models import SCHEMA_VERSION
from results.database.store import find_store, open_store
from sedn.errors import UserError
from tests.results.permissions import ordinary_user
from tests.results.rows import add_trial, new_experiment


def refused(url: str, *, create: bool = False) -> str:
    with pytest.raises(UserError) as caught:
        open_store(url, create=create)
    said = str(caught.value)
    assert "\n" not in said
    return said


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "not a database URL"),
        ("sedn.db", "not a database URL; use sqlite:///sedn.db"),
        ("postgres://user@host/sedn", "not a database URL"),
        ("postgresql+psycopg://user@host:port/sedn", "not a database URL"),
        ("sqlite:///a\0b.db", "not a database URL"),
        ("mysql://user@host/sedn", "only sqlite"),
        ("sqlite+aiosqlite:///sedn.db", "only sqlite"),
        ("postgresql+psycopg2://user@host/sedn", "only sqlite"),
        ("sqlite://", "name a file"),
        ("sqlite:///", "name a file"),
        ("sqlite:///:memory:", "name a file"),
        ("sqlite://sedn.db", "name a file"),
        ("sqlite://folder/sedn.db", "name a file"),
        ("sqlite:///sedn.db?mode=ro", "takes no options"),
    ],
)
def test_a_url_that_is_none_of_ours(
    url: str, said: str, create: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = refused(url, create=create)
    assert line.startswith("`store` '")
    assert said in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("create", [False, True])
def test_a_folder(tmp_path: Path, create: bool) -> None:
    assert refused(f"sqlite:///{tmp_path}", create=create) == (
        f"{tmp_path}: is a folder, not a database; name a file in it"
    )


def test_a_missing_file_is_not_made_by_reading(tmp_path: Path) -> None:
    path = tmp_path / "sedn.db"
    assert refused(f"sqlite:///{path}").startswith(f"{path}: no results yet")
    assert not path.exists()


def test_a_path_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    inside = refused(f"sqlite:///{tmp_path}/file/sedn.db", create=True)
    assert f"'{tmp_path}/file' is a file, not a folder" in inside
    assert "File name too long" in refused(f"sqlite:///{tmp_path}/{'x' * 300}.db", create=True)


@pytest.mark.parametrize("create", [False, True])
def test_a_file_that_is_no_database(tmp_path: Path, create: bool) -> None:
    path = tmp_path / "sedn.db"
    path.write_bytes(b"this is no database" * 100)
    line = refused(f"sqlite:///{path}", create=create)
    assert line == f"{path}: cannot be opened: file is not a database"
    assert path.read_bytes() == b"this is no database" * 100


def test_a_database_of_others(tmp_path: Path) -> None:
    path = tmp_path / "others.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table theirs (x)")
    assert refused(f"sqlite:///{path}") == f"{path}: holds no results; `sedn search` makes them"
    open_store(f"sqlite:///{path}", create=True)
    with sqlite3.connect(path) as connection:
        names = {row[0] for row in connection.execute("select name from sqlite_master")}
    assert {"theirs", "sedn_schema", "sedn_trial", "sedn_label_aucs"} <= names


@pytest.mark.parametrize("create", [False, True])
def test_another_version_of_the_tables(tmp_path: Path, create: bool) -> None:
    path = tmp_path / "sedn.db"
    open_store(f"sqlite:///{path}", create=True)
    with sqlite3.connect(path) as connection:
        connection.execute("update sedn_schema set version = ?", (SCHEMA_VERSION + 1,))
    line = refused(f"sqlite:///{path}", create=create)
    assert f"(tables {SCHEMA_VERSION + 1}, this one reads {SCHEMA_VERSION})" in line


def test_a_second_opening_finds_what_the_first_wrote(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/folder/sedn.db"
    first = open_store(url, create=True)
    add_trial(first, new_experiment(first, "kept"), 0, 0.7)
    for create in (True, False):
        store = open_store(url, create=create)
        assert store.trials(store.experiment("kept").id)[0].mean_auc == 0.7


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/sedn.db"
    return new_database(request.getfixturevalue("postgres_server"))


def test_many_that_start_at_once_make_the_tables_once(empty_url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: open_store(empty_url, create=True), range(8)))
    new_experiment(stores[0], "shared")
    assert all(store.find_experiment("shared") for store in stores)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://127.0.0.1:1/x?user=u&password=hunter2",
        "postgresql+psycopg://u:hunter2@127.0.0.1:1/x?sslmode=disable&password=hunter2",
        "postgresql+psycopg://u:a@hunter2@127.0.0.1:1/x",
        "postgresql+psycopg://u:a@hunter2?@127.0.0.1:1/x",
        "postgresql+psycopg://u:a/hunter2@127.0.0.1:1/x",
        "mysql://127.0.0.1/x?password=hunter2",
        "nonsense://u:hunter2@x?password=hunter2",
    ],
)
def test_no_error_shows_a_password(url: str) -> None:
    with pytest.raises(UserError) as caught:
        open_store(url)
    assert "hunter2" not in str(caught.value)


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    port = free_port()
    line = refused(f"postgresql://sedn:secret@127.0.0.1:{port}/sedn")
    assert f"127.0.0.1:{port}/sedn: cannot be opened" in line
    assert "secret" not in line


def test_a_database_that_the_server_lacks(postgres_server: str) -> None:
    assert 'database "none" does not exist' in refused(f"{postgres_server}/none", create=True)


@pytest.fixture
def readonly_copy(open_folder: Path) -> Iterator[Path]:
    """A store in a folder in which nothing can be written."""
    path = open_folder / "sedn.db"
    store = open_store(f"sqlite:///{path}", create=True)
    add_trial(store, new_experiment(store), 0, 0.7)
    store.engine.dispose()
    path.chmod(0o444)
    open_folder.chmod(0o555)
    yield path
    open_folder.chmod(0o755)


def test_a_search_finds_out_at_once_that_it_cannot_write(readonly_copy: Path) -> None:
    with ordinary_user():
        line = refused(f"sqlite:///{readonly_copy}", create=True)
    assert line.startswith(f"{readonly_copy}: cannot be opened: ")
    assert "must be able to write the file" in line


def test_a_search_says_what_to_do_while_another_process_holds_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "BUSY_TIMEOUT_SECONDS", 0)
    path = tmp_path / "sedn.db"
    open_store(f"sqlite:///{path}", create=True).engine.dispose()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(UserError) as caught:
            find_store(f"sqlite:///{path}")
    assert str(caught.value) == (
        f"{path}: cannot be opened: database is locked by another process that has not ended its "
        "write; wait for it or end it"
    )
    assert find_store(f"sqlite:///{path}") is not None


def test_before_a_search_begins_the_store_is_looked_at_and_not_made(empty_url: str) -> None:
    assert find_store(empty_url) is None
    with pytest.raises(UserError, match="no results"):
        open_store(empty_url)
    new_experiment(open_store(empty_url, create=True), "kept")
    found = find_store(empty_url)
    assert found is not None
    assert found.find_experiment("kept") is not None


def test_a_store_that_could_not_be_made_is_refused_and_its_folder_not_made(
    open_folder: Path,
) -> None:
    (open_folder / "file").write_text("hello")
    wrong = {
        "file/sedn.db": "is a file, not a folder",
        "file": "cannot be opened: file is not a database",
        ".": "is a folder",
        f"{'x' * 300}/sedn.db": "File name too long",
    }
    for name, said in wrong.items():
        with pytest.raises(UserError, match=said):
            find_store(f"sqlite:///{open_folder}/{name}")
    open_folder.chmod(0o555)
    with ordinary_user(), pytest.raises(UserError, match="nothing can be written to"):
        find_store(f"sqlite:///{open_folder}/new/sedn.db")
    open_folder.chmod(0o755)
    assert find_store(f"sqlite:///{open_folder}/new/sedn.db") is None
    assert [path.name for path in open_folder.iterdir()] == ["file"]
    assert (open_folder / "file").read_text() == "hello"


def test_a_search_sees_at_once_that_it_cannot_write_to_a_store(readonly_copy: Path) -> None:
    with ordinary_user(), pytest.raises(UserError, match="must be able to write the file"):
        find_store(f"sqlite:///{readonly_copy}")


def test_who_may_not_make_tables_is_told_before(postgres_server: str) -> None:
    url = new_database(postgres_server)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("create role reader login"))
        connection.execute(text("revoke create on schema public from public"))
    engine.dispose()
    reader = make_url(url).set(username="reader").render_as_string(hide_password=False)
    with pytest.raises(UserError, match="you may not create tables in it"):
        find_store(reader)


def test_results_can_be_read_where_nothing_can_be_written(readonly_copy: Path) -> None:
    with ordinary_user():
        store = open_store(f"sqlite:///{readonly_copy}")
        assert store.trials(store.experiment("rows").id)[0].mean_auc == 0.7
        store.engine.dispose()
    assert [path.name for path in readonly_copy.parent.iterdir()] == ["sedn.db"]


def test_a_search_in_progress_can_be_read_by_those_who_may_not_write(open_folder: Path) -> None:
    url = f"sqlite:///{open_folder}/sedn.db"
    writer = open_store(url, create=True)
    experiment = new_experiment(writer)
    add_trial(writer, experiment, 0, 0.7)
    with ordinary_user():
        reader = open_store(url)
        assert len(reader.trials(experiment)) == 1
        reader.engine.dispose()
    add_trial(writer, experiment, 1, 0.8)


def test_reading_imports_no_driver_of_the_other_database(tmp_path: Path) -> None:
    """PostgreSQL's driver is an extra, so that SQLite must do without."""
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from results.database.store import open_store\n"
        f"open_store('sqlite:///{tmp_path}/sedn.db', create=True)\n"
        "try:\n"
        "    open_store('postgresql+psycopg://u@h/d')\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True
    )
    assert done.stdout.startswith("UserError ")
    assert "pip install 'sedn-search[postgres]'" in done.stdout
