"""The best configuration for each label."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from results.database.models import BASELINE, Label
from results.database.scanning import COMPLETE_COLUMNS, LabelAucArrays
from results.database.store import Store
from results.ranking.leaders import TYPES, gain
from results.ranking.pooling import of_labels, pool
from sedn.metrics.ranking import Floats

Codes = NDArray[np.integer[Any]]
"""Numbers from 0 for what is equal."""


def labels(store: Store, name: str) -> pd.DataFrame:
    """Per label of an experiment, the configuration that is best for it on validation.

    Raises:
        UserError: there is no experiment ``name``.
    """
    experiment = store.experiment(name)
    return best_by_label(
        store.labels(experiment.id),
        store.complete(experiment.id),
        store.label_auc_arrays(experiment.id, only_complete=True, stderrs=False),
        lambda numbers: store.label_auc_arrays(experiment.id, numbers),
    )


def best_by_label(
    labels: Sequence[Label],
    rows: Sequence[tuple[Any, ...]],
    aucs: LabelAucArrays,
    read: Callable[[Sequence[int]], LabelAucArrays],
) -> pd.DataFrame:
    """Per label, the configuration that is best for it on validation.

    The best of many configurations on one label is optimistic, the more so the more of them there
    are and the fewer positives the label has: the interval is that of the one configuration, and
    does not know that it was chosen. It tells where to look, not what a new set of images will
    show.

    Args:
        labels: the labels, in order.
        rows: the complete trials, as the store's ``complete`` gives them.
        aucs: AUC by label of these trials.
        read: gives AUC and standard errors of the trials of these numbers.

    Returns:
        One row per label, in order: label, prevalence (share of positives in validation), positives
        (their number there), trial (the first of the configuration), auc (mean over seeds),
        low and high (95 %), baseline (its AUC) and gain (relative, over the baseline). A label
        that no configuration has an AUC for has NaN, and no trial.
    """
    frame = pd.DataFrame(
        {
            # Text also where there is no label: an imported study has none.
            "label": pd.Series([label.name for label in labels], dtype=str),
            "prevalence": [
                _share(label.validation_positives, label.validation_known) for label in labels
            ],
            "positives": [label.validation_positives for label in labels],
        }
    )
    trials = complete_frame(rows)
    # A trial may have ended since its row was not yet read.
    aucs = aucs.only(trials["trial"])
    first = trials.drop_duplicates("config_hash").set_index("config_hash")[["trial", "role"]]
    leaders = _leaders(trials, first["trial"], aucs)
    plain = first.index[first["role"] == BASELINE].to_list()
    chosen = trials[trials["config_hash"].isin([*filter(None, leaders), *plain])]
    pooled = pool_labels(labels, chosen, read(chosen["trial"].to_list()))
    leads = pd.DataFrame({"label": frame["label"], "config_hash": leaders}, dtype=object)
    best = leads.merge(pooled, on=["label", "config_hash"], how="left").set_index("label")
    of_baseline = pooled[pooled["role"] == BASELINE].set_index("label")["auc"].rename("baseline")
    frame = frame.join(best[["trial", "auc", "low", "high"]], on="label")
    frame = frame.join(of_baseline, on="label")
    numbers = [None if pd.isna(number) else int(number) for number in frame["trial"]]
    frame["trial"] = pd.Series(numbers, dtype=object)
    frame["gain"] = gain(frame["auc"], frame["baseline"])
    return frame


def pool_labels(
    labels: Sequence[Label], trials: pd.DataFrame, aucs: LabelAucArrays
) -> pd.DataFrame:
    """AUC of each label under each configuration, replicates pooled.

    Args:
        labels: the labels, in order.
        trials: columns trial, role, config_hash and seed of complete trials, the first of each
            configuration before the others.
        aucs: AUC and standard errors of these trials.

    Returns:
        Columns label, config_hash, trial (the first of the configuration), role, auc, low and high;
        labels without an AUC are left out.
    """
    known = trials.set_index("trial").loc[aucs.trials, ["config_hash", "seed"]]
    names = np.array([label.name for label in labels], dtype=object)
    scores = pd.DataFrame(
        {
            "config_hash": np.repeat(known["config_hash"].to_numpy(), len(names)),
            "seed": np.repeat(known["seed"].to_numpy(), len(names)),
            "label": np.tile(names, len(known)),
            "auc": aucs.aucs.ravel(),
            "stderr": np.nan if aucs.stderrs is None else aucs.stderrs.ravel(),
        }
    )
    pooled = pool(scores, ["config_hash", "label"], of_labels(labels)).reset_index()
    first = trials.drop_duplicates("config_hash").set_index("config_hash")[["trial", "role"]]
    columns = ["label", "config_hash", "trial", "role", "auc", "low", "high"]
    return pooled.join(first, on="config_hash")[columns]


def complete_frame(rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    """Turn the store's ``complete`` rows into a frame of its ``COMPLETE_COLUMNS``."""
    known = [row[: len(COMPLETE_COLUMNS)] for row in rows]
    return pd.DataFrame.from_records(known, columns=list(COMPLETE_COLUMNS)).astype(TYPES)


def _leaders(
    trials: pd.DataFrame, first: "pd.Series[int]", aucs: LabelAucArrays
) -> list[str | None]:
    """For each label the configuration with the highest AUC; of equal ones that whose first trial
    comes first; ``None`` where no configuration has an AUC.
    """
    known = trials.set_index("trial").loc[aucs.trials, ["config_hash", "seed"]]
    known["config"] = first.index.get_indexer(pd.Index(known["config_hash"]))
    pairs = known.groupby(["config", "seed"], sort=False)
    of_pair, config_of_pair = pairs.ngroup().to_numpy(), pairs["config"].first().to_numpy()
    by_age = np.argsort(first.to_numpy(), kind="stable")
    leaders: list[str | None] = []
    for of_label in aucs.aucs.T:
        # Trials that share configuration and seed are one training done twice.
        by_seed = _means(of_label, of_pair, len(config_of_pair))
        means = _means(by_seed, config_of_pair, len(first))[by_age]
        best = None if np.isnan(means).all() else by_age[np.nanargmax(means)]
        leaders.append(None if best is None else str(first.index[best]))
    return leaders


def _means(values: Floats, groups: Codes, number: int) -> Floats:
    """The mean of the known values in each of a ``number`` of groups; NaN where no value is
    known.
    """
    known = ~np.isnan(values)
    sums = np.bincount(groups, np.where(known, values, 0.0), number)
    with np.errstate(invalid="ignore"):
        return np.asarray(sums / np.bincount(groups, known, number))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
