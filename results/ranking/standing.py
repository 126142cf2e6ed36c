"""The uncertainty of a whole ranking: which configurations may be the best, which are better than
the baseline, and the expected AUC of the first on fresh images.

Configurations are compared image by image, by the influence of each validation image that each
training kept (:mod:`sedn.training.checkpoints.influence`). Without influences nothing is estimated.
"""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from results.columns import Columns, is_among, objects
from results.database.models import BASELINE, Label
from results.database.store import Store
from results.database.trainings import Training, read_trainings
from results.ranking.confidence_set import far_quantile, lower_bounds, may_be_best
from results.ranking.errors import Errors, estimate, rarer_class
from results.ranking.pooling import intervals_of
from results.ranking.winner import Winner, winner
from sedn.arrays import Floats
from sedn.errors import UserError
from sedn.training.checkpoints.influence import INFLUENCE, Influence, load_influence

MOST_COMPARED = 300
"""Configurations, the best ones, that are compared image by image."""
COLUMNS = ("tied", "better", "expected", "expected_low", "expected_high")
"""What :func:`with_standing` adds to a ranking."""
THREADS = 8
"""Files that are read at a time: they may lie in an object store."""


@dataclass(frozen=True)
class Standing:
    """The uncertainty of a ranking: ties, the probability of being best, the optimism of the
    first.
    """

    tied: dict[str, bool]
    """Whether a configuration may be the best, by configuration hash; a configuration that is not
    listed is not known.
    """
    lower_bounds: dict[str, float]
    """Lower bound of the difference from the baseline's mean AUC by configuration hash, valid for
    all configurations together; empty where the baseline is not known.
    """
    winner: Winner | None
    """The expected AUC of the first on fresh images; ``None`` where the errors are not known."""
    configurations: int
    """Number of configurations from which the first was chosen."""
    images: int
    """Number of validation images that the configurations were compared on."""
    intervals: dict[str, tuple[float, float]]
    """The 95 % interval of the mean AUC by configuration hash, for those of several seeds: known
    from the images, narrower than from their values alone
    (:func:`results.ranking.pooling.intervals_of`).
    """
    unknown: str | None
    """Why the uncertainty is not known, in whole or in part, in a sentence; ``None`` where all is
    known.
    """

    @property
    def better(self) -> dict[str, bool]:
        """By configuration hash, whether it is better than the baseline."""
        return {config: bound > 0 for config, bound in self.lower_bounds.items()}


def standing(store: Store, experiment_id: int, ordered: Columns) -> Standing:
    """Judge the whole ranking ``ordered`` of an experiment by the validation images."""
    trainings = read_trainings(store, experiment_id, chosen_configurations(ordered))
    return judge(ordered, trainings, store.labels(experiment_id))


def with_standing(ranked: Columns, standing: Standing) -> Columns:
    """Rows of a ranking with the uncertainty of each, in :data:`COLUMNS`: tied (whether the
    configuration may be the best) and better (than the baseline), ``None`` where that is not known;
    and for the first of all alone expected, expected_low and expected_high, the AUC expected on
    fresh images. Columns low and high of several seeds become :attr:`Standing.intervals`.
    """
    hashes, better = ranked["config_hash"].tolist(), standing.better
    more = {
        "tied": objects(standing.tied.get(one) for one in hashes),
        "better": objects(better.get(one) for one in hashes),
    }
    first = standing.winner
    values = (None,) * 3 if first is None else (first.expected, first.low, first.high)
    for column, value in zip(COLUMNS[2:], values, strict=True):
        more[column] = objects(value if rank == 1 else None for rank in ranked["rank"])
    return with_intervals(ranked, standing).adding(more)


def with_intervals_of_seeds(store: Store, experiment_id: int, ordered: Columns) -> Columns:
    """A whole ranking with the intervals that :func:`with_standing` gives, without the rest of what
    it tells: the images are read only where a configuration has several seeds.
    """
    if not (ordered["replicates"] > 1).any():
        return ordered
    return with_intervals(ordered, standing(store, experiment_id, ordered))


