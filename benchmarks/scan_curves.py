"""Learning curves that others recorded, as files for simulated searches.

``pip download --no-deps scan-bench==0.2.3``, unpack the wheel, then ``python -m
benchmarks.scan_curves vlm scan_bench/vlm/data.csv vlm.parquet``, or ``llm
scan_bench/llm/configs_intermediate_summary.csv llm.parquet``. The data are CC BY 4.0.

- ``vlm``: trainings of OpenCLIP with seconds for each epoch, those that ended after 6 to 10 epochs,
  689. What is maximised is the accuracy on ImageNet; a second is one of a GPU.
- ``llm``: trainings of language models, those with at least three results of which the first came
  within 35 % of the training, 437. What is maximised is 1 minus the test loss over that of a
  uniform guess. No seconds were recorded: a second stands for 10^15 operations.

Their hyperparameters stand under fields of our configurations: a name is all that a sampler knows
of an axis. Each curve is brought to 6 steps: linear between epochs for ``vlm``, a power law of the
progress between results, and before the first of them, for ``llm``. A configuration that was not
recorded takes the nearest one. After the first step these curves rank much as they do at the end,
which flatters every scheduler that stops early.
"""

import argparse
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from search.simulation.curves import SPACE_KEY, RecordedCurves, read_curves
from search.simulation.nearest import Nearest
from sedn.arrays import Floats
from sedn.network import canonical_config

STEPS = 6
PROGRESS: Floats = np.arange(1, STEPS + 1) / STEPS
LEAST_EPOCHS = 6
VOCABULARY = 50_277
FIRST_WITHIN, LEAST_RESULTS = 0.35, 3
HEAD = """
description: Hyperparameters of others under the names of fields of our own.
base:
  epochs: 6
  backbone: {pretrained: false}
  optimizer: {name: sgd}
  augmentation: {policy: rand}
axes:
"""


@dataclass(frozen=True)
class Source:
    """A kind of recorded trainings."""

    space: str
    fields: Mapping[str, str]
    """The axis of each hyperparameter."""


VLM = Source(
    "name: scan-vlm"
    + HEAD
    + """  optimizer.learning_rate: {float: [1.0e-5, 5.0e-2], log: true}
  optimizer.weight_decay: {float: [1.0e-6, 2.0e-1], log: true}
  schedule.warmup: {float: [0.0, 0.75]}
  optimizer.head_rate: {float: [3.0, 12.0], log: true}
  data.image_size: {choice: [32, 64, 128, 192, 256, 320, 384, 448, 512], default: 32}
  batch_size: {choice: [32, 64, 128, 192, 256, 320, 384, 448, 512]}
""",
    {
        "lr": "optimizer.learning_rate",
        "wd": "optimizer.weight_decay",
        "warmup_fraction": "schedule.warmup",
        # In tens of millions.
        "samples": "optimizer.head_rate",
        "vision_width": "data.image_size",
        "text_width": "batch_size",
    },
)
LLM = Source(
    "name: scan-llm"
    + HEAD
    + """  optimizer.learning_rate: {float: [1.0e-5, 1.0e-2], log: true}
  optimizer.weight_decay: {float: [1.0e-3, 2.0e-1], log: true}
  optimizer.momentum: {float: [0.8, 0.99]}
  ema_decay: {float: [0.9, 0.999]}
  schedule.warmup: {float: [0.0, 0.3]}
  optimizer.head_rate: {float: [4.0, 40.0], log: true}
  data.image_size: {int: [256, 1600], step: 64, default: 256}
  augmentation.policy_magnitude: {int: [4, 30]}
  batch_size: {choice: [64, 128]}
""",
    {
        "lr": "optimizer.learning_rate",
        "weight_decay": "optimizer.weight_decay",
        "beta1": "optimizer.momentum",
        "beta2": "ema_decay",
        "cooldown_steps": "schedule.warmup",
        # In thousands of millions.
        "tokens": "optimizer.head_rate",
        "d_model": "data.image_size",
        "n_layers": "augmentation.policy_magnitude",
        "batch": "batch_size",
    },
)


def vlm_curves(data: pd.DataFrame) -> pd.DataFrame:
    """Bring the trainings of OpenCLIP to a row for each step.

    Args:
        data: a row for each epoch, as ``scan-bench`` has them.
    """
    data = data.assign(
        samples=data["total_samples_planned"] / 1e7,
        # Of one GPU, as trainings on several took their time together.
        gpu_seconds=data["train_duration(s)"] * data["world_size"],
    ).sort_values("epoch")
    ends = data.groupby("config_id").agg(
        reached=("training_progress", "max"), epochs=("total_epochs", "first")
    )
    taken = ends[(ends["reached"] > 0.999) & (ends["epochs"] >= LEAST_EPOCHS)].index
    return pd.concat([_vlm_steps(data[data["config_id"] == number]) for number in taken])


