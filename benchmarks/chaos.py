"""Searches of small real trainings on a cluster, while faults of all kinds meet it at random.

    python -m benchmarks.chaos [--minutes 30] [--seed 0] [--trials 40] [--every 12]

Three Ray nodes and more run in network namespaces of this machine, with PostgreSQL and a small disk
for the checkpoints; so root, ``ip`` and PostgreSQL's programs are needed. One search follows the
other. Each has random parameters that follow from a seed, and trains each trial to its end; so it
must end with the epochs and values of the same search left alone, which is run first, in one
process. In the end a table tells the faults by kind and what was lost to them; the last line is
JSON.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.chaos_faults import Faults
from benchmarks.machines.account import Account
from benchmarks.machines.disk import mounted_disk
from benchmarks.machines.network import network, why_no_namespaces
from benchmarks.machines.nodes import ENVIRONMENT, Nodes, start_search
from benchmarks.machines.outcome import Outcome, outcome_of
from benchmarks.machines.postgresql import RestartedServer, find_binaries
from benchmarks.warm_worker import write_data

DRIVER = Path(__file__).with_name("chaos_driver.py")
DISK_MEBIBYTES = 512
END_SECONDS = 400.0
"""How long a search may take to its end when no fault meets it any more."""
SPACE = """
name: chaos
base:
  data: {{path: {data}, image_size: 32}}
  backbone: {{name: test_resnet, pretrained: false}}
  epochs: 4
  batch_size: 32
axes:
  embedding.placement: {{choice: [none, input, stage1]}}
  optimizer.learning_rate: {{float: [1.0e-4, 1.0e-2], log: true}}
"""


@dataclass
class Found:
    """What the searches came to."""

    searches: int = 0
    trials: int = 0
    epochs: int = 0
    retries: int = 0
    """Times that a trial went on on another worker."""
    commands_again: int = 0
    """Times that the same command was given again, where the driver was not killed."""
    trained_again: int = 0
    lost_trials: int = 0
    lost_epochs: int = 0
    other_values: int = 0
    beyond_checkpoint: int = 0
    orphans: int = 0
    files_left: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass
class Search:
    """One search on the cluster, whose command is given again when its driver was killed."""

    name: str
    url: str
    folder: Path
    trials: int
    nodes: Nodes
    storage: Path

    def __post_init__(self) -> None:
        self.account = Account(self.folder / f"{self.name}-epochs")
        self.said = self.folder / f"{self.name}-said"
        self.driver: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Give the command, on the head."""
        words = words_of(self.name, self.url, self.folder, self.storage, self.trials)
        words += [self.nodes.address, str(self.account.path)]
        head = self.nodes.machines[0]
        with self.said.open("a") as output:
            self.driver = start_search(head, DRIVER, *words, output=output)

    def kill(self) -> None:
        """Kill the driver."""
        assert self.driver is not None
        self.driver.kill()
        self.driver.wait()

    @property
    def is_running(self) -> bool:
        """Whether the driver runs."""
        return self.driver is not None and self.driver.poll() is None

    @property
    def is_finished(self) -> bool:
        """Whether the driver has ended, and said that all trials are done."""
        lines = self.said.read_text().split() if self.said.exists() else []
        return not self.is_running and lines[-1:] == ["finished"]


def words_of(name: str, url: str, folder: Path, storage: Path, trials: int) -> list[str]:
    """The first words of the driver's command."""
    return [name, url, str(folder / "space.yaml"), str(storage), str(trials)]


