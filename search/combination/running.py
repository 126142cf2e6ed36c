"""Combining trials: members chosen on validation, written to a folder, tested once."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from results.combining import Candidate, Choice, find_candidates
from results.database.models import Experiment
from results.database.store import Store, open_store
from results.held_out import measured_on
from search.combination.members import choose_ensemble, make_soup, usable
from search.combination.writing import (
    check_new,
    keep_validation,
    new_folder,
    write_ensemble,
    write_one,
)
from search.confirmation.testing import Restored, is_testable, restore_trial, score_on_test
from search.dashboard.background import publish_reading
from sedn.data import Dataset, forget_datasets, load_dataset
from sedn.errors import UserError
from sedn.metrics import auc_within, compare_paired, mid_ranks
from sedn.run.finishing import write_results
from sedn.run.model_file import ModelHeader
from sedn.run.rank_average import RankAverage
from sedn.training.checkpoints.predictions import Predictions

ENSEMBLE, SOUP = "combine", "combine soup"
"""The commands under which readings of the test split are counted."""


@dataclass(frozen=True)
class Member:
    """A training in a combination."""

    title: str
    trial: int
    mean_auc: float
    """Mean AUC of the training alone, on validation."""
    reached: float
    """Mean AUC of the combination when the training had joined, on validation; of an ensemble by
    exact ranks."""


@dataclass(frozen=True)
class Difference:
    """A combination and its best member on one split, compared in mean AUC."""

    combined: float
    best: float
    difference: float
    low: float
    """95 % interval of the difference, paired over images."""
    high: float
    p: float


@dataclass(frozen=True)
class Combination:
    """A combination that was written and tested."""

    experiment: str
    kind: str
    """``ensemble``, ``soup``, or ``single`` where no candidate improves the best."""
    folder: Path
    members: tuple[Member, ...]
    """The best first, then in the order in which they joined."""
    candidates: int
    folds: int | None
    """Number of networks of each member, one for each fold; ``None``: each is one network."""
    validation: Difference | None
    """On the images that the members were chosen by, so it is too favourable; ``None`` where there
    is one member."""
    test: Difference | None
    """``None`` there too, and where the test split has no label with images of both classes."""
    test_reads: int
    """Number of readings of the test split of these data by commands on this database, this
    reading included."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"folder": str(self.folder)}


@dataclass(frozen=True)
class _Made:
    """A combination whose model is written."""

    header: ModelHeader
    dataset: Dataset
    validation: NDArray[np.float32]
    parameters: int
    score_test: Callable[[], NDArray[np.float32]]


def run_combination(
    name: str,
    store_url: str,
    folder: Path,
    *,
    top: int | None = None,
    soup: bool = False,
    storage: str | None = None,
    on_notice: Callable[[str], None] = lambda line: None,
    on_step: Callable[[str, int, int], None] = lambda what, done, count: None,
) -> Combination:
    """Combine the leaders of an experiment into one model, and test it once.

    The same call again, with a new folder, is the same reading of the test split.

    Args:
        name: of the experiment.
        store_url: SQLAlchemy URL of the database.
        folder: for the model; new, or empty.
        top: how many configurations may take part, with all their seeds; five if none is given.
        soup: average the weights of networks of one architecture, rather than ranks.
        storage: folder or URI below which the checkpoints of searches lie now, where they were
            moved.
        on_notice: called with a line that a person should read.
        on_step: called with the name of a step, and how many of how many are done.

    Raises:
        UserError: fewer than two trials can be combined, one kept no scores or has no checkpoint,
            the data are others now, or the folder is not empty.
    """
    check_new(folder)
    forget_datasets()
    store = open_store(store_url)
    experiment = store.experiment(name)
    candidates = usable(find_candidates(store, experiment, top, storage), on_notice)
    _check_data(candidates[0])
    with new_folder(folder) as part:
        if soup:
            choice, made = _make_soup(candidates, part, on_notice, on_step)
        else:
            choice = choose_ensemble(candidates)
            made = _ensemble([candidates[one] for one in choice.members], part, on_step)
        members = [candidates[one] for one in choice.members]
        kind = "single" if len(members) == 1 else "soup" if soup else "ensemble"
        validation, test = _compare(store, experiment, members, made, kind, part, on_notice)
    publish_reading(store, name, on_notice)
    return Combination(
        experiment.name,
        kind,
        folder,
        _members(members, choice),
        len(candidates),
        candidates[0].config.folds,
        validation,
        test,
        len(store.test_reads(experiment.data_fingerprint)),
    )


def _check_data(candidate: Candidate) -> None:
    """Check that the data are those that the trials were trained on."""
    data = candidate.config.data
    if load_dataset(data).fingerprint != candidate.predictions.data:
        raise UserError(
            f"'{data.path}': its images, maps, labels or splits have changed since the "
            f"trials were trained; undo the change"
        )


