"""The store with very many trials: how fast it is written, how large it is, how fast it is read.

An experiment is written in bulk into SQLite and into a PostgreSQL server that is started for it.
Beside it lie the files that a ranking and a comparison read: each image's influence for the leading
configurations, and the scores of the first and of the baseline.
Then the store's own functions write a search of a few trials beside it, and each command that reads
runs as a process of its own: the fastest of several runs, beside the same command on an experiment
of four trials, whose time is that of starting Python and importing. Optuna's way to have all
trials as a table is measured on studies of its own, ten times larger each, as far as it goes.

    python -m benchmarks.store [--trials 100000] [--epochs 20] [--labels 100]
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from benchmarks.machines.postgresql import find_binaries, new_database, running_server
from benchmarks.store_filling import BASE, fill, keep_scores
from benchmarks.study_filling import fill_study
from results.database.models import TrialState
from results.database.store import Store, open_store
from results.database.writing.trials import NewTrial
from sedn.training.result import EpochResult

LARGE, SMALL, WRITTEN = "large", "small", "written"
SMALL_TRIALS = 4
"""A baseline, and a configuration that is compared with it."""
SECONDS_GOAL, MEMORY_GOAL = 1.0, 1000.0
"""Of a whole command; of its memory in megabytes."""
TURNS = 3
WRITTEN_TRIALS = 30
OPTUNA_SECONDS = 120
"""Optuna is asked for no larger study once one took longer."""
COMMANDS = {
    "status": ("status", "{name}"),
    "labels": ("labels", "{name}"),
    "rank": ("rank", "{name}", "--top", "20"),
    "compare": ("compare", "{name}"),
}
TIMED_OUT = 124
"""What `timeout` ends with where it ended the command."""
PEAK = """
import atexit, os
def tell():
    with open("/proc/self/status") as status, open(os.environ["PEAK_FILE"], "w") as file:
        file.write(next(line.split()[1] for line in status if line.startswith("VmHWM")))
atexit.register(tell)
"""
"""Before a program: at its end it writes its greatest resident memory in kilobytes. What the system
tells of a child that ended is at least what this process had when it started the child."""
OURS = "from search.cli.start import main; main()"
READ_STUDY = """
import optuna, sys
optuna.logging.set_verbosity(optuna.logging.ERROR)
print(len(optuna.load_study(study_name=sys.argv[1], storage=sys.argv[2]).trials_dataframe()))
"""


@dataclass(frozen=True)
class Run:
    """A process that ended."""

    seconds: float
    """From its start to its end."""
    busy: float
    """Seconds of a processor, which other programs on the machine do not lengthen by much."""
    megabytes: float
    """Its greatest resident memory."""


def main() -> None:
    """Fill and measure both databases, print tables and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--labels", type=int, default=100)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    values: dict[str, tuple[float, float]] = {}
    with scratch() as folder, ExitStack() as servers:
        for database in ("SQLite", "PostgreSQL"):
            url = f"sqlite:///{folder}/sedn.db"
            if database == "PostgreSQL":
                binaries = find_binaries()
                if binaries is None:
                    print("PostgreSQL is not installed, and is left out.")
                    continue
                url = new_database(servers.enter_context(running_server(binaries)))
            values |= measure(
                database, url, folder / database, options.trials, options.epochs, options.labels
            )
        optuna = measure_optuna(folder, options.trials, options.epochs)
    if optuna is not None:
        ours = values["rank_seconds_SQLite"][0] / options.trials
        values["rank_over_optuna_seconds_a_trial"] = (ours / optuna, 1.0)
    ratios = {n: {"value": v, "goal": goal, "at_most": True} for n, (v, goal) in values.items()}
    print(json.dumps({"ratios": ratios}))


def measure(
    database: str, url: str, folder: Path, trials: int, epochs: int, labels: int
) -> dict[str, tuple[float, float]]:
    """Fill a database and read it; values and goals by name."""
    store = open_store(url, create=True)
    started = time.perf_counter()
    fill(store, LARGE, trials, epochs, labels)
    took = time.perf_counter() - started
    fill(store, SMALL, SMALL_TRIALS, epochs, labels)
    for name in (LARGE, SMALL):
        keep_scores(store, name, folder)
    if database == "PostgreSQL":
        # What the server does by itself some time after rows were written.
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    print(f"\n{database}: {trials:,} trials x {epochs} epochs x {labels} labels, "
          f"{size_of(store) / 1e6:,.0f} MB, in bulk {trials / took:,.0f} trials/s")  # fmt: skip
    print(f"  the store's own functions: {write_rate(store, epochs, labels):,.0f} epochs/s")
    print(f"  {'':8} {'seconds':>8} {'of start':>9} {'CPU':>6} {'of start':>9} {'MB':>6}")
    values = {}
    for name, words in COMMANDS.items():
        whole = fastest([word.format(name=LARGE) for word in words], url)
        start = fastest([word.format(name=SMALL) for word in words], url)
        print(f"  {name:8} {whole.seconds:8.2f} {start.seconds:9.2f} {whole.busy:6.2f} "
              f"{start.busy:9.2f} {whole.megabytes:6.0f}")  # fmt: skip
        values[f"{name}_seconds_{database}"] = (whole.seconds, SECONDS_GOAL)
        values[f"{name}_cpu_seconds_{database}"] = (whole.busy, SECONDS_GOAL)
        values[f"{name}_MB_{database}"] = (whole.megabytes, MEMORY_GOAL)
    store.engine.dispose()
    return values


