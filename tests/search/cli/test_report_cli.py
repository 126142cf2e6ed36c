"""`sedn report --serve` says where the page is, serves it, and ends by Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

from typer.testing import CliRunner

from results.database.store import open_store
from search.cli.main import app
from tests.results.rows import add_trial, new_experiment


def searched(folder: Path) -> str:
    url = f"sqlite:///{folder}/sedn.db"
    store = open_store(url, create=True)
    for name in ("rows", "other"):
        add_trial(store, new_experiment(store, name, ["red"]), 0, 0.7, labels={"red": (0.7, 0.02)})
    return url


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


def test_the_page_is_served_until_it_is_interrupted(tmp_path: Path) -> None:
    port = str(free_port())
    served = subprocess.Popen(
        [sys.executable, "-m", "search.cli.start", "report", "rows", "--serve", "--port", port,
         "--store", searched(tmp_path)],
        stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip
    assert served.stderr is not None
    assert f"Report on rows at http://127.0.0.1:{port}/" in served.stderr.readline()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
        assert "<h1>rows</h1>" in answer.read().decode()
    served.send_signal(signal.SIGINT)
    said = served.communicate(timeout=120)[1]
    assert "Traceback" not in said
    assert not (tmp_path / "report.html").exists()


def test_other_experiments_are_written_beside_it(tmp_path: Path) -> None:
    words = ["report", "rows", "other", "--store", searched(tmp_path)]
    done = CliRunner().invoke(app, [*words, "-o", str(tmp_path / "page.html")])
    assert done.exit_code == 0
    assert "Experiments side by side" in (tmp_path / "page.html").read_text()
