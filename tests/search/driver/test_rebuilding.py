"""A study that was deleted, renamed or edited: the search goes on as if it had not been."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from results.database.models import TrialState
from search.rebuilding import OPTUNA_STATES
from search.settings import SearchSettings
from search.study import baseline_point, open_study
from tests.search.histories import CONDITIONAL, FINITE, History, height, history, result

FIRST = CONDITIONAL + "\nfirst: [{embedding.placement: stage1}, {embedding.placement: input}]\n"
RANDOM = SearchSettings(trials=9, sampler="random", scheduler="none")
TPE = SearchSettings(trials=10, sampler="tpe", scheduler="none")


def train_next(search: History) -> bool:
    """Train a trial; each fourth is stopped early, each fifth fails."""
    trial = search.driver.next()
    if trial is None:
        return False
    if trial.number % 5 == 4:
        search.driver.fail(trial.number, "ValueError: no")
        return True
    last = 2 if trial.number % 4 == 3 else trial.config.epochs
    for epoch in range(trial.after_epoch + 1, last + 1):
        search.driver.report(trial.number, result(epoch, height(trial.config)))
    search.driver.finish(trial.number)
    return True


def study_trials(search: History, name: str = "history") -> list[FrozenTrial]:
    return optuna.load_study(study_name=name, storage=search.url).trials


def seen(trials: list[FrozenTrial]) -> list[Any]:
    """What a sampler or a person sees of trials."""
    return [
        (
            *(t.state, t.params, t.distributions, t.values, t.intermediate_values),
            *(t.constraints, t.user_attrs.get("role")),
        )
        for t in trials
    ]


def delete(search: History) -> None:
    optuna.delete_study(study_name="history", storage=search.url)


def rename(search: History) -> None:
    """What the dashboard does."""
    url = search.url
    optuna.copy_study(
        from_study_name="history", from_storage=url, to_storage=url, to_study_name="other"
    )
    delete(search)


def replace_by_empty(search: History) -> None:
    delete(search)
    study = optuna.create_study(study_name="history", storage=search.url, direction="maximize")
    study.enqueue_trial(baseline_point(search.space), user_attrs={"role": "baseline"})


def replace_by_half(search: History) -> None:
    first = study_trials(search)[:1]
    delete(search)
    study = optuna.create_study(study_name="history", storage=search.url, direction="maximize")
    study.add_trials(first)


def replace_by_foreign(search: History) -> None:
    delete(search)
    study = optuna.create_study(study_name="history", storage=search.url, direction="maximize")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)


CHANGES = [delete, rename, replace_by_empty, replace_by_half, replace_by_foreign]


@pytest.fixture(scope="module")
def whole() -> tuple[list[Any], list[dict[str, Any]]]:
    """The study and the store's parameters of a search that was left alone."""
    with history(FIRST, TPE) as search:
        while train_next(search):
            pass
        return seen(study_trials(search)), search.params()


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_the_search_ends_as_if_nothing_had_happened(
    change: Callable[[History], None], whole: tuple[list[Any], list[dict[str, Any]]]
) -> None:
    assert {state for state, *_ in whole[0]} == set(OPTUNA_STATES.values())
    for trials in (2, 7):
        with history(FIRST, TPE) as search:
            for _ in range(trials):
                train_next(search)
            change(search)
            search.open()
            while train_next(search):
                pass
            assert search.driver.finished
            assert search.params() == whole[1]
            assert seen(study_trials(search)) == whole[0]


def test_a_trial_that_runs_goes_on_and_times_are_those_of_the_store() -> None:
    with history(FIRST, RANDOM) as search:
        train_next(search)
        running = search.driver.next()
        assert running is not None
        search.driver.report(running.number, result(1, 0.5))
        before = study_trials(search)
        delete(search)
        search.open()
        after = study_trials(search)
        assert seen(after) == seen(before)
        rows = search.store.trials(search.experiment.id)
        for row, trial in zip(rows, after, strict=False):
            assert trial.datetime_start.astimezone() == row.started_at
            assert (trial.datetime_complete is None) == (row.ended_at is None)
        again = search.driver.next()
        assert again is not None
        assert (again.number, again.after_epoch) == (1, 0)


