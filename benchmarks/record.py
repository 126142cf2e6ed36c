"""Recorded curves of a finite space: what simulated searches replay.

``python -m benchmarks.record FOLDER`` trains every configuration of :data:`SPACE` on
``digits-in-clutter`` to the last epoch, with each seed of :data:`SEEDS`, by a search of the product
(sampler ``brute-force``, no scheduler, in this process). The same command goes on where a run was
stopped, after the last epoch that was trained. ``--write`` makes the Parquet file and its datasheet
of what is recorded so far, and trains nothing.

Seconds are CPU seconds of the training's process, on one thread: unlike wall time, other programs
of the machine move them little.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import platform
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search import Resources, SearchSettings, run_search
from search.simulation.curves import SPACE_KEY
from sedn.config import TrainingConfig, config_hash, flatten
from sedn.training.folds import train_trial
from sedn.training.result import EpochResult
from spaces import Space, parse_space

if TYPE_CHECKING:
    import pandas as pd

    from sedn.training.bounds import Bounds

SPACE = """
name: recorded
description: 168 configurations of tiny networks, whose curves are recorded whole.
base:
  data: {image_size: 32}
  backbone: {pretrained: false}
  epochs: 12
  batch_size: 64
axes:
  backbone.name:
    choice: [test_resnet, test_byobnet, test_efficientnet]
    default: test_resnet
  embedding.placement:
    choice: [none, input, stage1, stage1+stage2]
  embedding.fusion:
    choice: [scale_shift, concat]
    when: {embedding.placement: {not: [none, input]}}
  attention.kind:
    choice: [none, se]
    when: {embedding.placement: {not: [none, input]}}
  attention.reduction_ratio:
    choice: [4, 16]
    when: {attention.kind: [se]}
  optimizer.learning_rate: {choice: [2.0e-3, 1.0e-2], default: 1.0e-2}
  loss.kind: {choice: [bce, asl]}
"""
SEEDS = (0, 1)
LINES = "epochs.jsonl"
"""Each trained epoch, a line, in the folder."""
CURVES = Path(__file__).parent / "data" / "recorded_digits.parquet"


def record(folder: Path) -> None:
    """Train what is not recorded yet, one seed after another."""
    folder.mkdir(parents=True, exist_ok=True)
    space = _space()
    for seed in SEEDS:
        settings = SearchSettings(
            trials=space.points(), sampler="brute-force", scheduler="none", seed=seed
        )
        resources = Resources(backend="local", storage_path=str(folder / "runs"))
        store = f"sqlite:///{folder.resolve()}/recorded.db"
        run_search(
            f"seed-{seed}", space, settings, store, resources, train=_recording(folder, space)
        )


def _space() -> Space:
    return parse_space(SPACE, "recorded")


def _recording(folder: Path, space: Space) -> Any:
    """The product's training function, each of whose epochs becomes a line of a file."""

    def train(
        config: TrainingConfig, trial: str, after_epoch: int = 0, bounds: "Bounds | None" = None
    ) -> Iterator[EpochResult]:
        fields = flatten(config.model_dump(mode="json"))
        values = {axis.path: fields[axis.path] for axis in space.axes}
        began = time.process_time()
        for result in train_trial(config, trial, after_epoch, bounds):
            cpu_seconds = time.process_time() - began
            line = {
                "config": config_hash(config),
                "seed": config.seed,
                "cpu_seconds": cpu_seconds,
                "values": values,
                **result.to_json(),
            }
            with (folder / LINES).open("a") as file:
                file.write(json.dumps(line) + "\n")
            yield result
            began = time.process_time()

    return train


def read_lines(folder: Path) -> "pd.DataFrame":
    """Read the recorded epochs, each once, in the order of configuration, seed and epoch.

    Returns:
        Columns config, seed, the path of each axis, epoch, mean_auc, mean_auc_stderr, cpu_seconds,
        seconds, parameters, and auc.LABEL for each label.
    """
    import pandas as pd

    rows = []
    for text in (folder / LINES).read_text().splitlines():
        line = json.loads(text)
        kept = ("config", "seed", "epoch", "mean_auc", "mean_auc_stderr", "cpu_seconds", "seconds")
        row = {name: line[name] for name in kept} | line["values"]
        row["parameters"] = line["costs"].get("parameters")
        rows.append(row | {f"auc.{label}": auc for label, auc in line["label_auc"].items()})
    frame = pd.DataFrame(rows)
    # An epoch that was trained again, after the process was killed before its checkpoint.
    frame = frame.drop_duplicates(["config", "seed", "epoch"], keep="last")
    return frame.sort_values(["config", "seed", "epoch"], ignore_index=True)


def write(folder: Path, path: Path = CURVES) -> None:
    """Write the Parquet file, and beside the file its datasheet."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import timm
    import torch

    frame = read_lines(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    shortened = {name: "float32" for name in frame.columns if name.startswith("auc.")}
    table = pa.Table.from_pandas(frame.astype(shortened), preserve_index=False)
    metadata = {**(table.schema.metadata or {}), SPACE_KEY: SPACE.encode()}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    whole = frame.groupby(["config", "seed"])["epoch"].max()
    epochs = _space().base["epochs"]
    seeds = ", ".join(str(seed) for seed in sorted(frame["seed"].unique()))
    datasheet = f"""# {path.name}

Validation AUC after every epoch of tiny networks on the embedded data set `digits-in-clutter`.

- Made by `python -m benchmarks.record FOLDER`, then `--write`, on {date.today():%d %B %Y}; the
  space is in the script. {frame["config"].nunique()} configurations, seeds {seeds}.
- Of {epochs} epochs each: {(whole == epochs).sum()} curves are whole, {(whole < epochs).sum()} not.
- Machine: {platform.machine()}, one thread, no GPU, beside other programs. Python
  {platform.python_version()}, torch {torch.__version__}, timm {timm.__version__}.
- A row is an epoch of a configuration with a seed: `config` (its hash), `seed`, the values of the
  axes, `epoch`, `mean_auc` and its standard error, `cpu_seconds` (of the epoch, validation
  included; those of a first epoch hold the reading of the data), `seconds` (wall time),
  `parameters`, and `auc.LABEL`, the AUC of each label.
"""
    path.with_suffix(".md").write_text(datasheet)
    print(datasheet)


def main() -> None:
    """Read the arguments, and record or write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", action="store_true", help="Write the Parquet file alone.")
    arguments = parser.parse_args()
    if arguments.write:
        write(arguments.folder)
    else:
        record(arguments.folder)


if __name__ == "__main__":
    main()
