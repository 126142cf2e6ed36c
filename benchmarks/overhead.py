"""What an empty trial costs: this project's search, plain Optuna, and stock Ray Tune with Optuna.

Each runs trials of three epochs that train nothing. Ours is the whole of `sedn search`: Ray, a
worker for each core, ASHA, store and study in one database. Plain Optuna is a loop of ask, report
and tell in one process, with a sampler and a rule of the same settings, over the same kind of
database; its TPE looks at all trials, so it takes the longer the more there are. "No notes" is ours
without what it writes for Optuna's dashboard. Stock Tune is what
its documentation shows with OptunaSearch: a new process for each trial.

The cost of the n-th trial is the wall time of the trials around it, 100 to 200 of them, divided by
their number; "CPU" is what the driving process used of a core in that time, which tells the two
apart where other programs use the machine. The last line is JSON.

Without options it takes about half an hour; `--trials 1000 --store sqlite` takes three minutes.

    python benchmarks/overhead.py [--trials 10000] [--store sqlite] [--sampler tpe] [--side ours]
"""

import argparse
import json
import os
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search.progress import Snapshot
from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.config import TrainingConfig
from sedn.training.bounds import Bounds
from sedn.training.result import EpochResult

EPOCHS = 3
GOAL_SECONDS = 0.2
GOAL_NOTES = 1.1
MARKS = (1, 100, 1000, 10_000)


