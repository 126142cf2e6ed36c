"""Where the semantic map should go: every arm and control on ``digits-in-clutter``.

Each arm has a search of its own with the same number of trials over the same learning rates (and
over its own axes, where it has any), then its best configuration is trained on fresh seeds at full
budget and tested. What an arm is called in the literature stands in the README.

    python benchmarks/arms.py [--backbone test_resnet] [--trials 4] [--seeds 3] [--epochs 8]

Each run is kept under ``--folder``: the same command again goes on where it stopped.
"""

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from results.database.store import open_store
from results.export import export_config
from results.ranking.leaders import rank
from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.config import DataConfig, TrainingConfig, build_config
from sedn.document import parse_value
from sedn.run.comparison import compare_runs
from sedn.run.summary import RunSummary
from sedn.run.train import train_run
from sedn.segmentation.config import SegmenterConfig
from sedn.segmentation.segmenter import train_segmenter
from sedn.style import gain_text

STAGES = ["stage1", "stage2", "stage1+stage2"]
FUSIONS = ["scale_shift", "concat"]
GOAL = 1.0


@dataclass(frozen=True)
class Arm:
    """One way to use the map: fixed fields and axes of its own, by dotted path."""

    name: str
    fixed: dict[str, Any]
    axes: dict[str, list[Any]]


def stages(name: str, **fixed: Any) -> Arm:
    """SE-DNN, or a control of it: placement, fusion and attention are searched unless fixed."""
    axes: dict[str, list[Any]] = {
        "embedding.placement": STAGES,
        "embedding.fusion": FUSIONS,
        "attention.kind": ["se", "eca"],
    }
    renamed = {path.replace("__", "."): value for path, value in fixed.items()}
    return Arm(name, renamed, {path: axes[path] for path in axes if path not in renamed})


def arms(segmenter: str) -> list[Arm]:
    """Arms, sources of the map, and controls, in the order of the table."""
    return [
        Arm("none", {"embedding.placement": "none"}, {}),
        Arm("mask-image", {"embedding.placement": "mask-image"}, {}),
        Arm("crop", {"embedding.placement": "crop"}, {}),
        Arm("input-channel", {"embedding.placement": "input"}, {}),
        Arm("late-concat", {"embedding.placement": "head"}, {}),
        stages("SE-DNN"),
        stages("SE-DNN, predicted", semantic_map__source="predicted",
               semantic_map__segmenter=segmenter),
        stages("SE-DNN, auxiliary", semantic_map__source="auxiliary",
               embedding__placement="stage3"),
        stages("attention, no map", embedding__fusion="none"),
        stages("map, no attention", attention__kind="none"),
        stages("shuffled map", semantic_map__control="shuffled"),
        stages("constant map", semantic_map__control="constant"),
    ]  # fmt: skip


def space_of(arm: Arm, backbone: str, epochs: int) -> str:
    """The arm's space as YAML."""
    base: dict[str, Any] = {
        "data": {"image_size": 48},
        "backbone": {"name": backbone, "pretrained": False},
        "epochs": epochs,
    }
    for path, value in arm.fixed.items():
        group, _, field = path.partition(".")
        base.setdefault(group, {})[field] = value
    axes: dict[str, Any] = {path: {"choice": values} for path, values in arm.axes.items()}
    axes["optimizer.learning_rate"] = {"float": [2e-3, 2e-2], "log": True, "default": 1e-2}
    return yaml.safe_dump({"name": slug(arm.name), "base": base, "axes": axes}, sort_keys=False)


def search(arm: Arm, options: argparse.Namespace) -> TrainingConfig:
    """The best configuration of the arm's own search; the plain backbone, which every search
    tries first, is none of its own.
    """
    folder = options.folder / slug(arm.name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "space.yaml").write_text(space_of(arm, options.backbone, options.epochs))
    url = f"sqlite:///{options.folder}/arms.db"
    run_search(
        slug(arm.name),
        str(folder / "space.yaml"),
        SearchSettings(trials=options.trials + 1),
        url,
        Resources(storage_path=str(options.folder / "trials")),
    )
    store = open_store(url)
    ranked = rank(store, slug(arm.name))
    own = ranked if arm.name == "none" else ranked[ranked["role"] != "baseline"]
    text = export_config(store, slug(arm.name), trial=int(own.iloc[0]["trial"]))
    return build_config(parse_value(text, arm.name), arm.name)


