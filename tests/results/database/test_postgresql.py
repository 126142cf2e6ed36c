"""PostgreSQL as servers are set up: schemas, roles, other programs' tables, zones, sockets."""

from collections.abc import Sequence
from urllib.parse import quote

import pytest
from sqlalchemy import create_engine, make_url, text

from benchmarks.machines.postgresql import new_database, new_locked_database
from results.commands import address_of, store_words
from results.database.connection.tables import OPTUNA_TABLES
from results.database.store import Store, find_store, open_store
from results.report.page import read_report
from sedn.errors import UserError
from tests.results.rows import add_trial, new_experiment


@pytest.fixture
def url(postgres_server: str) -> str:
    """An empty database."""
    return new_database(postgres_server)


def execute(url: str, *statements: str) -> Sequence[Sequence[str]]:
    """Execute statements; the rows of the last."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements[:-1]:
            connection.execute(text(statement))
        last = connection.execute(text(statements[-1]))
        rows = [tuple(map(str, row)) for row in last] if last.returns_rows else []
    engine.dispose()
    return rows


def with_setting(url: str, setting: str) -> str:
    return f"{url}?options={quote(f'-c{setting}', safe='')}"


def fill(url: str) -> Store:
    store = open_store(url, create=True)
    add_trial(store, new_experiment(store), 0, 0.1 + 0.2)
    return store


def refused(url: str) -> str:
    """Why a search does not begin with a store, before it reads its data and when it makes tables;
    a line each.
    """
    said = []
    for begin in (find_store, lambda url: open_store(url, create=True)):
        with pytest.raises(UserError) as caught:
            begin(url)
        said.append(str(caught.value))
        assert len(said[-1].splitlines()) == 1
    assert len(set(said)) == 1
    return said[0]


@pytest.mark.parametrize(
    "setting",
    ["TimeZone=Asia/Kolkata", "DateStyle=German", "DateStyle=SQL,DMY", "extra_float_digits=-3"],
)
def test_a_server_of_another_zone_or_style_is_read_alike(url: str, setting: str) -> None:
    plain = fill(url)
    experiment, [trial] = plain.experiment("rows"), plain.trials(1)
    other = open_store(with_setting(url, setting))
    [read] = other.trials(1)
    assert (read.started_at, read.ended_at) == (trial.started_at, trial.ended_at)
    assert read.started_at.utcoffset() == other.experiment("rows").created_at.utcoffset()
    assert read.mean_auc == trial.mean_auc == 0.1 + 0.2
    assert other.complete(1) == plain.complete(1)
    written = f"started {experiment.created_at:%-d %B %Y, %H:%M} UTC"
    assert written in read_report(plain, "rows").parts["header"]
    assert written in read_report(other, "rows").parts["header"]


@pytest.mark.parametrize("name", ["studies", "trials", "alembic_version"])
def test_tables_of_another_program_are_left_alone(url: str, name: str) -> None:
    execute(url, f"create table {name} (theirs int)", "create schema mine")
    assert f"another program has a table '{name}'" in refused(url)
    assert execute(url, "select tablename from pg_tables where schemaname = 'public'") == [(name,)]
    assert fill(with_setting(url, "search_path=mine")).trials(1)


def test_the_names_of_optunas_tables_are_all_known() -> None:
    from optuna.storages._rdb.models import BaseModel

    assert {*OPTUNA_TABLES} == {*BaseModel.metadata.tables, "alembic_version"}


def test_a_database_that_optuna_has_is_taken(url: str) -> None:
    from optuna.storages import RDBStorage

    RDBStorage(url)
    assert find_store(url) is None
    assert fill(url).trials(1)


def test_each_schema_has_results_of_its_own(url: str) -> None:
    execute(url, "create schema mine", 'create schema "Yours"')
    stores = [fill(with_setting(url, f"search_path={one}")) for one in ("mine", '"Yours"')]
    add_trial(stores[0], 1, 1, 0.5)
    assert [len(store.trials(1)) for store in stores] == [2, 1]
    assert find_store(url) is None
    names = "select distinct schemaname from pg_tables where tablename = 'sedn_trial' order by 1"
    assert execute(url, names) == [("Yours",), ("mine",)]


def test_a_command_that_is_shown_finds_the_schema(url: str) -> None:
    execute(url, "create schema mine")
    store = fill(with_setting(url, "search_path=mine"))
    [option, shown] = store_words(address_of(store.engine.url)).replace("'", "").split()
    assert option == "--store"
    assert open_store(shown).trials(1)[0].mean_auc == store.trials(1)[0].mean_auc


def test_a_schema_that_is_not_there_is_named(url: str) -> None:
    assert "there is no schema of its search_path, mine" in refused(
        with_setting(url, "search_path=mine")
    )


def test_who_may_only_read_reads_and_is_told_before_a_search(url: str) -> None:
    fill(url)
    role = f"reader_{make_url(url).database}"
    execute(
        url, f"create role {role} login", f"grant select on all tables in schema public to {role}"
    )
    reader = make_url(url).set(username=role).render_as_string(hide_password=False)
    assert open_store(reader).trials(1)
    with pytest.raises(UserError, match="you may read its results, and not write to them"):
        find_store(reader)


def test_who_may_not_create_tables_writes_to_those_that_are_there(url: str) -> None:
    fill(url)
    role = f"writer_{make_url(url).database}"
    execute(
        url,
        f"create role {role} login",
        "revoke create on schema public from public",
        f"grant all on all tables in schema public to {role}",
        f"grant all on all sequences in schema public to {role}",
    )
    writer = make_url(url).set(username=role).render_as_string(hide_password=False)
    assert find_store(writer) is not None
    add_trial(open_store(writer, create=True), 1, 1, 0.5)


@pytest.mark.parametrize("form", ["option", "host"])
def test_a_socket_is_an_address(url: str, form: str) -> None:
    [(folder,)] = execute(url, "show unix_socket_directories")
    parsed = make_url(url)
    if form == "option":
        place = f"sedn@/{parsed.database}?host={folder}&port={parsed.port}"
    else:
        place = f"sedn@{quote(folder, safe='')}:{parsed.port}/{parsed.database}"
    store = fill(f"postgresql+psycopg://{place}")
    again = open_store(store.url)
    [(client,)] = execute(store.url, "select inet_client_addr() is null")
    assert again.trials(1)
    assert client == "True"


@pytest.mark.parametrize("password", ["p@ss/w:rd%?#&x=é", "100%", "{SCHEMA_VERSION}", "a b+c"])
def test_a_password_of_any_signs_opens_the_store(postgres_server: str, password: str) -> None:
    from optuna.storages import RDBStorage

    store = fill(new_locked_database(postgres_server, password).render_as_string(False))
    assert open_store(store.url).trials(1)
    assert RDBStorage(store.url).get_all_studies() == []


def test_what_the_server_says_of_public_options_is_not_hidden(url: str) -> None:
    with pytest.raises(UserError, match="server does not support SSL, but SSL was required"):
        open_store(f"{url}?sslmode=require")
    with pytest.raises(UserError, match='invalid sslmode value: "nonsense"'):
        open_store(f"{url}?sslmode=nonsense")
