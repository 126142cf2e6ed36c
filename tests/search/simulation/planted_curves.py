"""Recorded curves with a known best configuration."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from search.simulation.curves import SPACE_KEY

SPACE = """
name: planted-curves
description: thirty points, of which one is best
base: {backbone: {pretrained: false}, epochs: 9}
axes:
  embedding.placement: {choice: [none, input, stage1]}
  optimizer.learning_rate: {choice: [1.0e-4, 1.0e-3, 1.0e-2, 1.0e-1, 1.0], default: 1.0e-3}
  loss.kind: {choice: [bce, asl]}
"""
HEIGHTS = {"none": 0.7, "input": 0.8, "stage1": 0.9}
RATES = [1e-4, 1e-3, 1e-2, 1e-1, 1.0]
EPOCHS = 9


def height(placement: str, rate: float, loss: str) -> float:
    """Reached after the last epoch."""
    return HEIGHTS[placement] - 0.05 * abs(np.log10(rate) + 2) - 0.02 * (loss == "asl")


def planted_frame(seeds: int = 2) -> pd.DataFrame:
    """A row an epoch of each configuration; the mean AUC rises to its height."""
    rows = []
    for seed in range(seeds):
        for placement in HEIGHTS:
            for rate in RATES:
                for loss in ("bce", "asl"):
                    random = np.random.default_rng([seed, len(rows)])
                    luck = 0.001 * random.normal()
                    for epoch in range(1, EPOCHS + 1):
                        auc = 0.5 + (height(placement, rate, loss) + luck - 0.5) * (1 - 0.6**epoch)
                        rows.append(
                            {
                                "embedding.placement": placement,
                                "optimizer.learning_rate": rate,
                                "loss.kind": loss,
                                "seed": seed,
                                "epoch": epoch,
                                "mean_auc": auc,
                                "mean_auc_stderr": 0.01,
                                "cpu_seconds": 2.0 if placement == "stage1" else 1.0,
                                "parameters": 1000,
                            }
                        )
    return pd.DataFrame(rows)


def write_planted(path: Path, frame: pd.DataFrame | None = None, space: str = SPACE) -> Path:
    """Write a Parquet file of recorded curves."""
    frame = planted_frame() if frame is None else frame
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table.replace_schema_metadata({SPACE_KEY: space.encode()}), path)
    return path
