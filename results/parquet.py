"""An experiment as Parquet files for other programs: one file a table."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from results.database.store import Store
from results.frames import epochs_frame
from results.predictions import Predictions, read_predictions
from sedn.errors import UserError
from sedn.files import make_folder, writing

if TYPE_CHECKING:
    import pandas as pd

TRIALS, EPOCHS, LABEL_AUC = "trials.parquet", "epochs.parquet", "label_auc.parquet"
AT_ONCE = 5000
"""Trials whose epochs, or AUC by label, are in memory at a time."""
PREDICTIONS, TARGETS = "predictions.parquet", "targets.parquet"


def write_frames(store: Store, name: str, folder: Path, storage: str | None = None) -> list[str]:
    """Write the tables of an experiment to a folder, each file whole or not at all.

    ``trials.parquet``, ``epochs.parquet`` and ``label_auc.parquet`` are the tables of
    :class:`results.frames.ExperimentFrames`. ``predictions.parquet`` has the scores of the
    validation images, logits, of each trial that keeps them: columns trial, image, and one for
    each label, named ``score.LABEL``; ``targets.parquet`` what is true of these images: image, and
    ``target.LABEL``, 1, 0, or NaN where the truth is unknown. Over folds both have the column fold,
    from 1: the network of the fold, which did not see the image, gave the scores.

    Args:
        store: has the experiment.
        name: of the experiment.
        folder: made where it is not there.
        storage: where the checkpoints of searches lie now, if they were moved.

    Returns:
        The files that were written, and why predictions of trials are not in them, a line each.

    Raises:
        UserError: there is no such experiment, or the folder cannot be written.
    """
    experiment = store.experiment(name)
    make_folder(folder)
    trials = experiment.trials()
    _write(_uniform(trials), folder / TRIALS)
    last = store.last_number(experiment.id) or 0
    parts = [range(start, start + AT_ONCE) for start in range(0, last + 1, AT_ONCE)]
    epochs = (epochs_frame(store, experiment, part) for part in parts)
    of_labels = (store.label_aucs(experiment.id, part) for part in parts)
    counts = {
        TRIALS: len(trials),
        EPOCHS: _write_parts(epochs, folder / EPOCHS),
        LABEL_AUC: _write_parts(of_labels, folder / LABEL_AUC),
    }
    lines = [f"Wrote {folder / file}: {count:,} rows" for file, count in counts.items()]
    return lines + _write_predictions(store, experiment.id, folder, storage)


def _write_predictions(
    store: Store, experiment_id: int, folder: Path, storage: str | None
) -> list[str]:
    """Write the predictions trial by trial, since those of all trials would take too much
    memory.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    lines: list[str] = []
    first: Predictions | None = None
    written = 0
    with writing(folder / PREDICTIONS) as file:
        writer: Any = None
        for number in store.numbers_with_predictions(experiment_id):
            row = store.known_trial(experiment_id, number)
            try:
                predictions = read_predictions(row, storage)
            except UserError as error:
                lines.append(str(error))
                continue
            if first is not None and predictions.fingerprint != first.fingerprint:
                lines.append(f"trial {row.number}: its scores are of other images than the first's")
                continue
            first = first or predictions
            table = pa.Table.from_pandas(_scores(row.number, predictions), preserve_index=False)
            writer = writer or pq.ParquetWriter(file, table.schema)
            writer.write_table(table)
            written += 1
        if writer is None:
            empty = pa.schema([("trial", pa.int64()), ("image", pa.string())])
            writer = pq.ParquetWriter(file, empty)
        writer.close()
    lines.append(f"Wrote {folder / PREDICTIONS}: the scores of {written} trials")
    if first is not None:
        _write(_targets(first), folder / TARGETS)
        lines.append(f"Wrote {folder / TARGETS}: {len(first.images):,} images")
    return lines


def _scores(number: int, predictions: Predictions) -> "pd.DataFrame":
    import pandas as pd

    frame = pd.DataFrame(
        predictions.scores, columns=[f"score.{label}" for label in predictions.labels]
    )
    _insert_images(frame, predictions)
    frame.insert(0, "trial", number)
    return frame


def _targets(predictions: Predictions) -> "pd.DataFrame":
    import pandas as pd

    frame = pd.DataFrame(
        predictions.targets, columns=[f"target.{label}" for label in predictions.labels]
    )
    _insert_images(frame, predictions)
    return frame


def _insert_images(frame: "pd.DataFrame", predictions: Predictions) -> None:
    """Insert the name of each image, and its fold where there are folds."""
    frame.insert(0, "image", list(predictions.images))
    if predictions.folds:
        frame.insert(1, "fold", [fold + 1 for fold in predictions.folds])


def _uniform(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The frame with one type a column, as Parquet takes it: what is mixed is written as JSON."""
    for column in [name for name, kind in frame.dtypes.items() if str(kind) == "object"]:
        known = frame[column][frame[column].notna()]
        kinds = {type(value) for value in known}
        if len(kinds) > 1 and kinds <= {int, float}:
            frame[column] = frame[column].astype(float)
        elif len(kinds) > 1 or kinds & {list, dict}:
            frame[column] = known.map(json.dumps).reindex(frame.index, fill_value=None)
    return frame


def _write_parts(frames: Iterable["pd.DataFrame"], path: Path) -> int:
    """Write frames one after the other to a file, so that none has to hold all; the number of
    rows.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = 0
    with writing(path) as file:
        writer: Any = None
        for frame in frames:
            rows += len(frame)
            table = pa.Table.from_pandas(frame, preserve_index=False)
            writer = writer or pq.ParquetWriter(file, table.schema)
            writer.write_table(table.cast(writer.schema))
        writer.close()
    return rows


def _write(frame: "pd.DataFrame", path: Path) -> None:
    with writing(path) as file:
        frame.to_parquet(file, index=False)