def write_rate(store: Store, epochs: int, labels: int) -> float:
    """Epochs a second by the functions that a search calls: start, epochs and end of trials."""
    fill(store, WRITTEN, 1, epochs, labels)
    experiment = store.experiment(WRITTEN).id
    by_label = {f"label {n}": (0.8, 0.02) for n in range(labels)}
    started = time.perf_counter()
    for number in range(1, WRITTEN_TRIALS + 1):
        store.add_trial(
            NewTrial(experiment, number, "sampled", {}, BASE, f"{number:016x}", 0, epochs, "runs")
        )
        for epoch in range(1, epochs + 1):
            result = EpochResult(epoch, 0.8, 0.01, {}, {}, 0.5, 1.5, {"parameters": 11e6})
            store.record_epoch(experiment, number, result, node="here")
        store.finish_trial(experiment, number, TrialState.COMPLETE, label_auc=by_label)
    return WRITTEN_TRIALS * epochs / (time.perf_counter() - started)


def size_of(store: Store) -> int:
    """Bytes that the database takes."""
    if store.engine.dialect.name == "sqlite":
        path = Path(str(store.engine.url.database))
        return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
    with store.engine.connect() as connection:
        return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)


def fastest(words: list[str], url: str) -> Run:
    """The fastest of several runs of a command of ours, and the most memory of any."""
    runs = [run(OURS, [*words, "--store", url]) for _ in range(TURNS)]
    best = min(runs, key=lambda one: one.seconds)
    return Run(best.seconds, min(r.busy for r in runs), max(r.megabytes for r in runs))


def run(program: str, words: list[str], at_most: float | None = None) -> Run:
    """Run a Python program to its end; it ends with this process, and after ``at_most`` seconds.

    Raises:
        subprocess.CalledProcessError: it failed, or took longer.
    """
    guard = ["timeout", "--kill-after=5", str(at_most or 600)]
    command = [*guard, sys.executable, "-c", PEAK + program, *words]
    with tempfile.NamedTemporaryFile(prefix="sedn-peak-") as peak:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, env=os.environ | {"PEAK_FILE": peak.name}
        )
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            process.terminate()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        took = time.perf_counter() - started
        return Run(took, used.ru_utime + used.ru_stime, int(peak.read()) / 1024)


def measure_optuna(folder: Path, trials: int, epochs: int) -> float | None:
    """Seconds a trial of Optuna's table of trials, of the largest study that it takes in time;
    ``None`` where it takes none.
    """
    print(f"\nOptuna's load_study(...).trials_dataframe(), at most {OPTUNA_SECONDS} s")
    a_trial = None
    for size in (1000, 10_000, 100_000):
        if size > trials:
            break
        url = f"sqlite:///{folder}/optuna-{size}.db"
        fill_study(url, LARGE, size, epochs)
        try:
            found = run(READ_STUDY, [LARGE, url], OPTUNA_SECONDS)
        except subprocess.CalledProcessError as error:
            if error.returncode != TIMED_OUT:
                raise
            print(f"  {size:9,} trials: not in time")
            break
        print(f"  {size:9,} trials {found.seconds:8.2f} s {found.busy:8.2f} s of CPU "
              f"{found.megabytes:6.0f} MB")  # fmt: skip
        a_trial = found.seconds / size
    return a_trial


CLEAN = 'cat > /dev/null; rm -rf "$1"'
"""Waits until whoever made a folder ends, or is gone; then removes the folder."""


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is removed in the end, also where this process is killed."""
    folder = tempfile.mkdtemp(prefix="sedn-store-")
    cleaning = subprocess.Popen(
        ["sh", "-c", CLEAN, "sh", folder], stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        yield Path(folder)
    finally:
        cleaning.communicate()


if __name__ == "__main__":
    main()
