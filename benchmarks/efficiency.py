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
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.efficiency_peers import PEERS, simulate_peer
from search.settings import build_settings
from search.simulation.curves import RecordedCurves, read_curves
from search.simulation.methods import WITHIN, quartiles
from search.simulation.replay import Trajectory, simulate

OURS = {
    "ours: tpe + asha": {"sampler": "tpe", "scheduler": "asha"},
    "ours: tpe + promote": {"sampler": "tpe", "scheduler": "promote"},
    "ours: tpe + hyperband": {"sampler": "tpe", "scheduler": "hyperband"},
    "ours: random + promote": {"sampler": "random", "scheduler": "promote"},
}
"""Settings of our searches, the default first."""
STOCK = "Ray Tune: OptunaSearch + ASHA"
WORKERS = (1, 4, 16, 64)
Done = dict[str, dict[str, float]]
"""By ``name|workers|seed``: seconds to within 1 % of the best, and the mean regret over the time
in which one worker trains ten whole configurations."""


def measure(recorded: RecordedCurves, found: Trajectory, workers: int) -> dict[str, float]:
    """Two figures of a search."""
    whole = np.mean([np.sum(one.seconds) for seeds in recorded.curves.values() for one in seeds])
    moments = np.linspace(0.0, 10 * float(whole) / workers, 200)[1:]
    regret = np.nan_to_num(found.regret_at(moments), nan=found.target - 0.5)
    return {
        "seconds": found.seconds_to(found.target * (1 - WITHIN)),
        "regret": float(np.mean(regret)),
    }


def run(
    recorded: RecordedCurves, trials: int, seeds: int, workers: list[int], keep: Path | None
) -> Done:
    """Simulate what is not done yet."""
    done: Done = json.loads(keep.read_text()) if keep and keep.exists() else {}
    for count in workers:
        for seed in range(seeds):
            for name in [*OURS, *PEERS]:
                key = f"{name}|{count}|{seed}"
                if key not in done:
                    found = _simulate(recorded, name, trials, seed, count)
                    done[key] = measure(recorded, found, count)
            if keep is not None:
                keep.write_text(json.dumps(done))
    return done


def _simulate(
    recorded: RecordedCurves, name: str, trials: int, seed: int, workers: int
) -> Trajectory:
    if name in PEERS:
        return simulate_peer(recorded, PEERS[name], trials, seed, workers)
    settings = build_settings(trials=trials, seed=seed, **OURS[name])
    return simulate(recorded, settings, workers)


def report(done: Done, seeds: int, workers: list[int]) -> dict[str, dict[str, object]]:
    """Print the tables; the ratios by their names."""
    ratios: dict[str, dict[str, object]] = {}
    for count in workers:
        print(f"\n{count} worker{'s'[: count > 1]}, {seeds} seeds")
        print(f"{'method':<32}{'to 1 %, s':>10}  {'quartiles':<18}{'regret':>8}")
        medians = {}
        for name in [*OURS, *PEERS]:
            rows = [done[f"{name}|{count}|{seed}"] for seed in range(seeds)]
            low, middle, high = quartiles(np.array([row["seconds"] for row in rows]))
            medians[name] = middle
            regret = float(np.mean([row["regret"] for row in rows]))
            print(f"{name:<32}{middle:>10.0f}  {f'{low:.0f} - {high:.0f}':<18}{regret:>8.4f}")
        ours = medians[next(iter(OURS))]
        best = min(medians[name] for name in PEERS)
        for label, other, goal in (("stock", medians[STOCK], 0.5), ("best peer", best, 1.0)):
            name = f"time to 1 %, {count} workers, of {label}"
            # Neither arrived, or the other alone: there is no ratio.
            value = round(ours / other, 3) if math.isfinite(ours) else None
            ratios[name] = {"value": value, "goal": goal, "at_most": True}
    return ratios


def main(read: Callable[[Path], RecordedCurves] = read_curves) -> None:
    """Read the arguments, simulate, print."""
    parser = argparse.ArgumentParser(description="Simulated searches beside peers.")
    parser.add_argument("curves", type=Path)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--workers", type=int, nargs="+", default=list(WORKERS))
    parser.add_argument("--keep", type=Path, help="Keep what is done in this file, and go on.")
    given = parser.parse_args()
    recorded = read(given.curves)
    done = run(recorded, given.trials, given.seeds, given.workers, given.keep)
    print(json.dumps({"ratios": report(done, given.seeds, given.workers)}))


if __name__ == "__main__":
    main()