def _vlm_steps(epochs: pd.DataFrame) -> pd.DataFrame:
    progress = np.concatenate([[0.0], epochs["training_progress"]])
    accuracy = np.interp(PROGRESS, progress, np.concatenate([[0.0], epochs["imagenet1k_acc1"]]))
    total = np.interp(PROGRESS, progress, np.concatenate([[0.0], epochs["gpu_seconds"].cumsum()]))
    return _rows(VLM, epochs.iloc[0], accuracy, np.diff(total, prepend=0.0))


def llm_curves(data: pd.DataFrame) -> pd.DataFrame:
    """Bring the trainings of language models to a row for each step.

    Args:
        data: a row for each result, as ``scan-bench`` has them.
    """
    numbers = ("step_fraction", "test_loss", "total_flops", "n_tokens", "recommended_num_gpus")
    data = data.assign(
        **{name: pd.to_numeric(data[name], errors="coerce") for name in numbers}
    ).sort_values("step_fraction")
    data = data.assign(
        tokens=data["n_tokens"] / 1e9,
        batch=data["micro_batch_size"]
        * data["grad_accumulation_steps"]
        * data["recommended_num_gpus"],
    )
    ends = data.groupby("config_id").agg(
        first=("step_fraction", "min"), last=("step_fraction", "max"), results=("test_loss", "size")
    )
    early = (ends["first"] <= FIRST_WITHIN) & (ends["results"] >= LEAST_RESULTS)
    taken = ends[early & (ends["last"] > 0.999)].index
    return pd.concat([_llm_steps(data[data["config_id"] == number]) for number in taken])


def _llm_steps(results: pd.DataFrame) -> pd.DataFrame:
    progress = np.log(results["step_fraction"].to_numpy(float))
    loss = np.log(results["test_loss"].to_numpy(float))
    at = np.log(PROGRESS)
    slope = min((loss[1] - loss[0]) / (progress[1] - progress[0]), 0.0)
    before = loss[0] + slope * (at - progress[0])
    reached = np.where(at < progress[0], before, np.interp(at, progress, loss))
    share = np.clip(1.0 - np.exp(reached) / math.log(VOCABULARY), 0.0, 1.0)
    first = results.iloc[0]
    return _rows(LLM, first, share, np.full(STEPS, float(first["total_flops"]) / STEPS / 1e15))


def _rows(source: Source, given: pd.Series, value: Floats, seconds: Floats) -> pd.DataFrame:
    """One training, its value and its seconds at each step."""
    return pd.DataFrame(
        {
            **{field: given[name] for name, field in source.fields.items()},
            "seed": 0,
            "epoch": range(1, STEPS + 1),
            "mean_auc": value,
            "mean_auc_stderr": 0.0,
            "cpu_seconds": seconds,
        }
    )


SOURCES = {"vlm": (VLM, vlm_curves), "llm": (LLM, llm_curves)}


def _check_axes(recorded: RecordedCurves) -> None:
    """Each configuration finds its own curve: no axis is a field that has no effect in ``base``,
    which the canonical form of a configuration would set to the field's default.
    """
    nearest = Nearest(recorded)
    for key, (curve, *_) in recorded.curves.items():
        config = canonical_config(recorded.space.config(curve.values))
        if nearest.key(recorded.values_of(config)) != key:
            raise ValueError(f"an axis has no effect: {curve.values}")


def main() -> None:
    """Read the arguments, and write the file."""
    parser = argparse.ArgumentParser(description="Curves of scan-bench for simulated searches.")
    parser.add_argument("kind", choices=sorted(SOURCES))
    parser.add_argument("data", type=Path, help="the CSV file of scan-bench")
    parser.add_argument("output", type=Path)
    given = parser.parse_args()
    source, curves = SOURCES[given.kind]
    frame = curves(pd.read_csv(given.data, low_memory=False)).reset_index(drop=True)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table.replace_schema_metadata({SPACE_KEY: source.space.encode()}), given.output)
    _check_axes(read_curves(given.output))
    print(f"Wrote {given.output}: {len(frame) // STEPS} curves")


if __name__ == "__main__":
    main()
