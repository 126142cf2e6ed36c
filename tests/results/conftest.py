"""Stores in SQLite, and in a PostgreSQL of our own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.machines.postgresql import new_database
from results.database.store import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store of the test's own."""
    return open_store(f"sqlite:///{tmp_path}/sedn.db", create=True)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store in either database; it outlives the examples of a property."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('store')}/sedn.db"
    else:
        url = new_database(request.getfixturevalue("postgres_server"))
    return open_store(url, create=True)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="sedn-results-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
