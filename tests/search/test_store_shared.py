"""Searches that share a database: in one schema, in several, and that begin at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from results.database.store import open_store
from search.lock import is_driven, sole_driver
from search.study import open_storage
from tests.results.rows import new_experiment


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/sedn.db"
    return str(request.getfixturevalue("postgres_url"))


def test_searches_that_begin_at_once_make_optunas_tables_once(empty_url: str) -> None:
    open_store(empty_url, create=True)
    with ThreadPoolExecutor(8) as pool:
        storages = list(pool.map(lambda _: open_storage(open_store(empty_url)), range(8)))
    names = [study.study_name for storage in storages for study in storage.get_all_studies()]
    assert names == []
    storages[0].create_new_study([], "shared")
    assert all(len(storage.get_all_studies()) == 1 for storage in storages)


def test_experiments_of_one_name_in_two_schemas_do_not_keep_each_other_out(
    postgres_url: str,
) -> None:
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("create schema one"))
        connection.execute(text("create schema two"))
    stores = [
        open_store(f"{postgres_url}?options=-csearch_path%3D{schema}", create=True)
        for schema in ("one", "two")
    ]
    for store in stores:
        new_experiment(store, "spring")
    with sole_driver(stores[0].engine, "spring"):
        assert is_driven(stores[0].engine, "spring")
        assert not is_driven(stores[1].engine, "spring")
        with sole_driver(stores[1].engine, "spring"):
            assert is_driven(stores[1].engine, "spring")
    assert not any(is_driven(store.engine, "spring") for store in stores)