def test(job: tuple[str, TrainingConfig, int], folder: Path) -> RunSummary:
    """Train a configuration on a fresh seed, and score it on the test split."""
    name, config, seed = job
    seeded = config.model_copy(update={"seed": seed})
    return train_run(seeded, folder / slug(name) / f"seed-{seed}")


def slug(name: str) -> str:
    """A name for files and experiments."""
    return name.lower().replace(", ", "-").replace(" ", "-")


def mean_over_seeds(summaries: list[RunSummary]) -> tuple[float, float]:
    """Mean test AUC over seeds, and its standard error: of the seeds, and of the images they share.

    The images' share does not shrink with more seeds, as all are tested on the same.
    """
    means = np.array([summary.mean_auc for summary in summaries])
    over_seeds = means.var(ddof=1) / len(means)
    over_images = np.mean([summary.mean_auc_stderr**2 for summary in summaries])
    return float(means.mean()), float(np.sqrt(over_seeds + over_images))


def table(results: dict[str, list[RunSummary]]) -> str:
    """Arms by mean test AUC, in Markdown."""
    plain, _ = mean_over_seeds(results["none"])
    lines = ["| arm | map at test time | mean test AUC ± 95 % | gain over none | parameters |"]
    lines += ["|---|---|---:|---:|---:|"]
    for name, summaries in results.items():
        mean, stderr = mean_over_seeds(summaries)
        lines.append(
            f"| {name} | {summaries[0].map_source} | {mean:.4f} ± {1.96 * stderr:.4f} "
            f"| {gain_text(mean / plain - 1)} | {summaries[0].parameters / 1e6:.2f} M |"
        )
    return "\n".join(lines)


def label_table(results: dict[str, list[RunSummary]]) -> str:
    """Per label, each arm's test AUC with its interval over images, mean over seeds."""
    names = list(results)
    lines = ["| label | " + " | ".join(names) + " |", "|---" + "|---:" * len(names) + "|"]
    for label in results["none"][0].label_auc:
        cells = []
        for summaries in results.values():
            mean = np.mean([summary.label_auc[label] for summary in summaries])
            variance = np.mean([summary.label_auc_stderr[label] ** 2 for summary in summaries])
            cells.append(f"{mean:.3f} ± {1.96 * np.sqrt(variance):.3f}")
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def predicted_over_none(folder: Path, results: dict[str, list[RunSummary]]) -> float:
    """The gain of SE-DNN with predicted maps over the plain backbone, in half-widths of its 95 %
    interval: paired over images for each seed, the spread over seeds added.
    """
    paired = [
        compare_runs(folder / slug("SE-DNN, predicted") / f"seed-{seed}",
                     folder / slug("none") / f"seed-{seed}").mean
        for seed in range(len(results["none"]))
    ]  # fmt: skip
    differences = np.array([row.difference for row in paired])
    images = np.mean([row.difference_stderr**2 for row in paired])
    stderr = np.sqrt(images + differences.var(ddof=1) / len(differences))
    return float(differences.mean() / (1.96 * stderr))


def main() -> None:
    """Search and test every arm, print the tables and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="test_resnet")
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--folder", type=Path, default=Path("runs/arms"))
    options = parser.parse_args()
    options.folder = options.folder.absolute()
    segmenter = options.folder / "segmenter"
    train_segmenter(
        DataConfig(image_size=48),
        SegmenterConfig(encoder="resnet10t", pretrained=False, epochs=5),
        segmenter,
        lambda epoch: print(epoch, flush=True),
    )
    configs = {arm.name: search(arm, options) for arm in arms(str(segmenter))}
    jobs = [(name, config, seed) for name, config in configs.items()
            for seed in range(options.seeds)]  # fmt: skip
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        summaries = list(pool.map(partial(test, folder=options.folder), jobs))
    results: dict[str, list[RunSummary]] = {}
    for (name, _, _), summary in zip(jobs, summaries, strict=True):
        results.setdefault(name, []).append(summary)
    print(table(results), label_table(results), sep="\n\n")
    value = predicted_over_none(options.folder, results)
    ratio = {"value": value, "goal": GOAL, "at_most": False}
    print(json.dumps({"ratios": {"predicted_gain_over_its_95_percent_interval": ratio}}))


if __name__ == "__main__":
    main()
