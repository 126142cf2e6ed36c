"""How soon searches find a good configuration, beside peers, over recorded curves.

``python -m benchmarks.efficiency CURVES`` simulates our methods and the peers of
:mod:`benchmarks.efficiency_peers`, each by its own code, on the same curves, workers and seeds, in
virtual time. For each number of workers a table has the time until the best result was within 1 %
of the best recorded one (median and quartiles over the seeds), the mean regret over time, and how
much that is beyond the first method's (paired by seed, with its 95 % interval). The last line is
JSON. ``--keep FILE`` keeps what is done, and the same command goes on from there; several commands
may share the file.
"""

import argparse
import json
import math
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.efficiency_peers import PEERS, Keys, MakePeer, simulate_peer
from benchmarks.efficiency_rules import PEERS_BY_RULE, WithoutWait
from benchmarks.efficiency_syne_tune import Server
from benchmarks.kept_cells import KeptCells, Numbers
from search.schedulers.automatic import FIRST_RUNG
from search.schedulers.registry import SchedulerSettings
from search.settings import build_settings
from search.simulation.curves import RecordedCurves, read_curves
from search.simulation.methods import WITHIN, quartiles
from search.simulation.replay import Trajectory, simulate
from sedn.arrays import Floats
from sedn.style import number_text

DEFAULT = "ours: the default (curve-gp, promote)"
OURS: dict[str, dict[str, Any]] = {DEFAULT: {}, "ours: tpe": {"sampler": "tpe"}}
"""Settings of our searches, the default first."""
CURVES = {"sampler": "curve-gp"}
EARLY = {"grace_epochs": "early"}
"""The first rung where the default has it."""
ABLATION: dict[str, dict[str, Any]] = {
    DEFAULT: {},
    "tpe for curve-gp": {"sampler": "tpe"},
    "random for curve-gp": {"sampler": "random"},
    "tpe that learns from ended trials": {
        "sampler": "optuna.samplers:TPESampler",
        "sampler_options": {"multivariate": True, "group": True},
        "scheduler": "promote",
        **EARLY,
    },
    "half goes on, not a third": {"reduction_factor": 2},
    "first rung at a quarter": {"scheduler": "promote", **CURVES},
    "baseline trained at once": {
        "scheduler": "benchmarks.efficiency:promote_without_wait",
        **CURVES,
        **EARLY,
    },
    "asha for promote": {"scheduler": "asha", **CURVES},
    "asha, first rung at an eighth": {"scheduler": "asha", **CURVES, **EARLY},
    "hyperband for promote": {"scheduler": "hyperband", **CURVES},
    "no scheduler": {"scheduler": "none", **CURVES},
}
"""The default without one of its parts."""
STOCK = "Ray Tune: OptunaSearch + ASHA"
WORKERS = (1, 4, 16, 64)
Method = dict[str, Any] | MakePeer
"""Settings of ours, or a peer."""
Methods = dict[str, Method]
"""By the names in the tables."""
Cell = tuple[str, int, int]
"""Method, workers, seed."""
Done = dict[Cell, Numbers]
"""Of each search what :func:`measure` gives."""


def promote_without_wait(settings: SchedulerSettings) -> WithoutWait:
    """The scheduler of that rule."""
    return WithoutWait(settings.milestones, settings.reduction_factor)


def measure(recorded: RecordedCurves, found: Trajectory, workers: int) -> Numbers:
    """Seconds of a search to within 1 % of the best, and its mean regret over the time in which one
    worker trains ten whole configurations.
    """
    whole = np.mean([np.sum(one.seconds) for seeds in recorded.curves.values() for one in seeds])
    moments = np.linspace(0.0, 10 * float(whole) / workers, 200)[1:]
    regret = np.nan_to_num(found.regret_at(moments), nan=found.target - 0.5)
    return [found.seconds_to(found.target * (1 - WITHIN)), float(np.mean(regret))]


def run(
    recorded: RecordedCurves, methods: Methods, trials: int, cells: list[Cell], keep: Path | None
) -> Done:
    """Simulate what is not kept yet."""
    kept = KeptCells(keep)
    keys: Keys = {}
    return {
        (name, count, seed): kept.get(
            f"{name}|{count}|{seed}",
            partial(_simulate, recorded, methods[name], trials, seed, count, keys),
        )
        for name, count, seed in cells
    }


