"""The artifacts of studies and trials in Optuna's dashboard: each is made when it is opened.

So a search writes no file for them, none can be missing, and a disk that is full or cannot be
written changes nothing. The study has their names alone. An artifact's id says what it is: whose
experiment (by its folder, which no other has in any database), which trial, and what of it.
"""

import csv
import hashlib
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from optuna.artifacts.exceptions import ArtifactNotFound

from results.confirmed import last_confirmation
from results.database.models import Experiment
from results.database.store import Store
from results.ranking.pooling import of_means
from search.dashboard.curve import Curve, draw_curve
from search.optuna_tables import artifact_rows
from sedn.errors import UserError

STUDY = 0
"""Stands in an id for the trial, which follows from 1 on."""
MOST_CURVE = 400
"""Epochs of a curve that are drawn."""


@dataclass(frozen=True)
class Kind:
    """What an artifact is."""

    filename: str
    mimetype: str
    make: Callable[[Store, Experiment, int], bytes]
    """Makes it; the last argument is the number of the trial."""


def learning_curve(store: Store, experiment: Experiment, number: int) -> bytes:
    """The mean AUC of a trial by epoch, SVG."""
    trial = store.known_trial(experiment.id, number)
    own = _curve(store, experiment, trial.trained_number, with_ends=True)
    plain = store.baseline(experiment.id)
    beside = None
    if plain is not None and plain[0] != number:
        beside = _curve(store, experiment, plain[0])
    if not own.epochs:
        raise UserError(f"trial {number} completed no epoch, so it has no learning curve")
    title = f"Trial {number}, epoch {trial.epochs} of {trial.target_epochs}"
    svg = draw_curve(title, own, beside, trial.target_epochs, experiment.folds)
    return svg.encode()


def largest_errors(store: Store, experiment: Experiment, number: int) -> bytes:
    """The validation images on which a trial errs most, label by label, JPEG."""
    from search.dashboard.sheet import draw_sheet

    return draw_sheet(store.known_trial(experiment.id, number))


def report(store: Store, experiment: Experiment, number: int) -> bytes:
    """The page that `sedn report` writes, HTML."""
    from results.report.contents import read_findings
    from results.report.page import render_report

    return render_report(read_findings(store, experiment.name)).encode()


def confirmation(store: Store, experiment: Experiment, number: int) -> bytes:
    """What the newest confirmation found on each split, CSV."""
    kept = last_confirmation(experiment, store.test_reads(experiment.data_fingerprint))
    text = io.StringIO()
    writer = csv.writer(text)
    heads = ["mean_auc", "low", "high", "gain", "gain_low", "gain_high", "probability_best"]
    writer.writerow(["configuration", "split", *heads, "trials"])
    for one in kept.confirmed if kept else ():
        for split, score in (("validation", one.validation), ("test", one.test)):
            if score is not None:
                values = [getattr(score, head) for head in heads]
                writer.writerow([one.title, split, *values, " ".join(map(str, one.trials))])
    return text.getvalue().encode()


CURVE = Kind("learning-curve.svg", "image/svg+xml", learning_curve)
SHEET = Kind("largest-errors.jpg", "image/jpeg", largest_errors)
REPORT = Kind("report.html", "text/html; charset=utf-8", report)
CONFIRMATION = Kind("confirmation.csv", "text/csv; charset=utf-8", confirmation)
KINDS = (CURVE, SHEET, REPORT, CONFIRMATION)
"""In the order of their numbers in ids, which studies keep: a new kind comes last."""


def named(
    experiment: Experiment, kinds: Iterable[Kind], number: int | None = None
) -> dict[str, str]:
    """The system attributes that give a trial, or the study, artifacts of these kinds."""
    place = STUDY if number is None else number + 1
    attributes: dict[str, str] = {}
    for kind in kinds:
        artifact_id = f"{_sign(experiment)}-{place:08x}-{KINDS.index(kind):02x}"
        attributes |= artifact_rows(artifact_id, kind.filename, kind.mimetype)
    return attributes


class MadeWhenOpened:
    """Optuna's artifact store, of artifacts that are in no file."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Make an artifact.

        Raises:
            ArtifactNotFound: there is none of this id.
        """
        try:
            sign, place, kind = artifact_id.split("-")
            number, made = int(place, 16) - 1, KINDS[int(kind, 16)]
        except (ValueError, IndexError):
            raise ArtifactNotFound(artifact_id) from None
        for experiment in self._store.experiments():
            if _sign(experiment) == sign:
                return io.BytesIO(self._make(made, experiment, number))
        raise ArtifactNotFound(artifact_id)

    def _make(self, kind: Kind, experiment: Experiment, number: int) -> bytes:
        try:
            return kind.make(self._store, experiment, number)
        except (LookupError, UserError) as error:
            raise ArtifactNotFound(str(error)) from None

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Refuse a file: this store keeps none."""
        raise UserError("`sedn dashboard` keeps no files; the artifacts that it shows are made")

    def remove(self, artifact_id: str) -> None:
        """Nothing is kept, so nothing is removed."""


def digest(text: str) -> str:
    """Sixteen characters that no other text has."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _sign(experiment: Experiment) -> str:
    return digest(experiment.folder)


def _curve(store: Store, experiment: Experiment, number: int, *, with_ends: bool = False) -> Curve:
    epochs = store.epochs_of(experiment.id, number)[-MOST_CURVE:]
    aucs = [epoch.mean_auc for epoch in epochs]
    ends: list[tuple[float, float]] = []
    if with_ends and epochs:
        errors = np.array([epoch.mean_auc_stderr for epoch in epochs], dtype=np.float64)
        rows = {"auc": aucs, "stderr": errors}
        ends = [(low, high) for low, high in of_means(store.labels(experiment.id))(rows).tolist()]
    return Curve([epoch.epoch for epoch in epochs], aucs, ends)
