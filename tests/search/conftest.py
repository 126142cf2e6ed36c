"""A small space, a small table, the place of a store, a PostgreSQL server."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sedn.data.loading import load_dataset
from tests.search.postgresql import find_binaries, new_database, running_server

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
def image_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fresh cache for the session; the workers and the commands it starts inherit it."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEDN_CACHE", str(folder))
        load_dataset.cache_clear()
        yield folder


@pytest.fixture
def space_file(tmp_path: Path) -> Path:
    path = tmp_path / "curves.yaml"
    path.write_text(SPACE)
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Small pictures, red where the label says so, with a map of where to look."""
    random = np.random.default_rng(0)
    rows = ["image,map,red,bright,split"]
    for index in range(90):
        red, bright = index % 2, int(index % 3 == 0)
        pixels = random.integers(0, 80 + 60 * bright, (40, 40, 3), dtype=np.uint8)
        region = np.zeros((40, 40), dtype=np.uint8)
        region[10:30, 10:30] = 255
        if red:
            pixels[10:30, 10:30, 0] = 220
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
        Image.fromarray(region).save(tmp_path / f"{index}-map.png")
        split = ("train", "train", "validation", "train", "test")[index % 5]
        rows.append(f"{index}.png,{index}-map.png,{red},{bright},{split}")
    path = tmp_path / "products.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/sedn.db"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    binaries = find_binaries()
    if binaries is None:
        reason = "no PostgreSQL in /usr/lib/postgresql: apt-get install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with running_server(binaries) as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """An empty database of the test's own."""
    return new_database(postgres_server)
