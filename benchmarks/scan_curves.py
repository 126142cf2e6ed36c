"""Learning curves that others recorded, as a file for simulated searches.

``pip download --no-deps scan-bench==0.2.3``, unpack the wheel, then ``python -m
benchmarks.scan_curves scan_bench/vlm/data.csv scan.parquet``. The data (CC BY 4.0) are trainings
of OpenCLIP with seconds for each epoch; those that ended after 6 to 10 epochs are taken, 689.

Their hyperparameters stand under fields of our configurations, see :data:`FIELDS`: a name is all
that a sampler knows of an axis. What is maximised is the accuracy on ImageNet. Each curve is
brought to 6 steps, linear between the epochs that were recorded. A configuration that was not
recorded takes the nearest one. After one epoch these curves rank much as they do at the end, which
flatters every scheduler that stops early.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from search.simulation.curves import SPACE_KEY

STEPS = 6
LEAST_EPOCHS = 6
TARGET = "imagenet1k_acc1"
FIELDS = {
    "lr": "optimizer.learning_rate",
    "wd": "optimizer.weight_decay",
    "warmup_fraction": "schedule.warmup",
    "samples": "optimizer.embedding_rate",
    "vision_width": "embedding.width",
    "text_width": "batch_size",
}
"""The axis of each hyperparameter; the number of samples in tens of millions."""
SPACE = """
name: scan-vlm
description: Hyperparameters of OpenCLIP under the names of fields of our own.
base: {backbone: {pretrained: false}, epochs: 6}
axes:
  optimizer.learning_rate: {float: [1.0e-5, 5.0e-2], log: true}
  optimizer.weight_decay: {float: [1.0e-6, 2.0e-1], log: true}
  schedule.warmup: {float: [0.0, 0.75]}
  optimizer.embedding_rate: {float: [0.06, 20.0], log: true}
  embedding.width: {choice: [32, 64, 128, 192, 256, 320, 384, 448, 512], default: 32}
  batch_size: {choice: [32, 64, 128, 192, 256, 320, 384, 448, 512]}
"""


def curves(data: pd.DataFrame) -> pd.DataFrame:
    """Bring the recorded trainings to a row for each step.

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
    rows = [_steps(data[data["config_id"] == number]) for number in taken]
    return pd.concat(rows, ignore_index=True)


def _steps(epochs: pd.DataFrame) -> pd.DataFrame:
    """One training, its accuracy and its seconds at each step."""
    at = np.arange(1, STEPS + 1) / STEPS
    progress = np.concatenate([[0.0], epochs["training_progress"]])
    accuracy = np.interp(at, progress, np.concatenate([[0.0], epochs[TARGET]]))
    total = np.interp(at, progress, np.concatenate([[0.0], epochs["gpu_seconds"].cumsum()]))
    first = epochs.iloc[0]
    return pd.DataFrame(
        {
            **{field: first[name] for name, field in FIELDS.items()},
            "seed": 0,
            "epoch": range(1, STEPS + 1),
            "mean_auc": accuracy,
            "mean_auc_stderr": 0.0,
            "cpu_seconds": np.diff(total, prepend=0.0),
        }
    )


def main() -> None:
    """Read the arguments, and write the file."""
    parser = argparse.ArgumentParser(description="Curves of scan-bench for simulated searches.")
    parser.add_argument("data", type=Path, help="scan_bench/vlm/data.csv")
    parser.add_argument("output", type=Path)
    given = parser.parse_args()
    frame = curves(pd.read_csv(given.data, low_memory=False))
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table.replace_schema_metadata({SPACE_KEY: SPACE.encode()}), given.output)
    print(f"Wrote {given.output}: {len(frame) // STEPS} curves")


if __name__ == "__main__":
    main()