def with_intervals(ranked: Columns, standing: Standing) -> Columns:
    """Rows of a ranking, columns low and high of several seeds as :attr:`Standing.intervals`."""
    more = {}
    for place, end in enumerate(("low", "high")):
        known = {config: ends[place] for config, ends in standing.intervals.items()}
        rows = zip(ranked["config_hash"].tolist(), ranked[end], strict=True)
        more[end] = np.array([known.get(*row) for row in rows], dtype=np.float64)
    return ranked.adding(more)


def chosen_configurations(ordered: Columns) -> list[str]:
    """Hashes of the configurations that are compared: the best that satisfy the constraints, and
    the baseline.

    Args:
        ordered: a ranking, with the columns config_hash, role and feasible, the best first.
    """
    leading = ordered["config_hash"][ordered["feasible"]][:MOST_COMPARED]
    plain = ordered["config_hash"][ordered["role"] == BASELINE]
    return list(dict.fromkeys([*leading, *plain]))


def judge(ordered: Columns, trainings: Sequence[Training], labels: Sequence[Label]) -> Standing:
    """Judge a ranking by the validation images.

    Args:
        ordered: the whole ranking, with the columns config_hash, role, mean_auc, low, high and
            feasible, the best first.
        trainings: all of :func:`chosen_configurations`.
        labels: of the experiment.
    """
    feasible = ordered.only(("config_hash", "mean_auc", "low", "high")).rows(ordered["feasible"])
    if not len(feasible):
        return Standing({}, {}, None, 0, 0, {}, None)
    first = str(feasible["config_hash"][0])
    read, faults = _read(trainings)
    compared = _comparable(trainings, read, first)
    if not compared:
        why = faults.get(first, "its trainings were scored on other images")
        return Standing({}, {}, None, len(feasible), 0, {}, f"of the first: {why}")
    return _judged(feasible, ordered, compared, read, labels, faults)


def _comparable(
    trainings: Sequence[Training], read: dict[int, Influence], first: str
) -> list[Training]:
    """All trainings of the configurations that were scored on the same images as ``first``."""
    of_first = [read[t.number] for t in trainings if t.config_hash == first and t.number in read]
    if not of_first:
        return []
    left_out = {t.config_hash for t in trainings if not _is_alike(read.get(t.number), of_first[0])}
    return [] if first in left_out else [t for t in trainings if t.config_hash not in left_out]


def _judged(
    feasible: Columns,
    ordered: Columns,
    trainings: Sequence[Training],
    read: dict[int, Influence],
    labels: Sequence[Label],
    faults: dict[str, str],
) -> Standing:
    """Judge the trainings that can be compared."""
    configs = list(dict.fromkeys(t.config_hash for t in trainings))
    values, errors = _estimate(configs, trainings, read, labels)
    may_lead = set(feasible["config_hash"].tolist())
    eligible = np.flatnonzero(is_among(configs, may_lead))
    among, names = (values[eligible], errors.of(eligible)), [configs[place] for place in eligible]
    rest, is_below = _rest(feasible, configs, labels)
    others = rest["mean_auc"][~is_below]
    tied = dict(zip(names, may_be_best(*among, len(others)).tolist(), strict=True))
    bounds: dict[str, float] = {}
    for config in ordered["config_hash"][ordered["role"] == BASELINE]:
        if config not in configs:
            continue
        lowest = lower_bounds(values, errors, configs.index(config), len(others))
        bounds = dict(zip(configs, lowest.tolist(), strict=True))
        del bounds[config]
        # Both tests ask whether the baseline may be the best: one answer is given.
        if config in tied:
            tied[config] = not any(bounds.get(name, 0.0) > 0 for name in names)
    tied |= dict.fromkeys(rest["config_hash"][is_below], False)
    unknown = None
    if missing := len(feasible) - len(tied):
        why = next(iter(faults.values()), f"the best {MOST_COMPARED} are compared")
        unknown = f"of {missing} of {len(feasible)} configurations: {why}"
    images = next(iter(read.values())).images
    expected = winner(*among, others)
    intervals = _of_several_seeds(configs, trainings, values, errors, labels)
    return Standing(tied, bounds, expected, len(feasible), images, intervals, unknown)


