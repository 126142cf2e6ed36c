"""An empty cache for each test of kept listings."""

from pathlib import Path

import pytest

from sedn import seen
from sedn.data.kept import opening


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and clocks that tick as often as those of disks here do."""
    monkeypatch.setenv("SEDN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(seen, "_TICK", 20 * 10**6)
    opening._say_once.cache_clear()
    return tmp_path / "cache"
