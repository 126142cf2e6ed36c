"""A small space, and the place of a store."""

from pathlib import Path

import pytest

from tests.postgresql import new_database

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
