"""What the notes of Optuna's dashboard cost a search of empty trials: with them and without.

A pair is two searches, each in a new process: one that writes notes, attributes and plots as
`sedn search` does, one that does not, in turn first. The cost of a search is the CPU time of the
driving process, all its threads together, from the end of the first trial to the end of the search:
loading what draws figures, all notes, and those that are written last are in it, the start of Ray
is not. CPU time, as wall time tells more of the machine's other programs. The ratio is that of
costs, with against without: the geometric mean over pairs, with its 95 % interval (Student's t over
the logarithms). The last line is JSON.

    python -m benchmarks.notes [--pairs 5] [--trials 500]
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import fmean, stdev

from benchmarks.overhead import GOAL_NOTES, SIDES
from sedn.metrics.student import student_quantile


def main() -> None:
    """Measure pairs, and print each, the ratio and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--side", choices=["ours", "quiet"], help="measure one search, and print")
    options = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if options.side:
        print(cpu_of(options.side, options.trials))
        return
    ratios = []
    print("CPU seconds per empty trial, the whole of the search after its first trial")
    for pair in range(options.pairs):
        sides = ["quiet", "ours"] if pair % 2 == 0 else ["ours", "quiet"]
        cpu = {side: measured(side, options.trials) for side in sides}
        ratios.append(cpu["ours"] / cpu["quiet"])
        print(
            f"pair {pair + 1}: without {cpu['quiet']:.4f}, with {cpu['ours']:.4f}, "
            f"ratio {ratios[-1]:.3f}",
            flush=True,
        )
    ratio, low, high = with_interval(ratios)
    print(f"ratio {ratio:.3f} [{low:.3f}, {high:.3f}]")
    found = {"value": ratio, "goal": GOAL_NOTES, "at_most": True}
    if len(ratios) > 1:
        found |= {"low": low, "high": high}
    print(json.dumps({"ratios": {"with_over_without_notes": found}}))


def cpu_of(side: str, trials: int) -> float:
    """CPU seconds of this process for each trial after the first, until the search has ended."""
    with tempfile.TemporaryDirectory() as folder:
        pace = SIDES[side](trials, "tpe", f"sqlite:///{folder}/sedn.db", Path(folder))
        # `pace` began with the CPU time that this process had used before.
        return (time.process_time() - pace.cpu[1]) / (trials - pace.ended[1])


def measured(side: str, trials: int) -> float:
    """The same in a process of its own, which has loaded nothing yet."""
    words = ["-m", "benchmarks.notes", "--side", side, "--trials", str(trials)]
    done = subprocess.run([sys.executable, *words], stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.split()[-1])


def with_interval(ratios: list[float]) -> tuple[float, float, float]:
    """Geometric mean and both ends of its 95 % interval; NaN where there is one ratio."""
    logs = [math.log(ratio) for ratio in ratios]
    mean = fmean(logs)
    if len(logs) < 2:
        return math.exp(mean), math.nan, math.nan
    half = float(student_quantile(len(logs) - 1, 0.975)) * stdev(logs) / math.sqrt(len(logs))
    return math.exp(mean), math.exp(mean - half), math.exp(mean + half)


if __name__ == "__main__":
    main()
