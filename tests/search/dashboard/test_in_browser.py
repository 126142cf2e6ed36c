"""The real dashboard in a browser, beside a real search, without a complaint."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import screenshots

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
TRIALS = 12

pytestmark = pytest.mark.slow


def run_sedn(*words: str, output: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {"SEDN_STORE": f"sqlite:///{output.parent}/sedn.db"}
    with output.open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "search.cli.start", *words],
            stdout=said, stderr=subprocess.STDOUT, env=environment,
        )  # fmt: skip


class Dashboard:
    """`sedn dashboard` on a port of its own, beside a search."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.base = f"http://127.0.0.1:{port}"

    def study(self) -> Any:
        """What the page gets of the study; ``None`` while there is none."""
        try:
            with urllib.request.urlopen(f"{self.base}/api/studies/1", timeout=20) as answer:
                return json.load(answer)
        except OSError:
            return None

    def wait(self, until: Callable[[Any], bool], seconds: float = 240) -> Any:
        """What the page gets as soon as that holds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.study()
            if found is not None and until(found):
                return found
            time.sleep(1)
        raise AssertionError((self.folder / "search.txt").read_text())

    def look(self, path: str, name: str, size: str = "1500,1800") -> str:
        """The page after its scripts have run; its picture is left among the test's files."""
        assert CHROMIUM
        pictures = screenshots(self.folder)
        common = [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={size}"),
            *("--disable-background-networking", f"--user-data-dir={self.folder}/browser"),
            *("--enable-logging=stderr", "--v=0", "--virtual-time-budget=20000"),
        ]
        drawn = ""
        for action in ("--dump-dom", f"--screenshot={pictures / name}.png"):
            words = [*common, action, f"{self.base}{path}"]
            done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
            assert not [line for line in done.stderr.splitlines() if "CONSOLE" in line]
            drawn = drawn or done.stdout
        return drawn


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    if CHROMIUM is None:
        reason = "no chromium: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("dashboard")
    search = run_sedn(
        *("search", "--name=seen", "--space=demo", f"--trials={TRIALS}", "--epochs=2"),
        *("--backend=local", "--sampler=random", "--scheduler=none"),
        *("--data=digits-in-clutter", f"--storage-path={folder}/runs"),
        output=folder / "search.txt",
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    while not (folder / "sedn.db").exists() and search.poll() is None:
        time.sleep(0.5)
    time.sleep(2)
    served = run_sedn("dashboard", f"--port={port}", output=folder / "dashboard.txt")
    made = Dashboard(folder, port)
    try:
        yield made
    finally:
        for process in (search, served):
            process.send_signal(signal.SIGINT)
        search.wait(120)
        assert served.wait(60) in (0, 130)


def test_while_the_search_runs_its_notes_are_there(dashboard: Dashboard) -> None:
    study = dashboard.wait(
        lambda one: (
            "leads, with mean AUC" in one["note"]["body"]
            and any("Labels" in trial["note"]["body"] for trial in one["trials"])
        )
    )
    assert len([t for t in study["trials"] if t["state"] == "Complete"]) < TRIALS, "it runs still"
    page = dashboard.look("/dashboard/studies/1/note", "study-note")
    assert "leads, with mean AUC" in page
    assert "Leading configurations" in page


def test_a_trial_has_note_attributes_and_artifacts(dashboard: Dashboard) -> None:
    study = dashboard.wait(
        lambda one: any(len(trial["artifacts"]) == 2 and trial["number"] for trial in one["trials"])
    )
    trial = next(one for one in study["trials"] if len(one["artifacts"]) == 2 and one["number"])
    number = trial["number"]
    page = dashboard.look(f"/dashboard/studies/1/trials?numbers={number}", "trial", "1500,2200")
    assert f"Trial {number}: complete" in page
    assert f"sedn export seen --trial {number}" in re.sub("<[^>]*>", "", page)
    assert "difference to the baseline" in page
    for artifact in trial["artifacts"]:
        path = f"/artifacts/1/{trial['trial_id']}/{artifact['artifact_id']}"
        assert path in page, "a picture of it is on the page"
        with urllib.request.urlopen(f"{dashboard.base}{path}", timeout=120) as answer:
            assert answer.headers["Content-Type"] == artifact["mimetype"]
            content = answer.read()
        assert content.startswith(b"<svg" if artifact["filename"].endswith(".svg") else b"\xff\xd8")
        dashboard.look(path, artifact["filename"].split(".")[0])


def test_the_plots_and_the_report_are_there_in_the_end(dashboard: Dashboard) -> None:
    study = dashboard.wait(lambda one: f"{TRIALS} of {TRIALS} trials" in one["note"]["body"])
    plots = {one["id"] for one in study["plotly_graph_objects"]}
    assert {"sedn-labels", "sedn-placement", "sedn-cost"} <= plots
    page = dashboard.look("/dashboard/studies/1", "study", "1500,4400")
    for name in plots:
        place = page.index(f'id="user-defined-plot:{name}"')
        assert "main-svg" in page[place : place + 3000]
    (report,) = study["artifacts"]
    drawn = dashboard.look(f"/artifacts/1/{report['artifact_id']}", "report", "1400,5000")
    assert "<title>seen – sedn</title>" in drawn
