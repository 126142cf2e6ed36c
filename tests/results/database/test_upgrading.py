"""Databases that earlier versions of this program wrote are upgraded, and nothing in them is lost.

The files in ``old`` are dumps of databases that the code of those versions wrote: a search of
three trials with made-up results, with Optuna's tables beside.
"""

import json
import sqlite3
from contextlib import closing
from datetime import UTC
from pathlib import Path

import optuna
import pytest
import yaml
from sqlalchemy import DateTime, Inspector, MetaData, create_engine, inspect
from typer.testing import CliRunner

from benchmarks.machines.postgresql import new_database
from results.database.connection.opening import open_any_version
from results.database.migrations import STEPS
from results.database.migrations.upgrading import upgrade
from results.database.models import SCHEMA_VERSION, Base
from results.database.store import open_store
from results.export import export_config
from results.ranking.by_label import labels
from results.ranking.leaders import rank
from results.report.page import write_report
from search.cli.main import app
from search.lock import sole_driver
from search.study import open_study
from sedn.config import build_config
from sedn.errors import UserError
from spaces import parse_space

OLD = Path(__file__).parent / "old"
VERSIONS = sorted(STEPS)
each_version = pytest.mark.parametrize("version", VERSIONS)


def write_old(version: int, folder: Path) -> str:
    """A database as that version left it; its URL."""
    path = folder / "sedn.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript((OLD / f"tables-{version}.sql").read_text())
    return f"sqlite:///{path}"


def rows_of(url: str, table: str) -> list[dict]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1")]


def test_every_version_that_ever_was_has_a_step_and_a_file() -> None:
    assert list(range(1, SCHEMA_VERSION)) == VERSIONS
    assert {path.name for path in OLD.iterdir()} == {f"tables-{v}.sql" for v in VERSIONS}


@each_version
def test_it_is_refused_with_the_command_that_mends_it(version: int, tmp_path: Path) -> None:
    url = write_old(version, tmp_path)
    before = (tmp_path / "sedn.db").read_bytes()
    for create in (False, True):
        with pytest.raises(UserError, match="`sedn store upgrade` brings the tables up to date"):
            open_store(url, create=create)
    assert (tmp_path / "sedn.db").read_bytes() == before