def _make_soup(
    candidates: Sequence[Candidate],
    folder: Path,
    on_notice: Callable[[str], None],
    on_step: Callable[[str, int, int], None],
) -> tuple[Choice, _Made]:
    """The members of a soup, and the soup written to the folder."""
    soup = make_soup(
        candidates, on_notice, lambda done, count: on_step("trials tried", done, count)
    )
    return soup.choice, _single(soup.network, soup.validation, folder)


def _single(network: Restored, validation: NDArray[np.float32], folder: Path) -> _Made:
    truth = network.dataset.splits["validation"].truth
    header = write_one(network, truth, validation, folder)
    size = network.network.parameter_count
    return _Made(header, network.dataset, validation, size, lambda: network.score("test"))


def _ensemble(
    members: Sequence[Candidate], folder: Path, on_step: Callable[[str, int, int], None]
) -> _Made:
    scores = [one.predictions.scores for one in members]
    first = members[0].predictions
    folds = first.numbered_folds
    if len(members) == 1 and folds is None:
        return _single(restore_trial(members[0].trial, members[0].folder), scores[0], folder)
    average = RankAverage.fit(first.targets, scores, folds)
    logits = average.combine_validation(scores, folds)
    header, parameters = write_ensemble(members, average, logits, folder)
    dataset = load_dataset(header.config.data)

    def score_test() -> NDArray[np.float32]:
        return average.combine([one.scores for one in _tested(members, on_step)])

    return _Made(header, dataset, logits, parameters, score_test)


def _tested(
    members: Sequence[Candidate], on_step: Callable[[str, int, int], None]
) -> list[Predictions]:
    trials, folders = [one.trial for one in members], [one.folder for one in members]
    scored = score_on_test(
        trials, folders, lambda done, count: on_step("trials tested", done, count)
    )
    return [network for networks in scored for network in networks]


def _compare(
    store: Store,
    experiment: Experiment,
    members: Sequence[Candidate],
    made: _Made,
    kind: str,
    folder: Path,
    on_notice: Callable[[str], None],
) -> tuple[Difference | None, Difference | None]:
    """Read the test split, count it, and write what the combination reaches on both splits."""
    best = members[0]
    kept = keep_validation(members, made.dataset, made.validation, folder)
    alone = best.predictions.scores
    validation = None if kind == "single" else _difference(kept, made.validation, alone)
    test = None
    reading = None
    if is_testable(best.trial):
        trials = [one.trial for one in members]
        command = SOUP if kind == "soup" else ENSEMBLE
        reading = store.begin_test_read(experiment.id, command, trials)
    else:
        on_notice("The test split has no label with images of both classes, so nothing is compared")
    logits = made.score_test()
    if reading is not None and kind != "single":
        of_best = _tested([best], lambda what, done, count: None)
        test = _difference(of_best[0], logits, _together(of_best))
    reached = auc_within(kept.targets, kept.scores, kept.numbered_folds).mean
    write_results(
        made.header, made.dataset, logits, folder,
        validation_mean_auc=reached, epochs=best.trial.epochs, parameters=made.parameters,
        made=_describe_making(experiment, members, kind),
    )  # fmt: skip
    if reading is not None:
        both = {"validation": validation, "test": test}
        differences = {split: one and asdict(one) for split, one in both.items()}
        store.end_test_read(reading.id, {"kind": kind, **differences})
    return validation, test


def _together(networks: Sequence[Predictions]) -> NDArray[np.floating]:
    """The scores of a training's network, or the average ranks of those of its folds."""
    if len(networks) == 1:
        return networks[0].scores
    return np.asarray(np.mean([mid_ranks(one.scores) for one in networks], axis=0))


def _difference(
    split: Predictions, combined: NDArray[np.floating], best: NDArray[np.floating]
) -> Difference:
    paired = compare_paired(
        split.targets, [combined], [best], split.numbered_groups, split.numbered_folds
    )
    mean = paired.mean
    ends = (float(one[0]) for one in (mean.value, mean.low, mean.high, mean.p))
    return Difference(paired.mean_first, paired.mean_second, *ends)


def _members(members: Sequence[Candidate], choice: Choice) -> tuple[Member, ...]:
    return tuple(
        Member(one.title, one.trial.number, one.mean_auc, reached)
        for one, reached in zip(members, choice.mean_aucs, strict=True)
    )


def _describe_making(experiment: Experiment, members: Sequence[Candidate], kind: str) -> str:
    """Describe for a model's card how the model was made."""
    numbers = ", ".join(str(one.trial.number) for one in members)
    each = ""
    if (folds := members[0].config.folds) is not None:
        each = f", each with a network for each of {folds} folds,"
    if kind == "single":
        if folds is None:
            return f"It is trial {numbers} of the search '{experiment.name}'."
        return (
            f"The ranks of the scores of the networks of trial {numbers} of the search "
            f"'{experiment.name}', one for each of {folds} folds, are averaged. The table "
            f"describes one of them."
        )
    what = "The weights" if kind == "soup" else "The ranks of the scores"
    return (
        f"{what} of trials {numbers} of the search '{experiment.name}'{each} are averaged; the "
        f"trials were chosen by their mean AUC {measured_on(folds)}. The table describes one of "
        "them."
    )
