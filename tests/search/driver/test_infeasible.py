"""A point whose network cannot be built costs nothing, and its sampler is told."""

import optuna
import pytest
from optuna.trial import TrialState as OptunaState

from results.database.models import TrialState
from results.database.writing.trials import NewTrial
from search.settings import SearchSettings
from tests.search.histories import History, history

SPACE = """
name: gaps
description: one of three places is not there
base: {data: {image_size: 32}, backbone: {name: resnet10t, pretrained: false}, epochs: 3}
axes:
  embedding.placement: {choice: [none, stage9, stage1]}
  optimizer.learning_rate: {float: [1.0e-4, 1.0e-1], log: true}
first: [{embedding.placement: stage9}]
"""


def settings(sampler: str = "random", **fields) -> SearchSettings:
    return SearchSettings(
        **{"trials": 16, "sampler": sampler, "scheduler": "none", "seed": 1, **fields}
    )


def train_all(search: History) -> set[int]:
    """Train what is handed out; the numbers of these trials."""
    return {number for number, _ in search.run()}


def check(search: History, trained: set[int]) -> None:
    """See that just what cannot be built was not trained, and that the study knows it."""
    rows = search.store.trials(search.experiment.id)
    trials = optuna.load_study(study_name="history", storage=search.url).trials
    assert len(rows) == len(trials) == search.settings.trials
    assert rows[1].params["embedding.placement"] == "stage9"
    for row, trial in zip(rows, trials, strict=True):
        feasible = row.params["embedding.placement"] != "stage9"
        assert (row.number in trained) == feasible
        if not feasible:
            assert (row.state, row.cause) == (TrialState.PRUNED, "infeasible")
            assert row.reason.startswith(
                "embedding.placement: backbone 'resnet10t' has no 'stage9'"
            )
            assert (row.epochs, row.seconds, row.mean_auc) == (0, 0.0, None)
            assert (trial.state, trial.values) == (OptunaState.PRUNED, None)
            assert trial.params == row.params
            assert not trial.intermediate_values


@pytest.mark.parametrize("sampler", ["random", "tpe", "gp", "cmaes", "nsga2", "qmc"])
def test_what_cannot_be_built_is_told_and_not_trained(sampler: str) -> None:
    with history(SPACE, settings(sampler)) as search:
        check(search, train_all(search))
        assert search.driver.finished
        assert search.driver.failure is None


def test_what_cannot_be_built_waits_at_no_rung() -> None:
    promote = settings(scheduler="promote", reduction_factor=2, grace_epochs=1)
    with history(SPACE, promote) as search:
        check(search, train_all(search))


def test_a_crash_before_it_is_refused() -> None:
    with history(SPACE, settings(trials=2)) as search:
        baseline = search.driver.next()
        assert baseline is not None
        study = optuna.load_study(study_name="history", storage=search.url)
        asked = study.ask()
        params = search.space.sample(asked)
        config = search.space.config(params)
        search.store.add_trial(
            NewTrial(
                1, asked.number, "sampled", params, config.model_dump(mode="json"), "0" * 16, 0, 3,
                "folder/1",
            )
        )  # fmt: skip
        search.open()
        check(search, train_all(search))