@each_version
def test_after_the_upgrade_it_is_ranked_reported_and_exported(version: int, tmp_path: Path) -> None:
    url = write_old(version, tmp_path)
    before = {table: rows_of(url, table) for table in ("sedn_trial", "sedn_epoch", "trials")}
    done = CliRunner().invoke(app, ["store", "upgrade", "--store", url], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    store = open_store(url)
    ranked = rank(store, "spring")
    known = {row["number"]: row["mean_auc"] for row in before["sedn_trial"]}
    assert {int(n): auc for n, auc in zip(ranked["trial"], ranked["mean_auc"], strict=True)} == (
        pytest.approx(known)
    )
    for row in store.trials(1):
        old = before["sedn_trial"][row.number]
        known = json.loads(old["costs"]) if "costs" in old else old
        for cost in ("parameters", "flops", "latency_ms"):
            assert row.cost(cost) == known.get(cost), cost
        assert (row.epochs, row.seconds) == (old["epochs"], old["seconds"])
    assert rows_of(url, "sedn_epoch") == before["sedn_epoch"]
    assert rows_of(url, "trials") == before["trials"], "the study's tables are Optuna's"
    assert len(labels(store, "spring")) == 10
    write_report(store, "spring", tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size > 100_000
    build_config(yaml.safe_load(export_config(store, "spring")), "export")


@each_version
def test_the_tables_are_those_that_are_made_anew(version: int, tmp_path: Path) -> None:
    engine = open_any_version(write_old(version, tmp_path))
    upgrade(engine)
    new = create_engine(f"sqlite:///{tmp_path}/new.db")
    Base.metadata.create_all(new)
    for table in Base.metadata.tables:
        upgraded, made = (
            {c["name"]: c for c in inspect(e).get_columns(table)} for e in (engine, new)
        )
        assert upgraded.keys() == made.keys()
        for name, column in made.items():
            assert str(upgraded[name]["type"]) == str(column["type"]), (table, name)
            assert upgraded[name]["nullable"] == column["nullable"], (table, name)
        assert inspect(engine).get_indexes(table) == inspect(new).get_indexes(table)


@each_version
def test_the_copy_is_the_database_as_it_was(version: int, tmp_path: Path) -> None:
    url = write_old(version, tmp_path)
    before = rows_of(url, "sedn_trial")
    done = upgrade(open_any_version(url))
    assert (done.before, done.after) == (version, SCHEMA_VERSION)
    assert done.backup == tmp_path / f"sedn.db.tables-{version}"
    assert rows_of(f"sqlite:///{done.backup}", "sedn_trial") == before
    again = upgrade(open_any_version(url))
    assert (again.before, again.backup) == (SCHEMA_VERSION, None)


@each_version
def test_a_step_that_breaks_leaves_all_as_it_was(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = write_old(version, tmp_path)
    tables = ("sedn_schema", "sedn_experiment", "sedn_trial")
    before = {table: rows_of(url, table) for table in tables}
    last = STEPS[SCHEMA_VERSION - 1]

    def breaks(operations) -> None:
        last(operations)
        raise RuntimeError("the power is gone")

    monkeypatch.setitem(STEPS, SCHEMA_VERSION - 1, breaks)
    with pytest.raises(RuntimeError):
        upgrade(open_any_version(url))
    assert {table: rows_of(url, table) for table in tables} == before
    monkeypatch.undo()
    upgrade(open_any_version(url))
    assert len(open_store(url).trials(1)) == 3


def test_the_search_goes_on_after_the_upgrade(tmp_path: Path) -> None:
    url = write_old(3, tmp_path)
    upgrade(open_any_version(url))
    store = open_store(url)
    experiment = store.experiment("spring")
    study = open_study(store, "spring", parse_space(experiment.space_yaml, experiment.space_name))
    assert [t.state for t in study.trials] == [optuna.trial.TrialState.COMPLETE] * 3
    assert study.best_value == pytest.approx(max(row.mean_auc for row in store.trials(1)))


def test_a_search_that_runs_is_not_upgraded_under_its_feet(tmp_path: Path) -> None:
    url = write_old(3, tmp_path)
    with sole_driver(open_any_version(url), "spring"):
        done = CliRunner().invoke(app, ["store", "upgrade", "--store", url])
    assert isinstance(done.exception, UserError)
    assert "is being searched by another process" in str(done.exception)
    assert rows_of(url, "sedn_schema") == [{"version": 3}]


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    url = write_old(3, tmp_path)
    with closing(sqlite3.connect(tmp_path / "sedn.db")) as connection:
        connection.execute("UPDATE sedn_schema SET version = 99")
        connection.commit()
    with pytest.raises(UserError, match=r"written by a newer version .* \(tables 99, this one"):
        open_store(url)
    with pytest.raises(UserError, match="written by a newer version"):
        upgrade(open_any_version(url))


def write_old_to_server(version: int, folder: Path, url: str) -> None:
    """The same database on a server."""
    old, tables = create_engine(write_old(version, folder)), MetaData()
    tables.reflect(old, only=lambda name, _: name.startswith("sedn_"))
    for table in tables.sorted_tables:
        for column in table.columns:
            kind = column.type.as_generic()
            column.type = DateTime(timezone=True) if isinstance(kind, DateTime) else kind
    new = create_engine(url)
    tables.create_all(new)
    with old.connect() as source, new.begin() as target:
        for table in tables.sorted_tables:
            rows = [dict(row) for row in source.execute(table.select()).mappings()]
            for row in rows:
                row.update({k: v.replace(tzinfo=UTC) for k, v in row.items() if k.endswith("_at")})
            target.execute(table.insert(), rows)


@each_version
def test_postgresql_is_upgraded_too(version: int, tmp_path: Path, postgres_server: str) -> None:
    url, new = new_database(postgres_server), new_database(postgres_server)
    write_old_to_server(version, tmp_path, url)
    with pytest.raises(UserError, match="`sedn store upgrade`"):
        open_store(url)
    assert upgrade(open_any_version(url)).backup is None
    here, there = open_any_version(f"sqlite:///{tmp_path}/sedn.db"), open_store(url)
    upgrade(here)
    known = open_store(str(here.url))
    for row, same in zip(there.trials(1), known.trials(1), strict=True):
        assert (row.costs, row.started_at) == (same.costs, same.started_at)
    assert there.experiment("spring").folder == known.experiment("spring").folder
    upgraded, made = inspect(there.engine), inspect(open_store(new, create=True).engine)
    for table in Base.metadata.tables:
        for shape in ("get_columns", "get_indexes", "get_foreign_keys"):
            assert shape_of(upgraded, shape, table) == shape_of(made, shape, table)


def shape_of(inspector: Inspector, what: str, table: str) -> list[dict]:
    """Columns, indices or keys of a table, in the order of their names."""
    found = [
        {
            key: str(value)
            for key, value in part.items()
            if key not in ("default", "name", "comment")
        }
        | {"name": part["name"]}
        for part in getattr(inspector, what)(table)
    ]
    return sorted(found, key=lambda part: part["name"])


def test_checkpoints_are_found_where_the_version_before_kept_them(tmp_path: Path) -> None:
    url = write_old(4, tmp_path)
    upgrade(open_any_version(url))
    store = open_store(url)
    folder = store.experiment("spring").folder
    assert {row.folder for row in store.trials(1)} == {f"runs/{folder}/0000{n}" for n in range(3)}