@dataclass
class Pace:
    """When how many trials had ended: wall and CPU seconds since the start, of this process."""

    began: float = field(default_factory=time.perf_counter)
    ended: list[int] = field(default_factory=lambda: [0])
    wall: list[float] = field(default_factory=lambda: [0.0])
    cpu: list[float] = field(default_factory=lambda: [time.process_time()])

    def mark(self, ended: int) -> None:
        """Note that so many trials have ended by now."""
        if ended > self.ended[-1]:
            self.ended.append(ended)
            self.wall.append(time.perf_counter() - self.began)
            self.cpu.append(time.process_time())

    def around(self, number: int) -> tuple[float, float]:
        """Wall and CPU seconds a trial, of the trials around the one of this number.

        Without the last mark, which is made when all is put away.
        """
        half = min(100, max(1, number // 2))
        first = bisect_left(self.ended, number - half)
        last = max(first + 1, min(bisect_left(self.ended, number + half), len(self.ended) - 2))
        trials = self.ended[last] - self.ended[first]
        return (
            (self.wall[last] - self.wall[first]) / trials,
            (self.cpu[last] - self.cpu[first]) / trials,
        )


def empty_train(
    config: TrainingConfig, folder: str, after_epoch: int, bounds: Bounds
) -> Iterator[EpochResult]:
    """Three epochs of nothing, better or worse by the learning rate."""
    for epoch in range(after_epoch + 1, config.epochs + 1):
        auc = curve(config.optimizer.learning_rate, epoch)
        yield EpochResult(
            epoch=epoch,
            mean_auc=auc,
            mean_auc_stderr=0.01,
            label_auc={"label": auc},
            label_auc_stderr={"label": 0.01},
            train_loss=1.0 / epoch,
            seconds=0.0,
        )


def curve(learning_rate: float, epoch: int) -> float:
    """What an empty epoch reaches."""
    return min(0.99, 0.5 + 0.1 * epoch + learning_rate)


def ours(trials: int, sampler: str, url: str, folder: Path) -> Pace:
    """Our search, database and all."""
    pace = Pace()

    def watch(snapshot: Snapshot) -> None:
        pace.mark(snapshot.ended)

    settings = SearchSettings(trials=trials, epochs=EPOCHS, sampler=sampler, scheduler="asha")
    where = Resources(storage_path=str(folder))
    run_search("overhead", "demo", settings, url, where, train=by_value(empty_train), watch=watch)
    return pace


def quiet(trials: int, sampler: str, url: str, folder: Path) -> Pace:
    """The same without notes, attributes and plots for Optuna's dashboard."""
    from search.dashboard import background

    published = background.published
    background.published = lambda *_: nullcontext()  # type: ignore[assignment]
    try:
        return ours(trials, sampler, url, folder)
    finally:
        background.published = published


def plain(trials: int, sampler: str, url: str, folder: Path) -> Pace:
    """A loop over Optuna alone, one trial after another: the same space, rule and database."""
    import optuna

    from search.samplers.choosing import make_samplers
    from search.schedulers.choosing import make_decision
    from spaces import load_space

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    settings = SearchSettings(trials=trials, epochs=EPOCHS, sampler=sampler, scheduler="asha")
    space = load_space("demo")
    everything = {"history": None} if sampler == "tpe" else {}
    one = make_samplers(settings.model_copy(update={"sampler_options": everything}), space)(0)
    decision = make_decision(settings, EPOCHS)
    storage = optuna.storages.RDBStorage(url)
    study = optuna.create_study(storage=storage, sampler=one, direction="maximize")
    pace = Pace()
    for number in range(trials):
        trial = study.ask()
        learning_rate = space.config(space.sample(trial)).optimizer.learning_rate
        state = optuna.trial.TrialState.COMPLETE
        for epoch in range(1, EPOCHS + 1):
            trial.report(curve(learning_rate, epoch), epoch)
            reached = (epoch, curve(learning_rate, epoch))
            if not decision.goes_on(number, *reached, is_baseline=number == 0):
                state = optuna.trial.TrialState.PRUNED
                break
        complete = state is optuna.trial.TrialState.COMPLETE
        study.tell(trial, curve(learning_rate, EPOCHS) if complete else None, state=state)
        pace.mark(number + 1)
    return pace


def stock(trials: int, sampler: str, url: str, folder: Path) -> Pace:
    """Tune with OptunaSearch as its documentation has it."""
    import optuna
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    def objective(config: dict[str, Any]) -> None:
        for epoch in range(1, EPOCHS + 1):
            tune.report({"mean_auc": curve(config["learning_rate"], epoch)})

    class Count(tune.Callback):  # type: ignore[misc]
        ended = 0

        def on_trial_complete(self, **info: Any) -> None:
            self.ended += 1
            pace.mark(self.ended)

    pace = Pace()
    ray.init(address="local", include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    tuner = tune.Tuner(
        objective,
        param_space={"learning_rate": tune.loguniform(1e-4, 1e-1)},
        tune_config=tune.TuneConfig(
            metric="mean_auc",
            mode="max",
            num_samples=trials,
            search_alg=OptunaSearch(storage=optuna.storages.RDBStorage(url), study_name="stock"),
            scheduler=ASHAScheduler(max_t=EPOCHS),
        ),
        run_config=tune.RunConfig(
            name="stock", storage_path=str(folder), verbose=0, callbacks=[Count()]
        ),
    )
    tuner.fit()
    ray.shutdown()
    return pace


def by_value(function: Callable[..., Any]) -> Callable[..., Any]:
    """Send the function itself to the workers: they cannot import this script."""
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    return cloudpickle.loads(cloudpickle.dumps(function))


@contextmanager
def databases(store: str, folder: Path) -> Iterator[Callable[[str], str]]:
    """What gives the URL of a new database by its name: of SQLite, or of a server started here."""
    if store == "sqlite":
        yield lambda name: f"sqlite:///{folder}/{name}.db"
        return
    root = str(Path(__file__).resolve().parents[1])
    sys.path.insert(0, root)
    from benchmarks.machines.postgresql import find_binaries, new_database, running_server

    binaries = find_binaries()
    if binaries is None:
        raise SystemExit("no PostgreSQL in /usr/lib/postgresql: apt-get install postgresql")
    with running_server(binaries) as server:
        yield lambda name: new_database(server)


SIDES = {"ours": ours, "quiet": quiet, "plain": plain, "stock": stock}
NAMES = {
    "ours": "sedn search",
    "quiet": "sedn search, no notes",
    "plain": "plain Optuna",
    "stock": "Tune + OptunaSearch, defaults",
}


@dataclass(frozen=True)
class Measured:
    """What a side was measured to take around each mark that it came to, and the whole of it."""

    side: str
    store: str
    sampler: str
    trials: int
    first: float
    """Wall seconds until the first trial had ended, Ray's start included."""
    whole: float
    marks: dict[int, tuple[float, float]]


def measure(side: str, store: str, sampler: str, trials: int) -> Measured:
    """Run one side once."""
    with tempfile.TemporaryDirectory() as name, databases(store, Path(name)) as new_url:
        pace = SIDES[side](trials, sampler, new_url(side), Path(name))
    marks = {mark: pace.around(mark) for mark in MARKS[1:] if mark <= trials}
    if not marks and trials > 4:
        marks = {trials // 2: pace.around(trials // 2)}
    return Measured(side, store, sampler, trials, pace.wall[1], pace.wall[-1], marks)


def show(measured: Measured) -> None:
    """A line of the table."""
    cells = "".join(
        f" {f'{mark}:':>7} {wall:6.3f} ({cpu:5.3f})" for mark, (wall, cpu) in measured.marks.items()
    )
    name, sampler = (
        NAMES[measured.side],
        "default" if measured.side == "stock" else measured.sampler,
    )
    print(
        f"{name:30} {measured.store:10} {sampler:8} first {measured.first:5.1f} s{cells}"
        f" all {measured.trials:,}: {measured.whole:.0f} s",
        flush=True,
    )


def ratios(all_measured: list[Measured]) -> dict[str, dict[str, Any]]:
    """The figures with a goal, of those sides that were measured."""
    found: dict[str, dict[str, Any]] = {}
    per_trial: dict[str, float] = {}
    for one in all_measured:
        if not one.marks:
            continue
        last = one.marks[max(one.marks)]
        per_trial.setdefault(one.side, last[0])
        if one.side == "ours" and len(one.marks) > 1:
            growth = last[0] / one.marks[100][0]
            name = f"last_over_hundredth_{one.store}_{one.sampler}"
            found[name] = {"value": growth, "goal": 2.0, "at_most": True}
    if "ours" in per_trial:
        seconds = per_trial["ours"]
        found["seconds_per_empty_trial"] = {"value": seconds, "goal": GOAL_SECONDS, "at_most": True}
        if "quiet" in per_trial:
            ratio = {"value": seconds / per_trial["quiet"], "goal": GOAL_NOTES, "at_most": True}
            found["with_over_without_notes"] = ratio
        if "stock" in per_trial:
            ratio = {"value": per_trial["stock"] / seconds, "goal": 10.0, "at_most": False}
            found["stock_over_ours"] = ratio
    return found


def main() -> None:
    """Measure, print a table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000, help="of ours")
    parser.add_argument("--plain-trials", type=int, default=1000, help="of plain Optuna")
    parser.add_argument("--stock-trials", type=int, default=24, help="of stock Tune")
    parser.add_argument("--store", action="append", choices=["sqlite", "postgresql"])
    parser.add_argument("--sampler", action="append", choices=["tpe", "random"])
    parser.add_argument("--side", action="append", choices=list(SIDES))
    options = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    asked = {
        "ours": options.trials,
        "quiet": options.trials,
        "plain": min(options.trials, options.plain_trials),
        "stock": options.stock_trials,
    }
    all_measured = []
    print("wall (CPU) seconds per empty trial of three epochs, around the trial of that number")
    for side in options.side or SIDES:
        of_stock = side == "stock"
        trials = asked[side]
        for store in ["sqlite"] if of_stock else options.store or ["sqlite", "postgresql"]:
            for sampler in ["tpe"] if of_stock else options.sampler or ["tpe"]:
                all_measured.append(measure(side, store, sampler, trials))
                show(all_measured[-1])
    print(json.dumps({"ratios": ratios(all_measured)}))


if __name__ == "__main__":
    main()
