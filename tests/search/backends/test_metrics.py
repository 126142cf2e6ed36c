"""What a search by Ray tells Prometheus, read from the metrics agent of a real node."""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.machines.postgresql import free_port
from results.database.store import open_store
from search.cli.main import app
from tests.search.backends.test_cluster import TOKEN, stop, wait_for_nodes
from tests.search.conftest import SPACE

PACKAGES = Path(sys.prefix) / "metrics"
"""What the agent needs, where ``make venv`` puts it."""
ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": TOKEN,
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_metrics_report_interval_ms": "1000",
}
DRIVER = """
import sys
from search.run import run_search
from search.settings import Resources, SearchSettings
from tests.search.curves import make_curves
url, space, storage, address = sys.argv[1:]
settings = SearchSettings(trials=1000, sampler="random", scheduler="none", seed=1)
where = Resources(address=address, storage_path=storage, cpus_per_trial=1)
run_search("spring", space, settings, url, where, train=make_curves(seconds=0.2))
"""


@pytest.fixture
def node() -> Iterator[tuple[str, int]]:
    """A node with a metrics agent: its address, and the agent's port."""
    if not (PACKAGES / "prometheus_client").is_dir():
        why = "the packages of Ray's metrics agent are not there: make venv"
        pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
    port, exported = free_port(), free_port()
    folder = Path("/tmp") / f"ray-{secrets.token_hex(4)}"
    options = ["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}"]
    options += ["--block", "--node-ip-address=127.0.0.1", "--num-cpus=1"]
    options += [f"--metrics-export-port={exported}", f"--dashboard-agent-listen-port={free_port()}"]
    started = subprocess.Popen(
        [sys.executable, "-m", "ray.scripts.scripts", "start", *options],
        env=os.environ | ENVIRONMENT | {"PYTHONPATH": str(PACKAGES)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for_nodes(f"127.0.0.1:{port}", 1)
        yield f"127.0.0.1:{port}", exported
    finally:
        stop(started)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def search(node: tuple[str, int], tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A search that runs there until it is stopped."""
    (tmp_path / "space.yaml").write_text(SPACE)
    url = f"sqlite:///{tmp_path}/sedn.db"
    words = (url, str(tmp_path / "space.yaml"), str(tmp_path / "runs"), node[0])
    running = subprocess.Popen(
        [sys.executable, "-c", DRIVER, *words],
        env=os.environ | ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def values_of(port: int) -> dict[str, float]:
    """The values of the search's metrics; those of a state by name and state."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            page = answer.read().decode()
    except OSError:
        return {}
    found = {}
    for name, tags, value in re.findall(r"^ray_(sedn_\w+)\{(.*)\} (\S+)$", page, re.MULTILINE):
        assert 'search="spring"' in tags
        state = re.search(r'state="(\w+)"', tags)
        found[f"{name} {state[1]}" if state else name] = float(value)
    return found


def node_of(url: str) -> dict[str, float | None]:
    """What ``sedn status`` shows of the only node."""
    done = CliRunner().invoke(app, ["status", "spring", f"--store={url}", "--json"])
    cluster = json.loads(done.stdout)["cluster"]
    return {"memory_used": None} if cluster is None else dict(cluster["nodes"][0])


@pytest.mark.slow
@pytest.mark.timeout(480)
def test_prometheus_reads_how_a_search_goes(
    node: tuple[str, int], search: subprocess.Popen[str], tmp_path: Path
) -> None:
    until = time.monotonic() + 300
    values: dict[str, float] = {}
    seen: dict[str, float | None] = {"memory_used": None}
    while values.get("sedn_trials COMPLETE", 0) < 2 or seen["memory_used"] is None:
        assert search.poll() is None, search.communicate()[1]
        assert time.monotonic() < until, (values, seen)
        time.sleep(0.5)
        values = values_of(node[1])
        seen = node_of(f"sqlite:///{tmp_path}/sedn.db") if values else seen
    store = open_store(f"sqlite:///{tmp_path}/sedn.db")
    os.kill(search.pid, signal.SIGINT)
    search.communicate(timeout=60)
    ended = [row for row in store.trials(1) if str(row.state) == "COMPLETE"]
    assert len(ended) >= values["sedn_trials COMPLETE"]
    assert values["sedn_trials RUNNING"] <= 1
    assert values["sedn_trials FAILED"] == values["sedn_trials PAUSED"] == 0
    assert 8 <= values["sedn_epochs_total"] <= sum(row.epochs for row in store.trials(1))
    assert any(values["sedn_best_mean_auc"] == pytest.approx(row.mean_auc) for row in ended)
    assert values["sedn_database_away"] == 0
    assert values["sedn_database_seconds_count"] > values["sedn_epochs_total"]
    assert 0 < values["sedn_database_seconds_sum"] < 200
    assert 0 < seen["memory_used"] <= seen["memory_total"]
    assert seen["cpu_percent"] is not None
