"""What the notes of Optuna's dashboard cost a search of empty trials: with them and without.

A pair is two searches, each in a new process: one that writes notes, attributes and plots as
`sedn search` does, one that does not, in turn first. The cost of a search is the CPU time of the
driving process, all its threads together, from the end of the first trial to the end of the search:
loading what draws figures, all notes, and those that are written last are in it, the start of Ray
is not. CPU time, as wall time tells more of the machine's other programs. The ratio is that of
costs, with against without: the geometric mean over pairs, with its 95 % interval (Student's t over
the logarithms).

Two searches differ by what else the machine does, too, so a search with notes also tells what its
publishing took of its own time: CPU seconds of the calls that publish, against those of all else.
What publishing makes slower elsewhere (Python looks for garbage among more objects) is not in that.
The last line is JSON.

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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean, stdev

from benchmarks.overhead import GOAL_NOTES, SIDES
from search.dashboard.background import Background
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
        print(*cpu_of(options.side, options.trials))
        return
    ratios, own = [], []
    print("CPU seconds per empty trial, the whole of the search after its first trial")
    for pair in range(options.pairs):
        sides = ["quiet", "ours"] if pair % 2 == 0 else ["ours", "quiet"]
        cpu = {side: measured(side, options.trials) for side in sides}
        of_all, of_publishing = cpu["ours"]
        ratios.append(of_all / cpu["quiet"][0])
        own.append(of_all / (of_all - of_publishing))
        print(
            f"pair {pair + 1}: without {cpu['quiet'][0]:.4f}, with {of_all:.4f}, of which "
            f"publishing {of_publishing:.4f}; "
            f"ratio {ratios[-1]:.3f}, by its own time {own[-1]:.3f}",
            flush=True,
        )
    ratio, low, high = with_interval(ratios)
    print(f"ratio {ratio:.3f} [{low:.3f}, {high:.3f}], by its own time {fmean(own):.3f}")
    found = {"value": ratio, "goal": GOAL_NOTES, "at_most": True}
    if len(ratios) > 1:
        found |= {"low": low, "high": high}
    of_own = {"value": fmean(own), "goal": GOAL_NOTES, "at_most": True}
    print(json.dumps({"ratios": {"with_over_without_notes": found, "by_own_time": of_own}}))


def cpu_of(side: str, trials: int) -> tuple[float, float]:
    """CPU seconds of this process for each trial after the first, until the search has ended, and
    those of them that publishing took.
    """
    with tempfile.TemporaryDirectory() as folder, publishing_timed() as seconds:
        pace = SIDES[side](trials, "tpe", f"sqlite:///{folder}/sedn.db", Path(folder))
        # `pace` began with the CPU time that this process had used before.
        after_first = trials - pace.ended[1]
        return (time.process_time() - pace.cpu[1]) / after_first, sum(seconds) / after_first


@contextmanager
def publishing_timed() -> Iterator[list[float]]:
    """The CPU seconds of each call that publishes, of its thread."""
    attempt, seconds = Background.attempt, list[float]()

    def timed(background: Background, work: Callable[[], object]) -> bool:
        began = time.thread_time()
        try:
            return attempt(background, work)
        finally:
            seconds.append(time.thread_time() - began)

    Background.attempt = timed  # type: ignore[method-assign]
    try:
        yield seconds
    finally:
        Background.attempt = attempt  # type: ignore[method-assign]


def measured(side: str, trials: int) -> tuple[float, float]:
    """The same in a process of its own, which has loaded nothing yet."""
    words = ["-m", "benchmarks.notes", "--side", side, "--trials", str(trials)]
    done = subprocess.run([sys.executable, *words], stdout=subprocess.PIPE, text=True, check=True)
    cpu, of_publishing = done.stdout.split()[-2:]
    return float(cpu), float(of_publishing)


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
