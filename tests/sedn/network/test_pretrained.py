"""Pretrained weights that are here, at a hub, or nowhere: what is told, and in how many words."""

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import timm
from safetensors.torch import save_file

HERE, FETCHED, NOWHERE = "test_resnet", "test_convnext", "test_vit"
REPOSITORIES = {name: timm.get_pretrained_cfg(name).hf_hub_id for name in (HERE, FETCHED, NOWHERE)}
SPACE = f"""
name: weights
base:
  data: {{image_size: 32}}
  epochs: 1
axes:
  backbone.name: {{choice: [{HERE}, {NOWHERE}]}}
  optimizer.learning_rate: {{float: [1.0e-4, 1.0e-1], log: true}}
"""


class Hub(BaseHTTPRequestHandler):
    """Has the weights of one model; says so, or says nothing."""

    def do_HEAD(self) -> None:
        has = self.path.startswith(f"/{REPOSITORIES[FETCHED]}/") and "safetensors" in self.path
        self.send_response(200 if has else 404)
        if has:
            for key, value in (("ETag", '"e"'), ("X-Repo-Commit", "0" * 40), ("Content-Length", 9)):
                self.send_header(key, str(value))
        else:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """No line for each request."""


class Silent(Hub):
    def do_HEAD(self) -> None:
        self.server.released.wait()  # type: ignore[attr-defined]


@contextmanager
def hub(kind: type[Hub]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    server.daemon_threads = True
    server.released = threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.released.set()  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache of the hub's that holds the weights of one model, all of them 0.25."""
    home = tmp_path / "home"
    folder = home / "hub" / f"models--{REPOSITORIES[HERE].replace('/', '--')}"
    snapshot = folder / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("a" * 40)
    weights = timm.create_model(HERE).state_dict()
    for value in weights.values():
        value.fill_(0.25 if value.is_floating_point() else 1)
    save_file(weights, snapshot / "model.safetensors")
    return home


def run(cache: Path, endpoint: str, *words: str) -> subprocess.CompletedProcess[str]:
    places = {"HF_HOME": str(cache), "TORCH_HOME": str(cache / "torch"), "HF_ENDPOINT": endpoint}
    return subprocess.run(
        [sys.executable, *words],
        cwd=cache.parent,
        env=os.environ | places | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=240,
    )


LOADS = f"""
from sedn.config import BackboneConfig
from sedn.errors import UserError
from sedn.network.backbone import create_backbone
from sedn.network.pretrained import check_available

model = create_backbone(BackboneConfig(name="{HERE}"), 3, 32)
print(float(next(model.parameters()).min()), float(next(model.parameters()).max()))
print("file" in model.pretrained_cfg)
check_available(["{HERE}", "{FETCHED}"], "x")
try:
    check_available(["{NOWHERE}", "{HERE}", "{FETCHED}"], "do without")
except UserError as error:
    print(error)
"""


def test_weights_of_the_cache_are_loaded_and_those_of_the_hub_are_found(cache: Path) -> None:
    with hub(Hub) as endpoint:
        done = run(cache, endpoint, "-c", textwrap.dedent(LOADS))
    assert done.returncode == 0, done.stderr
    loaded, has_path, refused = done.stdout.splitlines()
    assert loaded == "0.25 0.25"
    assert has_path == "False"
    assert refused.startswith(f"pretrained weights of {NOWHERE} are neither on this machine nor")
    assert f"'{REPOSITORIES[NOWHERE]}' has none" in refused
    assert f"on this machine are those of {HERE}." in refused
    assert refused.endswith("or do without")


@pytest.mark.parametrize("offline", [pytest.param(True, marks=pytest.mark.slow), False])
def test_a_search_without_a_network_is_told_before_anything_is_written(
    cache: Path, offline: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", str(int(offline)))
    (cache.parent / "space.yaml").write_text(SPACE)
    before = sorted(cache.parent.rglob("*"))
    with hub(Hub) as gone:
        pass
    words = ("-m", "search.cli.start", "search", "--name=a", "--space=space.yaml", "--trials=2")
    done = run(cache, gone, *words)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert f"pretrained weights of {NOWHERE} are neither" in line
    assert ("HF_HUB_OFFLINE is set" in line) is offline
    assert f"hf download {REPOSITORIES[NOWHERE]}" in line
    assert str(cache) in line
    assert "backbone.pretrained to false" in line
    assert sorted(cache.parent.rglob("*")) == before


@pytest.mark.slow
def test_a_hub_that_does_not_answer_is_not_waited_for(cache: Path) -> None:
    ask = f'from sedn.network.pretrained import check_available as c; c(["{FETCHED}"], "x")'
    with hub(Silent) as endpoint:
        done = run(cache, endpoint, "-c", ask)
    assert f"UserError: pretrained weights of {FETCHED} are neither" in done.stderr
