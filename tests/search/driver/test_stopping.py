"""A search that is told to stop ends within seconds, from any moment, and goes on later."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from uuid import uuid4

import pytest

from results.database.store import open_store
from search.stopping import ending_on_signals

SPACE = """
name: tiny
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  epochs: 3
  batch_size: 16
axes:
  optimizer.learning_rate: {float: [1.0e-4, 1.0e-1], log: true}
"""
STUBBORN = """
import signal
import time
from search.stopping import ending_on_signals

def say() -> None:
    print("ended", flush=True)

# Whatever started the tests: a shell lets what it runs in the background ignore SIGINT.
signal.signal(signal.SIGINT, signal.default_int_handler)
with ending_on_signals(say):
    for number in range(1000):
        try:
            if number == 0:
                print("ready", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            pass
"""


def marked(mark: str) -> list[str]:
    """Command lines of the processes that inherited ``mark`` in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def wait_for(condition, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.2)
    return False


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [1, 5, 10, 20])
def test_a_search_that_its_whole_process_group_is_told_to_end(
    tmp_path: Path, table: Path, seconds: int
) -> None:
    (tmp_path / "space.yaml").write_text(SPACE)
    mark = f"SEDN_TEST_{uuid4().hex}"
    environment = os.environ | {mark: "1", "TMPDIR": str(tmp_path)}
    start = [sys.executable, "-m", "search.cli.start", "search", "--name", "spring"]
    words = [*start, "--data", str(table), "--space", "space.yaml", "--scheduler", "none"]
    # Short of Ray's own temporary folder, whose sockets need a short path.
    environment["RAY_TMPDIR"] = "/tmp"

    def search(trials: int, *before: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*before, *words, "--trials", str(trials)],
            cwd=tmp_path,
            env=environment | {"PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=280,
        )

    ended = search(10_000, "timeout", "--preserve-status", "-s", "TERM", "-k", "10", str(seconds))
    assert ended.returncode == 130, ended.stderr
    assert ended.stderr.splitlines()[-1].endswith(
        ("stopped", "Nothing is lost: the same command goes on.")
    )
    assert "Traceback" not in ended.stderr
    assert wait_for(lambda: not marked(mark)), marked(mark)
    assert not list(tmp_path.glob("sedn-tune-*"))
    if not (tmp_path / "sedn.db").exists():
        return
    store = open_store(f"sqlite:///{tmp_path}/sedn.db")
    before = {row.number: row for row in store.trials(1)} if store.find_experiment("spring") else {}
    again = search(max(1, len(before)))
    assert again.returncode == 0, again.stderr
    after = {row.number: row for row in store.trials(1)}
    assert all(row.epochs == 3 and str(row.state) == "COMPLETE" for row in after.values())
    for number, row in before.items():
        if str(row.state) == "COMPLETE":
            assert after[number].mean_auc == row.mean_auc


@pytest.mark.slow
@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
def test_code_that_ignores_a_signal_is_ended_all_the_same(stop_signal: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(STUBBORN)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(stop_signal)
    assert process.stdout.read() == "ended\n"
    assert process.wait() == 130


@pytest.mark.parametrize(
    ("stop_signal", "sigint"),
    [
        (signal.SIGTERM, "default_int_handler"),
        (signal.SIGINT, "default_int_handler"),
        (signal.SIGTERM, "SIG_IGN"),
    ],
)
def test_code_that_a_signal_interrupts_ends_by_itself(
    stop_signal: signal.Signals, sigint: str
) -> None:
    ready = STUBBORN.replace(
        "except KeyboardInterrupt:\n            pass", "finally:\n            pass"
    ).replace("default_int_handler", sigint)
    process = subprocess.Popen(
        [sys.executable, "-c", ready], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(stop_signal)
    said, errors = process.communicate(timeout=30)
    assert said == ""
    assert "KeyboardInterrupt" in errors


def test_a_signal_that_came_just_before_a_blocking_call_ends_the_call() -> None:
    # A signal that another thread gets does not end the main thread's call, as one that comes in
    # the moment before the call does not.
    code = """
import signal, threading, time
from search.stopping import ending_on_signals

def interrupt_without_waking() -> None:
    time.sleep(0.2)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
with ending_on_signals(lambda: print("ended", flush=True)):
    threading.Thread(target=interrupt_without_waking).start()
    time.sleep(60)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert ended.stdout == ""
    assert "KeyboardInterrupt" in ended.stderr


@pytest.mark.slow
def test_a_signal_is_met_before_anything_is_imported(tmp_path: Path) -> None:
    for milliseconds in (150, 300, 600, 900):
        process = subprocess.Popen(
            [sys.executable, "-m", "search.cli.start", "search", "--name", "spring"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(milliseconds / 1000)
        process.send_signal(signal.SIGTERM)
        errors = process.communicate(timeout=60)[1]
        # Before Python runs a line of ours, the signal ends the process by itself.
        assert process.returncode in (130, -signal.SIGTERM), errors
        assert "Traceback" not in errors


LOST = """
class Thing:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)

Thing()
time.sleep(30)
"""
TEXT = """
exec("signal.raise_signal(signal.SIGTERM)")
"""
CAUGHT = """
try:
    exec("signal.raise_signal(signal.SIGTERM)")
except KeyboardInterrupt:
    sys.exit(130)
"""
CRASHES_AT_ITS_END = """
atexit.register(lambda: os.kill(os.getpid(), signal.SIGSEGV))
signal.raise_signal(signal.SIGTERM)
"""


@pytest.mark.parametrize("body", [LOST, TEXT, CAUGHT, CRASHES_AT_ITS_END])
def test_a_signal_ends_the_command_with_its_code_whatever_it_meets(
    body: str, tmp_path: Path
) -> None:
    """A destructor swallows interrupts; CPython ends by SIGINT after text that was interrupted."""
    # As a module: with `-c` CPython runs text last, and forgets.
    (tmp_path / "probe.py").write_text(f"""
import atexit, os, signal, sys, time, types
from search.cli import start

def run():
    {textwrap.indent(body, "    ").strip()}

sys.modules["search.cli.main"] = types.SimpleNamespace(main=run)
start.main()
""")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    ended = subprocess.run(
        [sys.executable, "-m", "probe"],
        env=os.environ | {"PYTHONPATH": path},
        stderr=subprocess.PIPE,
        timeout=25,
    )
    assert ended.returncode == 130, ended.stderr
    assert b"Traceback" not in ended.stderr


def test_an_exit_by_another_library_on_a_signal_is_an_interrupt() -> None:
    """Ray ends the process by codes of its own while Ray starts."""
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), ending_on_signals(lambda: None):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        signal.raise_signal(signal.SIGTERM)
    with pytest.raises(SystemExit), ending_on_signals(lambda: None):
        sys.exit(1)
    assert signal.getsignal(signal.SIGTERM) == before


FAMILY = """
import subprocess
import sys
from search.stopping import end_at_once

COMMAND = ["sh", "-c", "(sleep 300 & echo; wait) & wait"]
with subprocess.Popen(COMMAND, stdout=subprocess.PIPE) as one:
    one.stdout.readline()
    end_at_once(3)
"""


def test_the_end_at_once_is_that_of_all_descendants() -> None:
    mark = f"SEDN_TEST_{uuid4().hex}"
    ended = subprocess.run([sys.executable, "-c", FAMILY], env=os.environ | {mark: "1"}, timeout=60)
    assert ended.returncode == 3
    assert wait_for(lambda: not marked(mark), 5), marked(mark)
