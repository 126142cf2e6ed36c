"""Our recorded curves cut in two: a half to tune a method on, and a half that judges the method.

``python -m benchmarks.half_curves tuning FILE`` writes the mean over every second label with the
first recorded seed; ``held-out`` the mean over the other labels with the second seed. So the two
share no training and no label. They share the configurations, though, and what is good in one half
is mostly good in the other: a lead on both is less than a lead on two spaces.
"""

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.record import CURVES, SEEDS
from search.simulation.curves import read_curves

HALVES = ("tuning", "held-out")
"""The first has the first of every two labels and the first seed."""
LABELS = "auc."
"""The beginning of the columns of labels."""


def half_of(table: pa.Table, half: str) -> pa.Table:
    """The rows of one seed, with the mean AUC over half of the labels.

    The standard error is that of all labels times the root of 2, as if labels were independent.

    Args:
        table: as ``benchmarks/record.py`` writes them.
        half: one of :data:`HALVES`.
    """
    place = HALVES.index(half)
    frame = table.to_pandas()
    frame = frame[frame["seed"] == SEEDS[place]].reset_index(drop=True)
    labels = [name for name in frame.columns if name.startswith(LABELS)]
    frame["mean_auc"] = frame[labels[place::2]].mean(axis=1).astype(float)
    frame["mean_auc_stderr"] *= np.sqrt(2.0)
    made = pa.Table.from_pandas(frame.drop(columns=labels), preserve_index=False)
    return made.replace_schema_metadata(table.schema.metadata)


def main() -> None:
    """Read the arguments, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("half", choices=HALVES)
    parser.add_argument("output", type=Path)
    given = parser.parse_args()
    pq.write_table(half_of(pq.read_table(CURVES), given.half), given.output)
    print(f"Wrote {given.output}: {len(read_curves(given.output).curves)} curves")


if __name__ == "__main__":
    main()
