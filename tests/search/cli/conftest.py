"""A search that another terminal asks something of."""

from pathlib import Path

import pytest

from benchmarks.machines.postgresql import new_database
from search.driver import requests


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of the test's own, of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/sedn.db"
    return new_database(request.getfixturevalue("postgres_server"))


@pytest.fixture
def requests_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search looks for requests whenever it can."""
    monkeypatch.setattr(requests, "POLL_SECONDS", 0.0)
