"""How soon searches find a good configuration, beside peers, over recorded curves.

``python -m benchmarks.efficiency CURVES`` simulates our methods and the peers of
:mod:`benchmarks.efficiency_peers`, each by its own code, on the same curves, workers and seeds, in
virtual time. For each number of workers a table has the time until the best result was within 1 %
of the best recorded one (median and quartiles over the seeds) and the mean regret over time. The
last line is JSON. ``--keep FILE`` keeps what is done, and the same command goes on from there.
"""

import argparse
import json
import math
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.efficiency_peers import PEERS, simulate_peer
from benchmarks.kept_cells import KeptCells, Numbers
from search.settings import build_settings
from search.simulation.curves import RecordedCurves, read_curves
from search.simulation.methods import WITHIN, quartiles
from search.simulation.replay import Trajectory, simulate

OURS = {
    "ours: the default (tpe, promote)": {},
    "ours: curve-gp": {"sampler": "curve-gp"},
    "ours: random": {"sampler": "random"},
    "ours: promote from a quarter": {"scheduler": "promote"},
    "ours: asha": {"scheduler": "asha"},
    "ours: hyperband": {"scheduler": "hyperband"},
}
"""Settings of our searches, the default first."""
STOCK = "Ray Tune: OptunaSearch + ASHA"
WORKERS = (1, 4, 16, 64)
Cell = tuple[str, int, int]
"""Method, workers, seed."""
Done = dict[Cell, Numbers]
"""Of each search what :func:`measure` gives."""


def measure(recorded: RecordedCurves, found: Trajectory, workers: int) -> Numbers:
    """Seconds of a search to within 1 % of the best, and its mean regret over the time in which one
    worker trains ten whole configurations.
    """
    whole = np.mean([np.sum(one.seconds) for seeds in recorded.curves.values() for one in seeds])
    moments = np.linspace(0.0, 10 * float(whole) / workers, 200)[1:]
    regret = np.nan_to_num(found.regret_at(moments), nan=found.target - 0.5)
    return [found.seconds_to(found.target * (1 - WITHIN)), float(np.mean(regret))]


def run(
    recorded: RecordedCurves, trials: int, seeds: int, workers: list[int], keep: Path | None
) -> Done:
    """Simulate what is not kept yet."""
    kept = KeptCells(keep)
    cells = product(workers, range(seeds), [*OURS, *PEERS])
    return {
        (name, count, seed): kept.get(
            f"{name}|{count}|{seed}", partial(_simulate, recorded, name, trials, seed, count)
        )
        for count, seed, name in cells
    }


def _simulate(recorded: RecordedCurves, name: str, trials: int, seed: int, workers: int) -> Numbers:
    if name in PEERS:
        found = simulate_peer(recorded, PEERS[name], trials, seed, workers)
    else:
        settings = build_settings(trials=trials, seed=seed, **OURS[name])
        found = simulate(recorded, settings, workers)
    return measure(recorded, found, workers)


def report(done: Done, seeds: int, workers: list[int]) -> dict[str, dict[str, object]]:
    """Print the tables; the ratios by their names."""
    ratios: dict[str, dict[str, object]] = {}
    for count in workers:
        print(f"\n{count} worker{'s'[: count > 1]}, {seeds} seeds")
        print(f"{'method':<34}{'to 1 %, s':>10}  {'quartiles':<18}{'regret':>8}")
        medians = {}
        for name in [*OURS, *PEERS]:
            seconds, regrets = np.array([done[name, count, seed] for seed in range(seeds)]).T
            low, middle, high = quartiles(seconds)
            medians[name] = middle
            regret = float(np.mean(regrets))
            print(f"{name:<34}{middle:>10.0f}  {f'{low:.0f} - {high:.0f}':<18}{regret:>8.4f}")
        ours = medians[next(iter(OURS))]
        best = min(medians[name] for name in PEERS)
        for label, other, goal in (("stock", medians[STOCK], 0.5), ("best peer", best, 1.0)):
            name = f"time to 1 %, {count} workers, of {label}"
            # Neither arrived, or the other alone: there is no ratio.
            value = round(ours / other, 3) if math.isfinite(ours) else None
            ratios[name] = {"value": value, "goal": goal, "at_most": True}
    return ratios


def main() -> None:
    """Read the arguments, simulate, print."""
    parser = argparse.ArgumentParser(description="Simulated searches beside peers.")
    parser.add_argument("curves", type=Path)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--workers", type=int, nargs="+", default=list(WORKERS))
    parser.add_argument("--keep", type=Path, help="Keep what is done in this file, and go on.")
    given = parser.parse_args()
    recorded = read_curves(given.curves)
    done = run(recorded, given.trials, given.seeds, given.workers, given.keep)
    print(json.dumps({"ratios": report(done, given.seeds, given.workers)}))


if __name__ == "__main__":
    main()
