"""A cluster whose machines have the libraries, and neither this package nor the user's modules."""

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from benchmarks.machines.postgresql import free_port
from results.database.store import open_store
from tests.search.backends.test_cluster import TOKEN, sedn, stop, wait_for_nodes
from tests.sedn.own_parts import install

SPACE = """\
name: own
description: a fusion of my own
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  epochs: 1
  batch_size: 12
axes:
  embedding.placement: {choice: [none, stage3]}
  embedding.fusion: {choice: [own_film], when: {embedding.placement: stage3}}
first:
  - embedding.placement: stage3
    embedding.fusion: own_film
"""


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """Python in an environment with all libraries of this one, but for what is searched here."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", tmp_path / "image"], check=True, timeout=60
    )
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    place = tmp_path / "image" / "lib" / version / "site-packages"
    ours = ("sedn", "spaces", "results", "search", "__editable__")
    for entry in Path(ray.__file__).parents[1].iterdir():
        if not entry.name.startswith(ours) and entry.suffix != ".pth":
            (place / entry.name).symlink_to(entry)
    return tmp_path / "image" / "bin" / "python"


@pytest.fixture
def cluster(python: Path, tmp_path: Path) -> Iterator[str]:
    environment = {name: v for name, v in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}
    environment |= {"RAY_USAGE_STATS_ENABLED": "0"}
    lacks = subprocess.run(
        [python, "-c", "import ray, timm, sedn"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "No module named 'sedn'" in lacks.stderr, lacks.stderr
    port = free_port()
    folder = Path("/tmp") / f"ray-{secrets.token_hex(4)}"
    options = ["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}"]
    options += ["--block", "--node-ip-address=127.0.0.1", "--num-cpus=1"]
    node = subprocess.Popen(
        [python, "-m", "ray.scripts.scripts", "start", *options],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for_nodes(f"127.0.0.1:{port}", 1)
        yield f"127.0.0.1:{port}"
    finally:
        stop(node)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_the_search_sends_the_code(cluster: str, table: Path, tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    install(plugins)
    (tmp_path / "own.yaml").write_text(SPACE)
    url = f"sqlite:///{tmp_path}/sedn.db"
    done = sedn(
        "search",
        "--name=sent",
        f"--space={tmp_path}/own.yaml",
        f"--data={table}",
        "--trials=2",
        "--sampler=random",
        "--scheduler=none",
        f"--address={cluster}",
        f"--store={url}",
        f"--storage-path={tmp_path}/runs",
        "--json",
        RAY_AUTH_TOKEN=TOKEN,
        PYTHONPATH=str(plugins),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["finished"]
    store = open_store(url)
    rows = store.trials(store.experiment("sent").id)
    assert {str(row.state) for row in rows} == {"COMPLETE"}, [row.reason for row in rows]
    assert rows[1].config["embedding"]["fusion"] == "own_film"
