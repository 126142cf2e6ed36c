"""A search in which every text of a user is markup, and tells the place where it stands."""

from pathlib import Path

import numpy as np
from sqlalchemy import update

from results.database.models import BASELINE, Experiment, Trial, TrialState
from results.database.store import Store
from tests.results.rows import add_trial, new_experiment
from tests.results.scored import add_scored, split_of

SHOWN = ("experiment", "label", "file", "reason", "data", "space", "node")
"""The places whose text every page shows."""


def hostile(place: str, more: str = "") -> str:
    """Text that would do something if it were read as HTML or as a terminal's markup."""
    return f"<img src=x onerror=alert('{place}')>[red]{more}"


def fill_hostile(store: Store, folder: Path, more: str = "") -> str:
    """Add the search: a baseline with scores, one that was stopped, one that failed; its name."""

    def text(place: str) -> str:
        return hostile(place, more)

    name, labels = text("experiment"), (text("label"), "plain")
    experiment = new_experiment(store, name, labels)
    targets = np.tile([[1.0, 0.0], [0.0, 1.0]], (20, 1))
    scores = np.random.default_rng(0).normal(0, 1, targets.shape) + targets
    split = split_of(targets, names=text("file") + "{}.png")
    add_scored(store, experiment, 0, split, scores, folder, role=BASELINE, labels=labels)
    add_scored(store, experiment, 1, split, scores + targets, folder, labels=labels, batch_size=8)
    for number, state in ((2, TrialState.PRUNED), (3, TrialState.FAILED)):
        reason = f"ValueError: {text('reason')}\nlast line {text('reason')}"
        add_trial(
            store, experiment, number, 0.6, state=state, reason=reason,
            params={text("parameter"): text("value")}, batch_size=8 * number,
        )  # fmt: skip
    with store.sessions.begin() as session:
        of_experiment = update(Experiment).where(Experiment.id == experiment)
        fields = {"data_path": text("data"), "space_name": text("space"), "note": text("note")}
        session.execute(of_experiment.values(**fields, space_yaml=text("yaml")))
        of_trials = update(Trial).where(Trial.experiment_id == experiment)
        session.execute(of_trials.values(node=text("node")))
    return name


def joined(text: str) -> str:
    """The text without spaces and line ends: a narrow table breaks it anywhere."""
    return "".join(text.split())