def _simulate(
    recorded: RecordedCurves, method: Method, trials: int, seed: int, workers: int, keys: Keys
) -> Numbers:
    if callable(method):
        found = simulate_peer(recorded, method, trials, seed, workers, keys)
    else:
        given = dict(method)
        if given.get("grace_epochs") == "early":
            given["grace_epochs"] = max(1, recorded.epochs // FIRST_RUNG)
        found = simulate(recorded, build_settings(trials=trials, seed=seed, **given), workers)
    return measure(recorded, found, workers)


def report(
    done: Done, methods: Methods, seeds: int, workers: list[int]
) -> dict[str, dict[str, object]]:
    """Print the tables; the ratios by their names."""
    ratios: dict[str, dict[str, object]] = {}
    for count in workers:
        print(f"\n{count} worker{'s'[: count > 1]}, {seeds} seeds")
        head = f"{'method':<42}{'to 1 %, s':>10}  {'quartiles':<20}{'there':>6}{'regret':>8}"
        print(f"{head}  beyond the first's")
        medians = {}
        first = np.array([done[next(iter(methods)), count, seed][1] for seed in range(seeds)])
        for name in methods:
            seconds, regrets = np.array([done[name, count, seed] for seed in range(seeds)]).T
            low, middle, high = quartiles(seconds)
            medians[name] = middle
            there, regret = int(np.isfinite(seconds).sum()), float(np.mean(regrets))
            span = f"{low:.0f} - {high:.0f}"
            beyond = _interval(regrets - first)
            print(f"{name:<42}{middle:>10.0f}  {span:<20}{there:>6}{regret:>8.4f}  {beyond}")
        peers = {name: median for name, median in medians.items() if callable(methods[name])}
        if DEFAULT not in medians or STOCK not in peers:
            continue
        ours = medians[DEFAULT]
        for label, other, goal in (
            ("stock", peers[STOCK], 0.5),
            ("best peer", min(peers.values()), 1.0),
        ):
            # Neither arrived, or the other alone: there is no ratio.
            value = round(ours / other, 3) if math.isfinite(ours) else None
            ratio = {"value": value, "goal": goal, "at_most": True}
            ratios[f"time to 1 %, {count} workers, of {label}"] = ratio
    return ratios


def _interval(differences: Floats) -> str:
    """The mean of paired differences with its 95 % interval, by Student's distribution."""
    from scipy.stats import t

    if len(differences) < 2 or not differences.any():
        return "-"
    error = float(np.std(differences, ddof=1)) / math.sqrt(len(differences))
    half = float(t.ppf(0.975, len(differences) - 1)) * error
    mean = number_text(float(np.mean(differences)), signed=True)
    return f"{mean} ± {number_text(half)}"


def main() -> None:
    """Read the arguments, simulate, print."""
    parser = argparse.ArgumentParser(description="Simulated searches beside peers.")
    parser.add_argument("curves", type=Path)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--workers", type=int, nargs="+", default=list(WORKERS))
    parser.add_argument("--keep", type=Path, help="Keep what is done in this file, and go on.")
    parser.add_argument(
        "--ablation", action="store_true", help="Ours without one part each, and no peer."
    )
    parser.add_argument(
        "--rules", action="store_true", help="Our schedulers over random draws, and no peer."
    )
    parser.add_argument(
        "--syne-tune",
        type=Path,
        nargs="+",
        default=[],
        metavar="PYTHON",
        help="Interpreters of environments with Syne Tune, see benchmarks/peers/.",
    )
    parser.add_argument(
        "--only", nargs="+", metavar="TEXT", help="The methods whose names have one of these."
    )
    given = parser.parse_args()
    recorded = read_curves(given.curves)
    methods: Methods = dict(ABLATION) if given.ablation else {**OURS, **PEERS}
    if given.rules:
        methods = dict(PEERS_BY_RULE)
    for python in given.syne_tune:
        methods |= Server(python).peers()
    if given.only:
        methods = {n: one for n, one in methods.items() if any(text in n for text in given.only)}
    cells = [
        (name, count, seed)
        for count, seed, name in product(given.workers, range(given.seeds), methods)
    ]
    done = run(recorded, methods, given.trials, cells, given.keep)
    ratios = report(done, methods, given.seeds, given.workers)
    print(json.dumps({"ratios": ratios}))


if __name__ == "__main__":
    main()