def test_a_trial_that_the_store_lacks_is_drawn_as_it_would_have_been() -> None:
    with history(FIRST, RANDOM) as search:
        while train_next(search):
            pass
        whole = search.params()
    with history(FIRST, RANDOM) as search:
        train_next(search)
        train_next(search)
        # Two drivers, of which one crashed after it had asked, leave a gap.
        asked = search.open_study().ask()
        search.open_study().ask()
        search.open()
        search.driver._open.unfinished.reverse()
        train_next(search)
        assert [row.number for row in search.store.trials(search.experiment.id)] == [0, 1, 3]
        assert asked.number == 2
        delete(search)
        search.open()
        while train_next(search):
            pass
        assert [row.number for row in search.store.trials(search.experiment.id)] == list(range(9))
        assert search.params()[:3] == whole[:3]


def test_values_and_constraints_of_several_objectives_come_back() -> None:
    settings = RANDOM.model_copy(
        update={"objective": ("worst-auc", "parameters"), "where": ("worst_auc>0.8",)}
    )
    with history(FINITE, settings) as search:
        while train_next(search):
            pass
        before = study_trials(search)
        assert any(trial.constraints for trial in before)
        delete(search)
        study = search.open_study()
        assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE"]
        assert study.metric_names == ["AUC of the worst label", "parameters of the network"]
        assert seen(study_trials(search)) == seen(before)


def test_what_had_the_name_is_kept_and_nothing_of_it_is_lost() -> None:
    with history(FIRST, RANDOM) as search:
        train_next(search)
        replace_by_foreign(search)
        foreign = seen(study_trials(search))
        for times in (1, 0):
            said: list[str] = []
            open_study(search.store, "history", search.space, on_notice=said.append)
            assert len(said) == times, "it is said once"
        assert "history (set aside)" in optuna.get_all_study_names(search.url)
        assert seen(study_trials(search, "history (set aside)")) == foreign


@pytest.mark.parametrize("state", [OptunaState.COMPLETE, OptunaState.FAIL])
def test_a_trial_that_was_ended_by_hand_goes_on(state: OptunaState) -> None:
    with history(FIRST, RANDOM) as search:
        train_next(search)
        running = search.driver.next()
        assert running is not None
        study = optuna.load_study(study_name="history", storage=search.url)
        study.tell(running.number, 1.0 if state is OptunaState.COMPLETE else None, state=state)
        said: list[str] = []
        open_study(search.store, "history", search.space, on_notice=said.append)
        assert said == [
            f"The Optuna study had trial 1 as {state.name}, unlike the store: the study gets "
            f"the store's values again"
        ]
        search.open()
        while train_next(search):
            pass
        states = [row.state for row in search.store.trials(search.experiment.id)]
        assert states[:3] == 3 * [TrialState.COMPLETE]
        assert [trial.state for trial in study_trials(search)[:3]] == 3 * [OptunaState.COMPLETE]


def test_steps_that_the_study_keeps_unrounded_are_no_damage() -> None:
    with history(FINITE, RANDOM) as search:
        while train_next(search):
            pass
        said: list[str] = []
        open_study(search.store, "history", search.space, on_notice=said.append)
        assert not said


def test_the_command_makes_the_study_again(tmp_path: Path) -> None:
    with history(FIRST, RANDOM) as search:
        while train_next(search):
            pass
        before = seen(study_trials(search))
        delete(search)

        def sedn(*words: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-m", "search.cli.main", "store", "rebuild-study", *words]
            options = {"cwd": tmp_path, "capture_output": True, "text": True, "timeout": 200}
            return subprocess.run([*command, f"--store={search.url}"], **options)

        done = sedn("history")
        assert done.returncode == 0, done.stderr
        assert "made again from 9 trials in the store" in done.stderr
        assert seen(study_trials(search)) == before
        wrong = sedn("histroy")
        assert wrong.returncode == 2
        assert wrong.stderr == (
            "sedn: no experiment 'histroy' in this database; did you mean 'history'?\n"
        )
