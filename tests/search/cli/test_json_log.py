"""What a search does, as lines of JSON."""

import io
import json
import re
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from results.database.models import TrialState
from results.database.store import open_store
from search.cli.json_log import JsonLines, begin_log
from search.cli.main import main
from tests.search.curves import make_curves

KEYS = {"time", "level", "experiment", "event", "trial", "node"}


def records(text: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert line.keys() >= KEYS, line
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["level"] in ("info", "warning", "error")
    return lines


def run(words: list[str], patch: pytest.MonkeyPatch) -> int:
    # Put back after the test.
    patch.setattr(sys, "stderr", sys.stderr)
    patch.setattr(sys, "argv", ["sedn", *words])
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_each_line_of_a_search_is_json(
    table: Path,
    space_file: Path,
    tmp_path: Path,
    store_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("search.run._default_train", make_curves)
    words = ["search", "--name=a.b", f"--data={table}", f"--space={space_file}", "--trials=8"]
    words += ["--backend=local", f"--store={store_url}", "--log-format=json", "--epochs=4"]
    assert run(words, monkeypatch) == 0
    said = records(capfd.readouterr().err)
    assert {line["experiment"] for line in said} == {"a.b"}
    stages = [line["stage"] for line in said if line["event"] == "stage"]
    assert stages == ["checks", "data", "store", "trials", "end"]
    rows = open_store(store_url).trials(open_store(store_url).experiment("a.b").id)
    ended = {line["trial"]: line["state"] for line in said if line["event"] == "trial-ended"}
    assert ended == {row.number: str(row.state) for row in rows}
    epochs = Counter(line["trial"] for line in said if line["event"] == "trial-epoch")
    trained = [row for row in rows if row.duplicate_of is None]
    assert epochs == {row.number: row.epochs for row in trained}
    best = [line["best"] for line in said if line["event"] == "progress"][-1]
    assert best["mean_auc"] == max(r.mean_auc for r in rows if r.state is TrialState.COMPLETE)
    assert not any("\x1b" in str(line) for line in said)


def test_a_wrong_input_is_json_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["search", "--name=n", "--data=nothing", "--log-format=json"], monkeypatch) == 2
    *_, last = records(capfd.readouterr().err)
    assert (last["level"], last["event"]) == ("error", "message")
    assert last["message"].startswith("sedn: ")


HOSTILE = 'a\nb\r\x1b[31m\u2028"\\}{\x00é'


def test_whatever_is_printed_becomes_lines_of_json(monkeypatch: pytest.MonkeyPatch) -> None:
    below = io.StringIO()
    monkeypatch.setattr(sys, "stderr", below)
    log = begin_log("json", HOSTILE)
    assert log is not None
    assert isinstance(sys.stderr, JsonLines)
    log.notice(HOSTILE)
    sys.stderr.record("x", value=float("nan"))
    threads = [threading.Thread(target=print, args=(HOSTILE,), kwargs={"file": sys.stderr})] * 1
    for thread in threads:
        thread.start()
        thread.join()
    print("half", end="", file=sys.stderr)
    print(" and half", file=sys.stderr)
    said = records(below.getvalue())
    assert {line["experiment"] for line in said} == {HOSTILE}
    assert said[0]["message"] == HOSTILE
    assert said[1]["value"] is None
    assert said[-1]["message"] == "half and half"
    assert begin_log("text", "n") is None
