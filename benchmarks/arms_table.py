"""Tables of what :mod:`benchmarks.arms` has finished so far.

python -m benchmarks.arms_table FOLDER
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sedn.run.comparison import compare_runs
from sedn.run.summary import RunSummary, read_summary
from sedn.style import difference_text, gain_text, number_text, share_text

RESULTS = "results.jsonl"
PLAIN, OURS = "none", "SE-DNN, predicted"
OF_THE_PAPER = 0.1527
"""What the paper (arXiv 2305.05228) reports as the mean relative gain of AUC over all labels: on
its own data, over its own baseline. A yardstick, and nothing that was measured here."""


@dataclass(frozen=True)
class Tested:
    """An arm that was tested: the folder and what it reached, by seed."""

    name: str
    folders: dict[int, Path]
    summaries: dict[int, RunSummary]

    @property
    def mean(self) -> float:
        """Mean test AUC over labels and seeds."""
        return float(np.mean([one.mean_auc for one in self.summaries.values()]))

    def stderr(self) -> float:
        """Of the mean: of the seeds, and of the images that they share, whose part does not shrink
        with more seeds. With one seed, of the images alone.
        """
        images = np.mean([one.mean_auc_stderr**2 for one in self.summaries.values()])
        return float(np.sqrt(images + _over_seeds([s.mean_auc for s in self.summaries.values()])))

    def label(self, label: str) -> tuple[float, float]:
        """A label's AUC, mean over seeds, and its standard error over images."""
        values = [one.label_auc[label] for one in self.summaries.values()]
        errors = [one.label_auc_stderr[label] for one in self.summaries.values()]
        return _mean(values), float(np.sqrt(_mean([e**2 for e in errors if e is not None])))


@dataclass(frozen=True)
class Gain:
    """An arm beside the plain backbone, on the seeds that both have."""

    difference: float
    stderr: float
    """Paired over images; the spread over seeds added."""
    of_mean: float
    """Relative, of the mean AUC."""
    of_labels: float
    """The mean over labels of their relative gains, which is what the paper reports."""


def slug(name: str) -> str:
    """A name for files."""
    return name.lower().replace(", ", "-").replace(" ", "-")


def read_results(folder: Path) -> list[dict[str, Any]]:
    """The lines of finished trainings."""
    path = folder / RESULTS
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def tested_arms(folder: Path) -> dict[str, Tested]:
    """The arms that have been tested, in the order in which they were first."""
    found: dict[str, Tested] = {}
    for row in read_results(folder):
        if row["tested"]:
            arm = found.setdefault(row["arm"], Tested(row["arm"], {}, {}))
            arm.folders[row["seed"]] = folder / row["folder"]
            arm.summaries[row["seed"]] = read_summary(folder / row["folder"])
    return found


def gain_over(plain: Tested, arm: Tested) -> Gain | None:
    """How an arm stands beside the plain backbone; ``None`` where they share no seed."""
    seeds = sorted(plain.folders.keys() & arm.folders.keys())
    if not seeds:
        return None
    pairs = [compare_runs(arm.folders[seed], plain.folders[seed]) for seed in seeds]
    differences = [pair.mean.difference or 0.0 for pair in pairs]
    images = np.mean([(pair.mean.difference_stderr or 0.0) ** 2 for pair in pairs])
    return Gain(
        float(np.mean(differences)),
        float(np.sqrt(images + _over_seeds(differences))),
        _mean([pair.mean.gain for pair in pairs]),
        _mean([row.gain for pair in pairs for row in pair.rows]),
    )


def arm_table(arms: dict[str, Tested]) -> str:
    """Arms by mean test AUC, and what they gain over the plain backbone, in Markdown."""
    plain = arms[PLAIN]
    headroom = max(arm.mean for arm in arms.values()) - plain.mean
    lines = [
        "| arm | map at test time | seeds | mean test AUC ± 95 % | difference to none ± 95 % "
        "| gain of the mean | mean gain of labels | share of headroom | parameters |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, arm in arms.items():
        gain = None if name == PLAIN else gain_over(plain, arm)
        first = next(iter(arm.summaries.values()))
        share = (arm.mean - plain.mean) / headroom if gain and headroom > 0 else None
        cells = [
            name,
            first.map_source,
            str(len(arm.summaries)),
            f"{arm.mean:.4f} ± {1.96 * arm.stderr():.4f}",
            difference_text(gain.difference, gain.stderr) if gain else "–",
            gain_text(gain.of_mean) if gain else "–",
            gain_text(gain.of_labels) if gain else "–",
            share_text(share, 0),
            f"{first.parameters / 1e6:.2f} M",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def label_table(arms: dict[str, Tested]) -> str:
    """Per label, each arm's test AUC with its interval over images, mean over seeds."""
    lines = ["| label | " + " | ".join(arms) + " |", "|---" + "|---:" * len(arms) + "|"]
    for label in next(iter(arms[PLAIN].summaries.values())).label_auc:
        values = [arm.label(label) for arm in arms.values()]
        cells = [f"{number_text(mean, 3)} ± {number_text(1.96 * e, 3)}" for mean, e in values]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def trial_table(folder: Path) -> str:
    """Every training, with what was chosen and what it reached on validation."""
    lines = [
        "| arm | trial | seed | learning rate | own values | epochs | validation AUC | tested |",
        "|---|---:|---:|---:|---|---:|---:|---|",
    ]
    for row in read_results(folder):
        own = ", ".join(str(value) for value in row["own"].values())
        lines.append(
            f"| {row['arm']} | {row['trial']} | {row['seed']} | {row['learning_rate']:g} | {own} "
            f"| {row['epochs']} | {row['validation_auc']:.4f} | {'yes' if row['tested'] else ''} |"
        )
    return "\n".join(lines)


def ratios(arms: dict[str, Tested]) -> dict[str, Any]:
    """What SE-DNN with predicted maps gains, beside what is asked of it."""
    gain = gain_over(arms[PLAIN], arms[OURS]) if OURS in arms else None
    if gain is None:
        return {}
    best = max(arm.mean for arm in arms.values())
    headroom = best - arms[PLAIN].mean
    found = {
        "predicted_gain_over_its_95_percent_interval":
            (gain.difference / (1.96 * gain.stderr) if gain.stderr else float("nan"), 1.0),
        "predicted_mean_gain_of_labels": (gain.of_labels, OF_THE_PAPER),
        "predicted_share_of_headroom":
            (gain.difference / headroom if headroom > 0 else float("nan"), 0.95),
    }  # fmt: skip
    return {
        name: {"value": value, "goal": goal, "at_most": False}
        for name, (value, goal) in found.items()
    }


def print_tables(folder: Path) -> None:
    """Print what is finished, in Markdown, and the JSON line."""
    arms = tested_arms(folder)
    print(trial_table(folder), end="\n\n")
    if PLAIN in arms:
        print(arm_table(arms), label_table(arms), sep="\n\n", end="\n\n")
        print(f"The paper reports a mean gain of labels of {gain_text(OF_THE_PAPER)} on its own "
              "data, over its own baseline.")  # fmt: skip
        print(json.dumps({"ratios": ratios(arms)}))


def _over_seeds(values: list[float]) -> float:
    """Variance of a mean over seeds; 0 of a single one, whose spread is not known."""
    return float(np.var(values, ddof=1)) / len(values) if len(values) > 1 else 0.0


def _mean(values: list[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else float("nan")


if __name__ == "__main__":
    print_tables(Path(sys.argv[1]))
