"""What several rooms need: a cache of images, small pictures with labels, a PostgreSQL server."""

import fcntl
import gc
import os
import pickle
import signal
import sqlite3
from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from benchmarks.machines.postgresql import find_binaries, running_server
from sedn.data.dataset import Dataset
from sedn.data.digits import scenes as digits
from sedn.data.loading import load_dataset
from sedn.training import cost


def pytest_configure() -> None:
    """Let SIGINT interrupt the processes that tests start, also where a shell that runs pytest in
    the background has all of them ignore the signal.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def image_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fresh cache, so that no test reads what an older version of the code decoded; the workers
    and the commands that a test starts inherit it. Each of pytest's processes has its own, as
    some tests damage theirs.
    """
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEDN_CACHE", str(folder))
        load_dataset.cache_clear()
        yield folder


# Until the tests are collected: what is imported is no garbage.
gc.disable()

# Hypothesis by default also fails an example that takes 0.2 s, as any does on a busy machine.
hypothesis.settings.register_profile("any-machine", deadline=None)
hypothesis.settings.load_profile("any-machine")


@pytest.fixture(scope="session", autouse=True)
def kept_modules() -> None:
    """What was imported and collected stays, and is passed over from now on when Python looks for
    garbage: a fifth of a second each time. Python looks less often, which takes a twelfth of the
    time of all tests by default.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def migrations_read_once() -> Iterator[None]:
    """Optuna reads and compiles its migrations, to learn the newest, each time that a storage is
    opened: half of the time that a study takes to be opened.
    """
    read, scripts = ScriptDirectory.from_config, dict[str | None, ScriptDirectory]()

    def read_once(config: Config) -> ScriptDirectory:
        place = config.get_main_option("script_location")
        if place not in scripts:
            scripts[place] = read(config)
        return scripts[place]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", read_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_wait_for_the_disk() -> Iterator[None]:
    """Files and databases are written, but not synced, which takes milliseconds each time: what a
    killed process has written stays, and no test cuts the power.
    """

    def leave_syncing_out(connection: Any, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", leave_syncing_out)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield
    event.remove(Engine, "connect", leave_syncing_out)


class Statements(dict[Any, Any]):
    """Compiled SQL by statement, for all engines of a kind of database: SQLAlchemy's own keys hold
    the dialect, which is another object in each engine.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get((type(key[0]), *key[1:]), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__((type(key[0]), *key[1:]), compiled)


@pytest.fixture(scope="session", autouse=True)
def statements_compiled_once() -> Iterator[None]:
    """The tests open SQLite databases by the hundred, each by an engine that knows no statement:
    compiling them takes a third of the time of a search whose curves are known.
    """
    statements = Statements()

    def share(connection: Connection) -> None:
        if connection.dialect.name == "sqlite":
            connection.execution_options(compiled_cache=statements)

    event.listen(Engine, "engine_connect", share)
    yield
    event.remove(Engine, "engine_connect", share)


@pytest.fixture(scope="session", autouse=True)
def few_timed_runs() -> Iterator[None]:
    """The time of a network is the median of its least runs: else each training of a test takes
    0.4 s more, mostly longer than its epochs.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cost, "_SECONDS", 0.0)
        yield


@pytest.fixture(scope="session", autouse=True)
def digits_drawn_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The embedded data set is drawn once for all of pytest's processes: drawing takes ten seconds
    of CPU time. Each process puts the images into its own cache as it would those that it drew.
    """
    folder, draw = tmp_path_factory.getbasetemp(), digits.build_digits
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    def draw_once(image_size: int) -> Dataset:
        assert image_size <= 64, f"drawing at {image_size} takes minutes: give `image_size: 32`"
        with (folder / f"digits-{image_size}").open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            if drawn := file.read():
                return pickle.loads(drawn)
            dataset = draw(image_size)
            file.write(pickle.dumps(dataset))
            return dataset

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digits, "build_digits", draw_once)
        yield


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Ninety pictures, red in a square where the label says so, with a map of the square."""
    return write_table(tmp_path)


@pytest.fixture(scope="module")
def shared_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for all tests of a file, which change nothing of it."""
    return write_table(tmp_path_factory.mktemp("table"))


def write_table(folder: Path) -> Path:
    """The table ``products.csv`` in a folder, with its pictures."""
    for name, content in table_files().items():
        (folder / name).write_bytes(content)
    return folder / "products.csv"


@lru_cache(maxsize=1)
def table_files() -> dict[str, bytes]:
    """The files of the table by their names, drawn once: hundreds of tests write them."""
    random = np.random.default_rng(0)
    rows, files = ["image,map,red,bright,split"], dict[str, bytes]()
    for index in range(90):
        red, bright = index % 2, int(index % 3 == 0)
        pixels = random.integers(0, 80 + 60 * bright, (40, 40, 3), dtype=np.uint8)
        region = np.zeros((40, 40), dtype=np.uint8)
        region[10:30, 10:30] = 255
        if red:
            pixels[10:30, 10:30, 0] = 220
        files |= {f"{index}.png": png(pixels), f"{index}-map.png": png(region)}
        split = ("train", "train", "validation", "train", "test")[index % 5]
        rows.append(f"{index}.png,{index}-map.png,{red},{bright},{split}")
    return files | {"products.csv": ("\n".join(rows) + "\n").encode()}


def png(pixels: NDArray[np.uint8]) -> bytes:
    """The file of a picture."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="session")
def postgres_binaries() -> Path:
    """The folder of PostgreSQL's programs; where there is none, the test is skipped."""
    binaries = find_binaries()
    if binaries is None:
        reason = "no PostgreSQL in /usr/lib/postgresql: apt-get install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return binaries


@pytest.fixture(scope="session")
def postgres_server(postgres_binaries: Path) -> Iterator[str]:
    """The URL of a running server, without a database."""
    with running_server(postgres_binaries) as url:
        yield url