def run_alone(folder: Path, trials: int) -> Outcome:
    """The same search in one process that nothing disturbs."""
    url = f"sqlite:///{folder}/alone.db"
    words = words_of("alone", url, folder, folder / "alone", trials)
    notes = str(folder / "alone-epochs")
    subprocess.run(
        [sys.executable, str(DRIVER), *words, "", notes],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return outcome_of(url, "alone")


def run_searches(faults: Faults, search_of: Any, minutes: float, every: float) -> list[Search]:
    """Search after search, with a fault every so many seconds in the mean; gives all of them."""
    until = time.monotonic() + 60 * minutes
    searches: list[Search] = []
    while time.monotonic() < until:
        search = search_of(f"chaos-{len(searches) + 1}")
        searches.append(search)
        search.start()
        next_fault = time.monotonic() + faults.chance.expovariate(1 / every)
        end = max(until, time.monotonic()) + END_SECONDS
        while not search.is_finished and time.monotonic() < end:
            if not search.is_running:
                faults.note(f"{search.name}: ended by itself, and is started again")
                faults.counts["command again"] += 1
                search.start()
            if time.monotonic() < until and time.monotonic() > next_fault:
                faults.strike(search)
                next_fault = time.monotonic() + faults.chance.expovariate(1 / every)
            time.sleep(0.5)
        if not search.is_finished:
            faults.note(f"{search.name}: did not end; {search.said.read_text()[-2000:]}")
            search.kill()
    return searches


def check(searches: list[Search], alone: Outcome, faults: Faults, temporary: Path) -> Found:
    """Count what was lost of all searches, and what they have left."""
    found = Found(searches=len(searches), commands_again=faults.counts["command again"])
    for search in searches:
        outcome = outcome_of(search.url, search.name)
        notes = search.account.notes()
        lost, other = search.account.lost(), search.account.contradictions()
        found.trials += len(outcome)
        found.epochs += sum(len(trial["epochs"]) for trial in outcome.values())
        found.retries += sum(note.is_start for note in notes) - len({n.trial for n in notes})
        found.trained_again += search.account.repeated()
        found.lost_trials += sum(outcome.get(n, {}).get("state") != "COMPLETE" for n in alone)
        missing, wrong = compare(outcome, alone)
        found.lost_epochs += missing
        found.other_values += wrong + len(other)
        found.beyond_checkpoint += len(lost)
        found.notes += [f"{search.name}: {line}" for line in (*lost, *other)]
        found.files_left += sum(1 for path in search.storage.rglob(".sedn-*"))
    orphans = faults.orphans()
    found.orphans = len(orphans)
    scratch = list(temporary.glob("sedn-*"))
    found.files_left += len(scratch)
    found.notes += [*orphans, *map(str, scratch)]
    return found


def compare(outcome: Outcome, alone: Outcome) -> tuple[int, int]:
    """Epochs that are missing or there twice, and trials whose parameters or values are others."""
    missing = wrong = 0
    for number, expected in alone.items():
        trial = outcome.get(number, {"params": None, "epochs": [], "mean_auc": None})
        steps = [epoch for epoch, _ in trial["epochs"]]
        missing += len(set(dict(expected["epochs"])) ^ set(steps)) + len(steps) - len(set(steps))
        wrong += any(trial[name] != expected[name] for name in ("params", "mean_auc", "epochs"))
    return missing, wrong


def report(counts: Counter[str], found: Found, minutes: float) -> dict[str, Any]:
    """Print the table, and give the ratios."""
    faults = {kind: count for kind, count in counts.items() if kind != "command again"}
    rows = [
        (f"faults in {minutes:.0f} minutes", sum(faults.values())),
        *((f"  {kind}", count) for kind, count in sorted(faults.items())),
        ("searches", found.searches),
        ("trials", found.trials),
        ("epochs in the database", found.epochs),
        ("trials that went on on another worker", found.retries),
        ("drivers that ended by themselves, command given again", found.commands_again),
        ("epochs trained a second time", found.trained_again),
    ]
    goals = {
        "lost_trials": found.lost_trials,
        "lost_epochs": found.lost_epochs,
        "trials_with_other_values": found.other_values,
        "epochs_repeated_beyond_checkpoint": found.beyond_checkpoint,
        "orphan_processes": found.orphans,
        "files_left": found.files_left,
    }
    rows += [(f"{name.replace('_', ' ')} (goal 0)", count) for name, count in goals.items()]
    for name, count in rows:
        print(f"{name:<56}{count:>6}")
    for line in found.notes:
        print(f"  {line}")
    return {
        f"chaos_{name}": {"value": count, "goal": 0, "at_most": True}
        for name, count in goals.items()
    }


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """End what was started also where this process is told to end, and not be disturbed in it."""

    def end(number: int, _: object) -> None:
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, signal.SIG_IGN)
        raise SystemExit(128 + number)

    before = [(one, signal.signal(one, end)) for one in (signal.SIGTERM, signal.SIGINT)]
    try:
        yield
    finally:
        for one, was in before:
            signal.signal(one, was)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0, help="of faults")
    parser.add_argument("--seed", type=int, default=0, help="of the faults")
    parser.add_argument("--trials", type=int, default=30, help="of each search")
    parser.add_argument("--every", type=float, default=12.0, help="seconds between two faults")
    given = parser.parse_args()
    binaries = find_binaries()
    if binaries is None or (why := why_no_namespaces()):
        sys.exit("no PostgreSQL in /usr/lib/postgresql" if binaries is None else why)
    with ended_by_signals(), ExitStack() as stack:
        # Ray puts sockets below this folder, and a socket's path has a bound of 107 bytes.
        folder = Path(tempfile.mkdtemp(prefix="sedn-chaos-", dir="/tmp"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        temporary = folder / "t"
        temporary.mkdir()
        (folder / "data").mkdir()
        (folder / "space.yaml").write_text(SPACE.format(data=write_data(folder / "data")))
        os.environ["SEDN_CACHE"] = str(folder / "cache")
        alone = run_alone(folder, given.trials)
        print(f"alone: {len(alone)} trials", flush=True)
        ENVIRONMENT["TMPDIR"] = str(temporary)
        disk = stack.enter_context(mounted_disk(folder / "disk", DISK_MEBIBYTES))
        made = stack.enter_context(network())
        server = stack.enter_context(RestartedServer.running(binaries, made.address))
        nodes = Nodes(made, folder / "ray")
        for _ in range(3):
            nodes.start()
        faults = Faults(nodes, server, disk, random.Random(given.seed))
        url = server.new_database()

        def search_of(name: str) -> Search:
            return Search(name, url, folder, given.trials, nodes, disk.path / "runs")

        searches = run_searches(faults, search_of, given.minutes, given.every)
        found = check(searches, alone, faults, temporary)
        print(json.dumps({"ratios": report(faults.counts, found, given.minutes)}))


if __name__ == "__main__":
    main()
