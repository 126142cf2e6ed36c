"""The two sides of a comparison: a trial, a configuration with all its seeds, or the folder of a
run.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from results.columns import Columns
from results.database.models import BASELINE, Experiment
from results.database.store import Store
from results.database.trainings import read_trainings
from results.predictions import Predictions, read_predictions
from results.ranking.leaders import order_experiment
from sedn.errors import UserError
from sedn.training.checkpoints.predictions import load_predictions

_ADDRESS = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?::(\d{1,9}|baseline)|#(\d{1,9}))?")
_FORMS = (
    "a trial is NAME:12, the configuration at a rank NAME#1, a baseline NAME:baseline, the leader "
    "of an experiment NAME, and a run of `sedn train` the path of its folder, ./NAME"
)


@dataclass(frozen=True)
class Side:
    """One of the two sides of a comparison."""

    name: str
    """The address as it was given."""
    description: str
    """What that is, in a few words."""
    trainings: tuple[Predictions, ...]
    """The trainings of the side, one for each seed."""
    best_of: int = 1
    """Configurations of which it has the highest AUC on these images; 1 where it was not chosen."""

    @property
    def identities(self) -> set[tuple[str, int, str]]:
        """The configuration, seed and data of each training of the side."""
        return {(one.configuration, one.seed, one.data) for one in self.trainings}


def is_of_experiment(address: str) -> bool:
    """Whether an address names something of an experiment, and no folder of a run."""
    return _ADDRESS.fullmatch(address) is not None


def find_side(store: Store | None, address: str, storage: str | None = None) -> Side:
    """Find the side that an address names, with its scores on validation.

    Args:
        store: has the experiment; not needed for the folder of a run.
        address: ``NAME:12``, ``NAME#1``, ``NAME:baseline``, ``NAME``, or the folder of a run.
        storage: as for :func:`results.predictions.read_predictions`.

    Raises:
        UserError: there is no such thing, or it kept no scores.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or store is None:
        return _of_run(address)
    name, trial, rank = match.groups()
    is_folder = trial is None and rank is None and Path(address).is_dir()
    if is_folder and store.find_experiment(name) is None:
        raise UserError(f"'{address}': no experiment has this name; the folder is ./{address}")
    experiment = store.experiment(name)
    if trial is not None and trial != BASELINE:
        return _of_trial(store, experiment, address, int(trial), storage)
    if trial == BASELINE:
        return _of_baseline(store, experiment, address, storage)
    ordered = order_experiment(store, experiment)
    return _at_rank(store, experiment, address, ordered, int(rank or 1), storage)


def baseline_of(address: str) -> str:
    """The address of the baseline of the experiment that an address is of.

    Raises:
        UserError: the address is of no experiment, or of a baseline itself.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or match[2] == BASELINE:
        raise UserError(f"'{address}': name what it is to be compared with; {_FORMS}")
    return f"{match[1]}:{BASELINE}"


def _of_run(folder: str) -> Side:
    if not Path(folder).is_dir():
        raise UserError(f"'{folder}': names nothing to compare; {_FORMS}")
    predictions = load_predictions(folder)
    if predictions is None:
        raise UserError(
            f"'{folder}': holds no predictions; a run that an earlier version of sedn-search "
            f"trained kept none, and one that is not finished has none yet"
        )
    return Side(folder, "a run", (predictions,))


def _of_trial(
    store: Store, experiment: Experiment, address: str, number: int, storage: str | None
) -> Side:
    store.named_trial(experiment, number, f"'{address}'")
    return Side(address, f"trial {number}", (_read(store, experiment, number, storage),))


def _of_baseline(store: Store, experiment: Experiment, address: str, storage: str | None) -> Side:
    baseline = store.baseline(experiment.id)
    if baseline is None:
        raise UserError(
            f"'{address}': the baseline of experiment '{experiment.name}' has not been trained to "
            f"its last epoch"
        )
    number, _ = baseline
    config_hash = store.known_trial(experiment.id, number).config_hash
    trainings = _replicates(store, experiment, config_hash, storage)
    return Side(address, f"the baseline, trial {number}", trainings)


def _at_rank(
    store: Store,
    experiment: Experiment,
    address: str,
    ordered: Columns,
    rank: int,
    storage: str | None,
) -> Side:
    if not 1 <= rank <= len(ordered):
        there = f"ranks 1 to {len(ordered)}" if len(ordered) else "no complete trial"
        raise UserError(f"'{address}': experiment '{experiment.name}' has {there}")
    row = ordered.rows(slice(rank - 1, rank)).records()[0]
    trainings = _replicates(store, experiment, str(row["config_hash"]), storage)
    description = f"rank {rank}, trial {row['trial']}"
    return Side(address, description, trainings, len(ordered) if rank == 1 else 1)


def _replicates(
    store: Store, experiment: Experiment, config_hash: str, storage: str | None
) -> tuple[Predictions, ...]:
    """The trainings of a configuration, one for each seed, the first of each."""
    by_seed: dict[int, int] = {}
    for training in read_trainings(store, experiment.id, [config_hash]):
        by_seed.setdefault(training.seed, training.number)
    return tuple(_read(store, experiment, number, storage) for number in by_seed.values())


def _read(store: Store, experiment: Experiment, number: int, storage: str | None) -> Predictions:
    try:
        return read_predictions(store.known_trial(experiment.id, number), storage)
    except UserError as error:
        raise UserError(f"experiment '{experiment.name}', {error}") from None
