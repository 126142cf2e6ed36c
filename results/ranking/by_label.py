"""The best configuration for each label."""

from collections.abc import Callable, Container, Iterable, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from results.columns import Columns, from_rows, is_among, number_groups, objects
from results.database.models import BASELINE, Label
from results.database.scanning.labels import LabelAucArrays
from results.database.scanning.trials import COMPLETE_COLUMNS
from results.database.store import Store
from results.goals.objectives import Goals
from results.ranking.leaders import order_experiment
from results.ranking.pooling import gain, group_means, of_labels, pool
from sedn.arrays import Floats

if TYPE_CHECKING:
    import pandas as pd

NONE = -1
"""Stands for no configuration."""


def labels(store: Store, name: str) -> "pd.DataFrame":
    """Per label of an experiment, the configuration that is best for it on validation.

    Returns:
        As :func:`best_by_label` says.

    Raises:
        UserError: there is no experiment ``name``.
    """
    return read_by_label(store, name).frame()


def read_by_label(store: Store, name: str) -> Columns:
    """Per label of an experiment, the configuration that is best for it on validation.

    Raises:
        UserError: there is no experiment ``name``.
    """
    experiment = store.experiment(name)
    may_lead = None
    if Goals.of(experiment.settings).constraints:
        may_lead = allowed(order_experiment(store, experiment))
    return best_by_label(
        store.labels(experiment.id),
        store.complete(experiment.id),
        store.label_auc_parts(experiment.id),
        lambda numbers: store.label_auc_arrays(experiment.id, numbers),
        may_lead,
    )


def allowed(ordered: Columns) -> set[str]:
    """Hashes of the configurations of a ranking that may be the best: those that satisfy the
    constraints, or all where none does.
    """
    feasible = ordered["config_hash"][ordered["feasible"]]
    return {*(feasible if len(feasible) else ordered["config_hash"])}


def best_by_label(
    labels: Sequence[Label],
    rows: Sequence[tuple[Any, ...]],
    parts: Iterable[LabelAucArrays],
    read: Callable[[Sequence[int]], LabelAucArrays],
    may_lead: Container[str] | None = None,
) -> Columns:
    """Per label, the configuration that is best for it on validation.

    The best of many configurations on one label is optimistic, the more so the more of them there
    are and the fewer positives the label has: the interval is that of the one configuration, and
    does not know that the configuration was chosen. The table tells where to look, not what a new
    set of images will show.

    Args:
        labels: the labels, in order.
        rows: the complete trials, as the store's ``complete`` gives them.
        parts: AUC by label of these trials, some trials at a time.
        read: gives AUC and standard errors of the trials of these numbers.
        may_lead: hashes of the configurations that may be the best, as :func:`allowed` gives them;
            by default all.

    Returns:
        One row per label, in order: label, prevalence (share of positives in validation), positives
        (their number there), trial (the first of the configuration), auc (mean over seeds),
        low and high (95 %), baseline (its AUC) and gain (relative, over the baseline). A label
        that no configuration has an AUC for has NaN, and no trial.
    """
    trials = complete_columns(rows)
    among = trials if may_lead is None else trials.rows(is_among(trials["config_hash"], may_lead))
    leaders = _leaders(among, parts, len(labels))
    names = [label.name for label in labels]
    plain = set(trials["config_hash"][trials["role"] == BASELINE])
    wanted = {*filter(None, leaders), *plain}
    chosen = trials.rows(is_among(trials["config_hash"], wanted))
    pairs = {*zip(names, leaders, strict=True), *product(names, plain)}
    pooled = pool_labels(labels, chosen, read(chosen["trial"].tolist()), pairs).records()
    by_pair = {(row["label"], row["config_hash"]): row for row in pooled}
    of_baseline = {row["label"]: row["auc"] for row in pooled if row["role"] == BASELINE}
    best = [by_pair.get(pair, {}) for pair in zip(names, leaders, strict=True)]
    auc, low, high = (
        np.array([row.get(key, np.nan) for row in best], dtype=np.float64)
        for key in ("auc", "low", "high")
    )
    baseline = np.array([of_baseline.get(name, np.nan) for name in names], dtype=np.float64)
    shares = [_share(label.validation_positives, label.validation_known) for label in labels]
    return Columns(
        {
            "label": objects(names),
            "prevalence": np.array(shares, dtype=np.float64),
            "positives": np.array([label.validation_positives for label in labels], dtype=int),
            "trial": objects(row.get("trial") for row in best),
            **{"auc": auc, "low": low, "high": high},
            "baseline": baseline,
            "gain": gain(auc, baseline),
        }
    )


