"""A head and a second node on loopback, a real PostgreSQL: the same code as on a laptop."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from benchmarks.machines.postgresql import free_port
from results.database.store import open_store

RAY = str(Path(sys.executable).with_name("ray"))
TOKEN = secrets.token_hex(32)


def start_node(*options: str) -> subprocess.Popen:
    environment = os.environ | {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": TOKEN,
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    return subprocess.Popen(
        [
            RAY,
            "start",
            "--block",
            "--node-ip-address=127.0.0.1",
            "--num-cpus=1",
            "--object-store-memory=100000000",
            *options,
        ],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def stop(node: subprocess.Popen) -> None:
    """End a node's processes and no other."""
    node.terminate()
    try:
        node.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(node.pid, signal.SIGKILL)


def wait_for_nodes(address: str, nodes: int) -> None:
    code = f"""
import ray, time, sys
for attempt in range(60):
    try:
        ray.init(address={address!r}, logging_level="ERROR", log_to_driver=False)
        if sum(node["Alive"] for node in ray.nodes()) == {nodes}:
            sys.exit(0)
        ray.shutdown()
    except ConnectionError:
        pass
    time.sleep(0.5)
sys.exit(1)
"""
    environment = os.environ | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=120)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a cluster of one node."""
    port = free_port()
    # Ray puts sockets in this folder, and a socket's path has a bound of 107 bytes.
    folder = Path("/tmp") / f"ray-{secrets.token_hex(4)}"
    options = ("--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}")
    node, address = start_node(*options), f"127.0.0.1:{port}"
    try:
        wait_for_nodes(address, 1)
        yield address
    finally:
        stop(node)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def two_nodes(cluster: str) -> Iterator[str]:
    """The address of the cluster, with a second node."""
    node = start_node(f"--address={cluster}")
    try:
        wait_for_nodes(cluster, 2)
        yield cluster
    finally:
        stop(node)


def sedn(*words: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "search.cli.main", *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.mark.slow
def test_search_over_two_nodes_into_postgresql(
    two_nodes: str, postgres_url: str, space_file: Path, table: Path, tmp_path: Path
) -> None:
    command = [
        "search",
        "--name=two-nodes",
        f"--space={space_file}",
        f"--data={table}",
        "--trials=6",
        "--epochs=15",
        "--scheduler=none",
        f"--address={two_nodes}",
        f"--store={postgres_url}",
        f"--storage-path={tmp_path}",
        "--json",
    ]
    done = sedn(*command, RAY_AUTH_TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["finished"]
    store = open_store(postgres_url)
    rows = store.trials(store.experiment("two-nodes").id)
    assert len(rows) == 6
    assert {str(row.state) for row in rows} == {"COMPLETE"}
    assert len({row.node for row in rows}) == 2, [(r.node, r.seconds, r.started_at) for r in rows]
    trials = optuna.load_study(study_name="two-nodes", storage=postgres_url).trials
    assert [trial.state.name for trial in trials] == [str(row.state) for row in rows]

    again = sedn(*command, RAY_AUTH_TOKEN=TOKEN)
    assert again.returncode == 0, again.stderr
    assert len(store.trials(store.experiment("two-nodes").id)) == 6

    ranked = sedn("rank", "two-nodes", "--json", f"--store={postgres_url}")
    assert json.loads(ranked.stdout)[0]["rank"] == 1


def test_a_cluster_that_is_not_there_is_named(space_file: Path, store_url: str) -> None:
    address = f"127.0.0.1:{free_port()}"
    done = sedn(
        "search",
        "--name=nowhere",
        "--trials=1",
        f"--space={space_file}",
        f"--address={address}",
        f"--store={store_url}",
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"sedn: no Ray cluster at '{address}'")
    assert len(done.stderr.splitlines()) == 1
    assert not Path(store_url.removeprefix("sqlite:///")).exists(), "nothing was written"


def test_a_missing_token_is_named(cluster: str, store_url: str, tmp_path: Path) -> None:
    for token in ({}, {"RAY_AUTH_TOKEN": "0" * 64}):
        environment = {"HOME": str(tmp_path), "RAY_AUTH_MODE": "", **token}
        words = ("search", "--name=nowhere", f"--address={cluster}", f"--store={store_url}")
        done = sedn(*words, **environment)
        assert done.returncode == 2, done.stderr
        # Ray's own warning comes before.
        said = done.stderr.splitlines()[-1]
        assert said.startswith(f"sedn: Ray at '{cluster}' asks for its token: copy ")
        assert "Traceback" not in done.stderr


LATE = """
import tempfile
from pathlib import Path
import ray
ray._raylet.Config.initialize("")
from search.backends.ray_tune.cluster import check_address, connect
from search.settings import Resources
from sedn.errors import UserError
try:
    check_address({address!r})
except UserError:
    print("refused")
connect(Resources(), Path(tempfile.mkdtemp()))
print(ray.is_initialized())
"""


def test_a_cluster_of_our_own_after_one_that_refused(cluster: str, tmp_path: Path) -> None:
    """Ray imported first, as in a notebook, and a token of an earlier run in the home folder."""
    token = tmp_path / ".ray" / "auth_token"
    token.parent.mkdir()
    token.write_text("0" * 64)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_AUTH")}
    done = subprocess.run(
        [sys.executable, "-c", LATE.format(address=cluster)],
        env=environment | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.split() == ["refused", "True"], done.stderr
