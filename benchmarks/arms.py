"""Where the semantic map should go: every arm and control, on one data set.

Each arm has a search of its own with the same number of trials: the same learning rates for all,
and values of its own axes, where it has any. The trial that is best on validation is then trained
on further seeds, and tested once for each. What an arm is called in the literature stands in the
README.

    python -m benchmarks.arms                       # digits-in-clutter, from scratch
    python -m benchmarks.arms --data scenes/table.csv --size 96 --backbone local-dir:lite0 \\
        --pretrained --flip --rates 3e-4 3e-3 --folder runs/objects \\
        --segmenter tf_efficientnet_lite0 --segmenter-weights lite0/model.safetensors

Each finished training is a line of ``results.jsonl`` in ``--folder``. The same command again goes
on where it stopped, within a training after its last epoch, and prints the tables of what is done;
``python -m benchmarks.arms_table FOLDER`` prints them alone. ``--arms`` does a part, more
``--seeds`` or ``--trials`` add to it.
"""

import argparse
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.arms_table import RESULTS, print_tables, read_results, slug
from sedn.config import DataConfig, TrainingConfig, build_config, config_hash
from sedn.run.train import train_run
from sedn.segmentation.config import SegmenterConfig
from sedn.segmentation.segmenter import train_segmenter
from sedn.training.epochs import train_epochs
from sedn.training.result import EpochResult

STAGES = ["stem+stage1+stage2", "stage1+stage2", "stage2", "stage1"]
FUSIONS = ["focus", "gate", "scale_shift", "concat"]
RATES_OF_EMBEDDING = [3.0, 10.0, 30.0]


@dataclass(frozen=True)
class Arm:
    """One way to use the map: fixed fields and axes of its own, by dotted path."""

    name: str
    fixed: dict[str, Any]
    axes: dict[str, list[Any]]
    """The first value of each is that of the first trial."""


def stages(name: str, **fixed: Any) -> Arm:
    """SE-DNN, or a control of it: placement, fusion and attention are searched unless fixed."""
    axes: dict[str, list[Any]] = {
        "embedding.placement": STAGES,
        "embedding.fusion": FUSIONS,
        "attention.kind": ["se", "eca"],
        "optimizer.embedding_rate": RATES_OF_EMBEDDING,
    }
    renamed = {path.replace("__", "."): value for path, value in fixed.items()}
    return Arm(name, renamed, {path: axes[path] for path in axes if path not in renamed})


def arms(segmenter: str) -> list[Arm]:
    """Arms, sources of the map, and controls, in the order of the table."""
    rates = {"optimizer.embedding_rate": [10.0, 3.0, 30.0]}
    predicted = {"semantic_map.source": "predicted", "semantic_map.segmenter": segmenter}
    return [
        Arm("none", {"embedding.placement": "none"}, {}),
        Arm("mask-image", {"embedding.placement": "mask-image"}, {}),
        Arm("crop", {"embedding.placement": "crop"}, {}),
        Arm("input-channel", {"embedding.placement": "input"}, rates),
        Arm("late-concat", {"embedding.placement": "head"}, rates),
        stages("SE-DNN"),
        stages("SE-DNN, gate", embedding__fusion="gate", optimizer__embedding_rate=30.0),
        Arm("mask-image, predicted", {"embedding.placement": "mask-image", **predicted}, {}),
        Arm("crop, predicted", {"embedding.placement": "crop", **predicted}, {}),
        Arm("input-channel, predicted", {"embedding.placement": "input", **predicted}, rates),
        stages("SE-DNN, predicted", **predicted),
        stages("SE-DNN, auxiliary", semantic_map__source="auxiliary",
               embedding__placement="stage3"),
        stages("attention, no map", embedding__fusion="none"),
        stages("map, no attention", attention__kind="none"),
        stages("shuffled map", semantic_map__control="shuffled"),
        stages("constant map", semantic_map__control="constant"),
    ]  # fmt: skip


def config_of(arm: Arm, trial: int, seed: int, options: argparse.Namespace) -> TrainingConfig:
    """What a trial of an arm trains."""
    fields: dict[str, Any] = {
        "data": data_of(options).model_dump(),
        "backbone": {"name": options.backbone, "pretrained": options.pretrained},
        "epochs": options.epochs,
        "batch_size": options.batch_size,
        "augmentation": {"horizontal_flip": options.flip},
        "threads": options.threads,
        "seed": seed,
    }
    rate = learning_rate(trial, *options.rates)
    chosen = arm.fixed | point(arm, trial) | {"optimizer.learning_rate": rate}
    for path, value in chosen.items():
        group, _, field = path.partition(".")
        fields.setdefault(group, {})[field] = value
    return build_config(fields, arm.name)


def data_of(options: argparse.Namespace) -> DataConfig:
    return DataConfig(path=options.data, image_size=options.size)


def point(arm: Arm, trial: int) -> dict[str, Any]:
    """The values of the arm's own axes in a trial: the first ones, then random ones."""
    if trial == 0:
        return {path: values[0] for path, values in arm.axes.items()}
    rng = np.random.default_rng([zlib.crc32(arm.name.encode()), trial])
    return {path: values[rng.integers(len(values))] for path, values in arm.axes.items()}