def pool_labels(
    labels: Sequence[Label],
    trials: Columns,
    aucs: LabelAucArrays,
    pairs: Container[tuple[str, str]] | None = None,
) -> Columns:
    """AUC of each label under each configuration, replicates pooled.

    Args:
        labels: the labels, in order.
        trials: columns trial, role, config_hash and seed of complete trials, the first of each
            configuration before the others.
        aucs: AUC and standard errors of these trials.
        pairs: labels with hashes of configurations, of which alone it is asked; by default all.

    Returns:
        Columns label, config_hash, trial (the first of the configuration), role, auc, low and high;
        labels without an AUC are left out.
    """
    places = {number: place for place, number in enumerate(trials["trial"].tolist())}
    known = trials.rows(np.array([places[number] for number in aucs.trials], dtype=int))
    names = objects(label.name for label in labels)
    unknown = np.full(aucs.aucs.shape, np.nan)
    scores = Columns(
        {
            "config_hash": np.repeat(known["config_hash"], len(names)),
            "seed": np.repeat(known["seed"], len(names)),
            "label": np.tile(names, len(known)),
            "auc": aucs.aucs.ravel(),
            "stderr": (unknown if aucs.stderrs is None else aucs.stderrs).ravel(),
        }
    )
    if pairs is not None:
        of_rows = zip(scores["label"], scores["config_hash"], strict=True)
        scores = scores.rows(is_among(of_rows, pairs))
    pooled = pool(scores, ["config_hash", "label"], of_labels(labels))
    hashes = trials["config_hash"].tolist()
    first = {hashes[place]: place for place in number_groups(hashes)[1].tolist()}
    of_first = trials.rows(np.array([first[one] for one in pooled["config_hash"]], dtype=int))
    columns = ["label", "config_hash", "trial", "role", "auc", "low", "high"]
    return pooled.adding(of_first.only(["trial", "role"]).by_name).only(columns)


def complete_columns(rows: Sequence[tuple[Any, ...]]) -> Columns:
    """Turn the store's ``complete`` rows into its ``COMPLETE_COLUMNS``."""
    return from_rows([row[: len(COMPLETE_COLUMNS)] for row in rows], COMPLETE_COLUMNS)


class _Highest:
    """For each label the configuration with the highest AUC so far; of equal ones that whose first
    trial comes first.
    """

    def __init__(self, labels: int) -> None:
        self.configs = np.full(labels, NONE)
        self._aucs = np.full(labels, -np.inf)
        self._ages = np.zeros(labels, dtype=np.int64)

    def see(self, aucs: Floats, configs: NDArray[np.int64], ages: NDArray[np.int64]) -> None:
        """Compare further configurations.

        Args:
            aucs: ``(configurations, labels)``; NaN where there is none.
            configs: ``(configurations,)``: their numbers.
            ages: ``(configurations,)``: the first trial of each.
        """
        if not len(configs):
            return
        by_age = np.argsort(ages, kind="stable")
        known = np.where(np.isnan(aucs), -np.inf, aucs)[by_age]
        rows = known.argmax(axis=0)
        highest = known[rows, np.arange(len(rows))]
        is_older = (highest == self._aucs) & (ages[by_age][rows] < self._ages)
        better = (highest > self._aucs) | (is_older & (self.configs != NONE))
        self.configs = np.where(better, configs[by_age][rows], self.configs)
        self._ages = np.where(better, ages[by_age][rows], self._ages)
        self._aucs = np.where(better, highest, self._aucs)


def _leaders(trials: Columns, parts: Iterable[LabelAucArrays], labels: int) -> list[str | None]:
    """For each label the configuration with the highest AUC, the mean over its seeds; ``None``
    where no configuration has an AUC.
    """
    configs, first = number_groups(trials["config_hash"].tolist())
    ages, is_alone = trials["trial"][first], np.bincount(configs, minlength=len(first)) == 1
    places = {number: place for place, number in enumerate(trials["trial"].tolist())}
    highest, of_several, several = _Highest(labels), [np.empty((0, labels))], [np.empty(0, int)]
    for part in parts:
        # A trial may have ended since its row was not yet read.
        positions = np.array([places.get(number, NONE) for number in part.trials], dtype=np.int64)
        aucs, positions = part.aucs[positions != NONE], positions[positions != NONE]
        one = is_alone[configs[positions]]
        of_one = configs[positions[one]]
        highest.see(aucs[one], of_one, ages[of_one])
        of_several.append(aucs[~one])
        several.append(positions[~one])
    rows = np.concatenate(several)
    means, of_means = _over_seeds(np.concatenate(of_several), configs[rows], trials["seed"][rows])
    highest.see(means, of_means, ages[of_means])
    hashes = trials["config_hash"][first]
    return [None if one == NONE else str(hashes[one]) for one in highest.configs]


def _over_seeds(
    aucs: Floats, configs: NDArray[np.int64], seeds: NDArray[np.int64]
) -> tuple[Floats, NDArray[np.int64]]:
    """AUC by label of each configuration, the mean over its seeds, and the configurations."""
    # Trials that share configuration and seed are one training done twice.
    of_pair, first = number_groups(zip(configs.tolist(), seeds.tolist(), strict=True))
    of_config, first_pair = number_groups(configs[first].tolist())
    means = [group_means(group_means(of_label, of_pair), of_config) for of_label in aucs.T]
    shape = (len(first_pair), aucs.shape[1])
    return np.array(means, dtype=np.float64).T.reshape(shape), configs[first[first_pair]]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