def _of_several_seeds(
    configs: Sequence[str],
    trainings: Sequence[Training],
    values: Floats,
    errors: Errors,
    labels: Sequence[Label],
) -> dict[str, tuple[float, float]]:
    """The intervals of the configurations that have several seeds."""
    seeds = Counter(config for config, _ in {(t.config_hash, t.seed) for t in trainings})
    ends = intervals_of(values, errors, *_classes(labels))
    return {
        config: (float(low), float(high))
        for config, (low, high) in zip(configs, ends, strict=True)
        if seeds[config] > 1
    }


def _estimate(
    configs: Sequence[str],
    trainings: Sequence[Training],
    read: dict[int, Influence],
    labels: Sequence[Label],
) -> tuple[np.ndarray, Errors]:
    """Mean AUC of the configurations and their errors; a training done twice counts once."""
    by_seed: dict[tuple[str, int], list[Training]] = {}
    for training in trainings:
        by_seed.setdefault((training.config_hash, training.seed), []).append(training)
    values = np.array([np.mean([t.mean_auc for t in same]) for same in by_seed.values()])
    influences = np.array(
        [np.mean([read[t.number].values for t in same], axis=0) for same in by_seed.values()],
        dtype=np.float64,
    )
    places = {config: place for place, config in enumerate(configs)}
    owners = np.array([places[config] for config, _ in by_seed])
    return estimate(values, influences, owners, _rarer(labels))


def _classes(labels: Sequence[Label]) -> tuple[np.ndarray, np.ndarray]:
    """``(labels,)`` each: validation images with the label, and those known to be without it."""
    positives = np.array([label.validation_positives for label in labels])
    known = np.array([label.validation_known for label in labels])
    return positives, known - positives


def _rarer(labels: Sequence[Label]) -> float:
    """The :func:`rarer_class` of the validation images."""
    return rarer_class(*_classes(labels))


def _rest(
    feasible: Columns, compared: Sequence[str], labels: Sequence[Label]
) -> tuple[Columns, NDArray[np.bool_]]:
    """List the configurations that are not compared, and whether each lies below the first by more
    than any correlation of their errors could explain.
    """
    is_compared = is_among(feasible["config_hash"], set(compared))
    rest, first = feasible.rows(~is_compared), {name: feasible[name][0] for name in feasible.names}
    # An interval has about four errors.
    errors = (rest["high"] - rest["low"] + first["high"] - first["low"]) / 3.9
    quantile = far_quantile(len(feasible), _rarer(labels))
    return rest, first["mean_auc"] - rest["mean_auc"] > quantile * errors


def _read(trainings: Sequence[Training]) -> tuple[dict[int, Influence], dict[str, str]]:
    """Read the influences of the trainings by trial number, and collect why the rest could not be
    read, by configuration.
    """

    def one(training: Training) -> Influence | str:
        if training.predictions is None:
            return "trainings of an earlier version kept no validation scores"
        folder = training.predictions.rsplit("/", 1)[0]
        try:
            influence = load_influence(folder)
        except (UserError, OSError) as error:
            return str(error)
        if influence is None:
            return (
                f"'{folder}/{INFLUENCE}' is not there (`sedn store relocate` records where "
                f"checkpoints were moved)"
            )
        identity = influence.configuration, influence.seed, influence.fingerprint
        if identity != (training.config_hash, training.seed, training.predictions_fingerprint):
            return f"'{folder}/{INFLUENCE}' is of another training"
        return "no label has an AUC" if np.isnan(influence.values).any() else influence

    read: dict[int, Influence] = {}
    faults: dict[str, str] = {}
    with ThreadPoolExecutor(THREADS) as threads:
        for training, influence in zip(trainings, threads.map(one, trainings), strict=True):
            if isinstance(influence, str):
                faults.setdefault(training.config_hash, influence)
            else:
                read[training.number] = influence
    return read, faults


def _is_alike(influence: Influence | None, lead: Influence) -> bool:
    """Whether an influence is of the same images as ``lead``."""
    return (
        influence is not None
        and influence.fingerprint == lead.fingerprint
        and influence.values.shape == lead.values.shape
    )
