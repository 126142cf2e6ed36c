"""What is said of folds: nothing of a validation split, and values of all folds that have ended."""

from collections.abc import Callable
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from results import compare, export_config, open_store, rank
from results.comparison.page import render_page
from results.confirmation import Confirmed, score_candidates
from results.confirmed import answer_lines
from results.database.models import TrialState
from results.database.store import Store
from results.predictions import read_predictions
from results.report.contents import read_findings
from results.report.page import render_report
from results.trial_facts import FactReader
from search.cli.main import app
from search.dashboard.artifacts import learning_curve
from search.dashboard.study_note import study_note
from search.dashboard.trial_note import trial_note
from sedn.config import build_config
from sedn.training.result import EpochResult
from tests.results.rows import add_trial, new_experiment, new_trial
from tests.results.scored import add_baseline, add_scored, label_names, split_of

FOLDS, IMAGES, LABELS = 4, 80, 2
NAMES = count()
aucs = st.floats(0.01, 0.99)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The same trials twice: "plain" on one validation split, "cut" over folds."""
    folder = tmp_path_factory.mktemp("store")
    store = open_store(f"sqlite:///{folder}/sedn.db", create=True)
    random = np.random.default_rng(0)
    targets = (random.random((IMAGES, LABELS)) < 0.4) * 1.0
    # Of one label validation lacks a class.
    targets[:, 1] = 0
    for name, folds in (("plain", None), ("cut", FOLDS)):
        experiment = new_experiment(store, name, label_names(LABELS), folds=folds)
        of_image = () if folds is None else tuple((np.arange(IMAGES) % folds).tolist())
        fields = {} if folds is None else {"folds": folds}
        for number in range(3):
            scores = random.normal(size=targets.shape) + number * targets
            if number == 0:
                add_baseline(store, experiment, split_of(targets), scores, folder, of_image)
                continue
            add_scored(
                store, experiment, number, split_of(targets), scores, folder, folds=of_image,
                embedding={"placement": f"stage{number}"},
            )  # fmt: skip
        add_trial(store, experiment, 3, 0.6, state=TrialState.PRUNED, batch_size=9, **fields)
    return store


def on_terminal(*words: str) -> Callable[[Store, str], str]:
    def print_it(store: Store, name: str) -> str:
        given = [word.format(name=name) for word in words]
        ended = CliRunner().invoke(app, [*given, "--store", store.url])
        assert ended.exit_code == 0, ended.output
        return ended.output

    return print_it


def note_of_trial(store: Store, name: str) -> str:
    return trial_note(FactReader(store, store.experiment(name)).read([2])[0])


def confirmation(store: Store, name: str) -> str:
    experiment = store.experiment(name)
    titles = {"baseline": [0], "one": [2]}
    scored = {
        title: [[read_predictions(store.known_trial(experiment.id, n))] for n in numbers]
        for title, numbers in titles.items()
    }
    found = score_candidates(scored)
    confirmed = [Confirmed(title, "0" * 16, (0,), found[title], None) for title in titles]
    return " ".join(answer_lines(confirmed, 0, experiment.folds))


SAID: dict[str, Callable[[Store, str], str]] = {
    "page": lambda store, name: render_report(read_findings(store, name)).split("<script")[0],
    "note": lambda store, name: study_note(read_findings(store, name)),
    "note of a trial": note_of_trial,
    "curve": lambda store, name: learning_curve(store, store.experiment(name), 2).decode(),
    "export": lambda store, name: export_config(store, name, trial=2),
    "comparison": lambda store, name: render_page(compare(store, f"{name}:2", f"{name}:1")),
    "confirmation": confirmation,
    "rank": on_terminal("rank", "{name}"),
    "stopped": on_terminal("rank", "{name}", "--stopped"),
    "labels": on_terminal("labels", "{name}"),
    "show": on_terminal("show", "{name}", "2"),
    "compare": on_terminal("compare", "{name}:2", "{name}:1"),
}


@pytest.mark.parametrize("where", SAID)
def test_values_over_folds_are_called_so_and_those_of_one_split_are_not(
    where: str, shared: Store
) -> None:
    plain, cut = (" ".join(SAID[where](shared, name).split()) for name in ("plain", "cut"))
    assert "on validation" in plain
    assert f"{FOLDS} folds" not in plain
    for words in ("on validation", "validation split", "validation images"):
        assert words not in cut
    assert f"over {FOLDS} folds" in cut


@given(
    folds=st.integers(2, 4),
    epochs=st.integers(1, 3),
    curve=st.lists(aucs, min_size=1, max_size=12),
)
@settings(max_examples=60, deadline=None)
def test_the_best_epoch_is_of_all_folds_that_have_ended(
    shared: Store, folds: int, epochs: int, curve: list[float]
) -> None:
    curve, name = curve[: folds * epochs], f"best-{next(NAMES)}"
    experiment = new_experiment(shared, name, folds=folds)
    config = build_config({"epochs": epochs, "folds": folds}, "test")
    shared.add_trial(new_trial(experiment, 0, config, "baseline", config.total_epochs))
    for epoch, auc in enumerate(curve, 1):
        shared.record_epoch(
            experiment, 0, EpochResult(epoch, auc, 0.01, {}, {}, 0.5, 1.5, {}), node="here"
        )
    is_whole = len(curve) == config.total_epochs
    state = TrialState.COMPLETE if is_whole else TrialState.PRUNED
    shared.finish_trial(experiment, 0, state)
    frame = shared.experiment(name).trials().iloc[0]
    ended = len(curve) // epochs
    later = range(ended * epochs, len(curve) + 1) if ended else range(1, len(curve) + 1)
    best = max(later, key=lambda epoch: curve[epoch - 1])
    assert (frame["best_epoch"], frame["best_auc"]) == (best, curve[best - 1])
    if is_whole:
        (ranked,) = rank(shared, name)["mean_auc"]
        assert frame["best_auc"] == frame["mean_auc"] == ranked
