"""A small space, and the place of a store."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from optuna.storages._rdb.storage import _VersionManager

from benchmarks.machines.postgresql import new_database

SPACE = """
name: curves
description: A small space for tests.
base:
  data: {image_size: 32}
  backbone: {name: resnet10t, pretrained: false}
  epochs: 4
  batch_size: 32
axes:
  embedding.placement: {choice: [none, input, stage1]}
  embedding.fusion: {choice: [scale_shift, add], when: {embedding.placement: stage1}}
  optimizer.learning_rate: {float: [1.0e-4, 1.0e-1], log: true}
"""


@pytest.fixture(scope="session", autouse=True)
def migrations_of_optuna() -> Iterator[None]:
    """Optuna's migrations, read once: Optuna reads and runs the files of all of them, for 40 ms,
    each time a storage is opened, to know the name of the last.
    """
    read, kept = _VersionManager._create_alembic_script, list[Any]()

    def create(manager: _VersionManager) -> Any:
        if not kept:
            kept.append(read(manager))
        return kept[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_VersionManager, "_create_alembic_script", create)
        yield


@pytest.fixture
def space_file(tmp_path: Path) -> Path:
    path = tmp_path / "curves.yaml"
    path.write_text(SPACE)
    return path


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/sedn.db"


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """An empty database of the test's own."""
    return new_database(postgres_server)
