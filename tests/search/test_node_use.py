"""The nodes of a search's cluster, as another terminal sees them by the database."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.machines.postgresql import free_port
from results.database.store import open_store
from search.backends.ray_tune import node_use
from search.backends.ray_tune.node_use import parse_metrics
from search.cli.main import app
from search.cli.node_tables import unknown_line
from search.lock import sole_driver
from search.node_use import OLD_SECONDS, ClusterUse, NodeUse, read_cluster_use
from search.run import run_search
from search.settings import Resources, SearchSettings
from tests.search.conftest import SPACE
from tests.search.curves import make_curves
from tests.search.histories import FLAT, History, history

SETTINGS = SearchSettings(trials=4, sampler="random", scheduler="none", seed=1)
GIB = 2.0**30
BUSY = NodeUse("gpu-1 (0a1b2c3d)", 16, 4, 71.4, 24e9, 64e9, 88.0, 40e9, 160e9, has_agent=True)
QUIET = NodeUse("head (9f8e7d6c)", 8, 0)
USE = ClusterUse(0.0, 12, 2.5, (BUSY, QUIET))
PAGE = """\
# HELP ray_node_mem_used Memory usage on a ray node
# TYPE ray_node_mem_used gauge
ray_node_mem_used{IsHeadNode="true",SessionName="one",ip="192.0.2.2"} 1.5e+09
ray_node_mem_used_host{IsHeadNode="true",SessionName="one",ip="192.0.2.2"} 9.0e+09
ray_node_mem_total{IsHeadNode="true",SessionName="one",ip="192.0.2.2"} 6.0e+09
ray_node_cpu_utilization{IsHeadNode="true",SessionName="one",ip="192.0.2.2"} 99.9
ray_node_gpus_utilization{GpuDeviceName="NVIDIA {H200}",GpuIndex="0",ip="192.0.2.2"} 80.0
ray_node_gpus_utilization{GpuDeviceName="NVIDIA {H200}",GpuIndex="1",ip="192.0.2.2"} 20.0
ray_node_gram_used{GpuIndex="0",ip="192.0.2.2"} 1024.0
ray_node_gram_used{GpuIndex="1",ip="192.0.2.2"} 2048.0
ray_node_gram_available{GpuIndex="0",ip="192.0.2.2"} 3072.0
ray_node_gram_available{GpuIndex="1",ip="192.0.2.2"} 2048.0
"""


def status(search: History, *words: str) -> str:
    done = CliRunner().invoke(app, ["status", "history", f"--store={search.url}", *words])
    assert done.exit_code == 0, done.output
    return " ".join(done.stdout.split())


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_another_terminal_sees_the_nodes_while_the_search_runs(
    kind: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if kind == "postgresql" else None
    now = replace(USE, at=time.time())
    with history(FLAT, SETTINGS, url) as search:
        with sole_driver(search.store.engine, "history"):
            assert json.loads(status(search, "--json"))["cluster"] is None
            assert "Cluster" not in status(search)
            search.driver.note_nodes(replace(now, cpus_given=1))
            search.driver.note_nodes(now)
            assert json.loads(status(search, "--json"))["cluster"] == now.to_json()
            said = status(search)
            assert "Cluster: 2 nodes, 12 of 24 cores, 2.5 of 4 GPUs in use" in said
            for cell in ("71%", "24 GB of 64 GB", "88%", "40 GB of 160 GB"):
                assert cell in said
        assert json.loads(status(search, "--json"))["cluster"] is None
        assert "Cluster" not in status(search)


def test_what_was_written_long_ago_is_not_shown() -> None:
    with history(FLAT, SETTINGS) as search:
        search.driver.note_nodes(replace(USE, at=time.time() - OLD_SECONDS - 1))
        assert read_cluster_use(search.store.engine, "history") is None
        search.driver.note_nodes(replace(USE, at=time.time() - OLD_SECONDS / 2))
        assert read_cluster_use(search.store.engine, "history") is not None


def test_no_nodes_are_read_where_there_is_no_study_or_another_version_wrote_it() -> None:
    with history(FLAT, SETTINGS) as search:
        assert read_cluster_use(search.store.engine, "another") is None
        tables = search.driver._writer.study._tables
        for written in ("text", {"at": time.time()}, {"at": 1, "nodes": [{"colour": "red"}]}):
            tables.set_attribute("sedn:nodes", written)
            assert read_cluster_use(search.store.engine, "history") is None


def test_the_metrics_of_a_node_are_read_from_rays_page() -> None:
    assert parse_metrics(PAGE) == {
        "cpu_percent": 99.9,
        "memory_used": 1.5e9,
        "memory_total": 6e9,
        "gpu_percent": 50.0,
        "gpu_memory_used": 3 * GIB,
        "gpu_memory_total": 8 * GIB,
    }
    without_gpus = "\n".join(line for line in PAGE.splitlines() if "Gpu" not in line)
    assert parse_metrics(without_gpus).keys() == {"cpu_percent", "memory_used", "memory_total"}
    assert parse_metrics("<html>no metrics</html>") == parse_metrics("") == {}


@contextmanager
def agent(pages: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """A server that gives one page after the other, the last again and again: its port, and the
    paths that were asked for.
    """
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(pages[min(len(asked), len(pages)) - 1].encode())

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, asked
        server.shutdown()


def seen_of_ray(port: int, monkeypatch: pytest.MonkeyPatch) -> ClusterUse:
    """The use of a cluster of one node, whose agent has this port."""
    row = {"Alive": True, "NodeID": "0a1b2c3d4e", "NodeManagerAddress": "127.0.0.1"}
    row |= {"MetricsExportPort": port, "Resources": {"CPU": 4.0}}
    monkeypatch.setattr("ray.nodes", lambda: [row])
    monkeypatch.setattr("ray.cluster_resources", lambda: {"CPU": 4.0})
    monkeypatch.setattr("ray.available_resources", lambda: {"CPU": 3.0})
    return node_use.cluster_use(wait=lambda seconds: None)


def test_an_agent_whose_figures_come_and_go_is_asked_until_it_has_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = 'ray_sedn_epochs_total{search="spring"} 8.0\n'
    with agent([others, others, others, PAGE]) as (port, asked):
        [node] = seen_of_ray(port, monkeypatch).nodes
    assert (node.memory_used, node.memory_total, node.cpu_percent) == (1.5e9, 6e9, 99.9)
    assert asked == ["/metrics"] * 4


def test_what_is_not_known_of_a_node_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with agent(['ray_node_mem_used{ip="192.0.2.2"} NaN\n']) as (port, asked):
        told = seen_of_ray(port, monkeypatch)
    assert told.nodes[0].memory_used is None
    assert len(asked) == 1 + node_use.AGAIN
    assert unknown_line(told) == (
        "How busy the nodes are is not known: their metrics agents do not tell."
    )
    for none in (-1, free_port()):
        absent = unknown_line(seen_of_ray(none, monkeypatch))
        assert absent is not None
        assert "no metrics agent (ray[default]) answers" in absent
    assert unknown_line(replace(told, nodes=(BUSY,))) is None


@pytest.mark.slow
def test_a_search_by_ray_tells_what_it_has_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_use, "LEAST_SECONDS", 0.5)
    url = f"sqlite:///{tmp_path}/sedn.db"
    open_store(url, create=True)
    (tmp_path / "space.yaml").write_text(SPACE)
    seen: list[ClusterUse] = []
    ended = threading.Event()

    def look_on() -> None:
        engine = open_store(url).engine
        while not ended.wait(0.2):
            use = read_cluster_use(engine, "nodes")
            if use is not None and use not in seen:
                seen.append(use)

    onlooker = threading.Thread(target=look_on)
    onlooker.start()
    try:
        outcome = run_search(
            *("nodes", str(tmp_path / "space.yaml"), SETTINGS, url),
            Resources(storage_path=str(tmp_path / "runs"), cpus_per_trial=1, max_concurrent=1),
            train=make_curves(seconds=0.5),
        )
    finally:
        ended.set()
        onlooker.join()
    assert outcome.finished
    assert seen
    assert {use.cpus_given for use in seen} <= {0.0, 1.0}
    assert max(use.cpus_given for use in seen) == 1.0, "a trial trained at one of the looks"
    for use in seen:
        assert len(use.nodes) == 1
        assert use.cpus >= 1