def learning_rate(trial: int, low: float, high: float) -> float:
    """The middle of the range, then its quarters, eighths and so on; the same for all arms."""
    share, step, rest = 0.0, 0.5, trial + 1
    while rest:
        share += step * (rest % 2)
        step, rest = step / 2, rest // 2
    return float(f"{low * (high / low) ** share:.3g}")


@dataclass(frozen=True)
class Job:
    """A training of the comparison."""

    arm: Arm
    trial: int
    seed: int
    is_test: bool
    """Whether the trained network is tested, too."""

    def folder(self, folder: Path) -> Path:
        """Where the training is kept."""
        return folder / slug(self.arm.name) / f"trial-{self.trial}-seed-{self.seed}"


def jobs(options: argparse.Namespace, chosen: list[Arm]) -> Iterator[Job]:
    """A trial of every arm, then the next of every arm; then their best, seed by seed.

    The first seed is that of the trials, so its best is tested as soon as an arm's last trial ends.
    """
    for trial in range(options.trials):
        for arm in chosen:
            yield Job(arm, trial, 0, is_test=False)
            if trial == options.trials - 1:
                yield Job(arm, best_trial(arm, options), 0, is_test=True)
    for seed in range(1, options.seeds):
        for arm in chosen:
            yield Job(arm, best_trial(arm, options), seed, is_test=True)


def best_trial(arm: Arm, options: argparse.Namespace) -> int:
    """The trial with the greatest AUC on validation."""
    reached = {
        row["trial"]: row["validation_auc"]
        for row in read_results(options.folder)
        if row["arm"] == arm.name and not row["tested"] and row["trial"] < options.trials
    }
    return max(reached, key=lambda trial: reached[trial])


def run(job: Job, options: argparse.Namespace) -> None:
    """Train, test if the job is to, and append the line; nothing where the line is there."""
    config = config_of(job.arm, job.trial, job.seed, options)
    key = {"arm": job.arm.name, "trial": job.trial, "seed": job.seed, "tested": job.is_test,
           "config": config_hash(config)}  # fmt: skip
    if any(key.items() <= row.items() for row in read_results(options.folder)):
        return
    folder = job.folder(options.folder)

    def show(result: EpochResult) -> None:
        print(f"{job.arm.name} trial {job.trial} seed {job.seed} epoch {result.epoch}: "
              f"{result.mean_auc:.4f} loss {result.train_loss:.4f} {result.seconds:.0f} s",
              flush=True)  # fmt: skip

    *_, last = _shown(train_epochs(config, str(folder)), show)
    row: dict[str, Any] = key | {
        "folder": str(folder.relative_to(options.folder)),
        "epochs": config.epochs,
        "learning_rate": config.optimizer.learning_rate,
        "own": point(job.arm, job.trial),
        "validation_auc": last.mean_auc,
        "seconds_per_epoch": round(last.seconds, 1),
        "map": config.map_source,
    }
    if job.is_test:
        # Goes on from the last epoch, which is there: the test split alone is left.
        row["test_auc"] = train_run(config, folder).mean_auc
    with (options.folder / RESULTS).open("a") as file:
        file.write(json.dumps(row) + "\n")


def _shown(results: Iterator[EpochResult], show: Any) -> Iterator[EpochResult]:
    for result in results:
        show(result)
        yield result


def segmenter_of(options: argparse.Namespace) -> str:
    """The folder of the segmenter that predicts the maps; trained where it is not there."""
    folder = options.folder / "segmenter"
    config = SegmenterConfig(
        encoder=options.segmenter,
        pretrained=bool(options.segmenter_weights),
        weights=options.segmenter_weights,
        epochs=options.segmenter_epochs,
    )
    train_segmenter(data_of(options), config, folder, lambda epoch: print(epoch, flush=True))
    return str(folder)


def main() -> None:
    """Train every arm, or go on, and print the tables of what is done."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="digits-in-clutter")
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--backbone", default="test_resnet")
    parser.add_argument("--pretrained", action="store_true")
    parser.add_argument("--rates", type=float, nargs=2, default=(2e-3, 5e-2))
    parser.add_argument("--flip", action="store_true", help="mirror training images at random")
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--segmenter", default="resnet10t", help="encoder of the segmenter")
    parser.add_argument("--segmenter-weights", default="", help="file of the encoder's weights")
    parser.add_argument("--segmenter-epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--arms", nargs="*", help="names of some; all if not said")
    parser.add_argument("--folder", type=Path, default=Path("runs/arms"))
    options = parser.parse_args()
    options.folder = options.folder.absolute()
    options.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    known = arms(str(options.folder / "segmenter"))
    names = options.arms or [arm.name for arm in known]
    if unknown := set(names) - {arm.name for arm in known}:
        parser.error(f"--arms: no arm {', '.join(sorted(unknown))}")
    chosen = [arm for arm in known if arm.name in names]
    if any(arm.fixed.get("semantic_map.source") == "predicted" for arm in chosen):
        segmenter_of(options)
    for job in jobs(options, chosen):
        run(job, options)
    print_tables(options.folder)


if __name__ == "__main__":
    main()
