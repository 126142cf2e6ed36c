"""What the driver remembers of Optuna's study is what the database has, whoever wrote it."""

from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from search.optuna_private import StudyStorage
from search.settings import SearchSettings
from tests.search.histories import FLAT, history

OPEN = (TrialState.RUNNING, TrialState.WAITING)


def seen(study: optuna.Study) -> list[Any]:
    return study.get_trials(deepcopy=False)


def act(study: optuna.Study, random: np.random.Generator) -> None:
    """Write anything that a driver, a dashboard or another program writes."""
    running = [t for t in study.get_trials() if t.state is TrialState.RUNNING]
    kind = random.integers(8)
    if kind == 0 or not running:
        trial = study.ask()
        trial.suggest_float("x", 0.0, 1.0)
        return
    number, trial_id = (lambda t: (t.number, t._trial_id))(running[random.integers(len(running))])
    value = float(random.random())
    if kind == 1:
        study._storage.set_trial_intermediate_value(trial_id, int(random.integers(9)), value)
    elif kind == 2:
        study._storage.set_trial_user_attr(trial_id, "of_user", value)
    elif kind == 3:
        study._storage.set_trial_system_attr(trial_id, "of_system", value)
    elif kind == 4:
        study.tell(number, value)
    elif kind == 5:
        study.tell(number, state=TrialState.FAIL)
    elif kind == 6:
        study.enqueue_trial({"x": value})
    else:
        study.add_trial(optuna.trial.create_trial(state=TrialState.PRUNED, value=value))


@pytest.mark.parametrize("seed", range(6))
def test_what_is_remembered_is_what_the_database_has(seed: int, tmp_path: Path) -> None:
    """Another program ends and queues trials meanwhile; it changes nothing of one that runs."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    random = np.random.default_rng(seed)
    url = f"sqlite:///{tmp_path}/study.db"
    other = optuna.create_study(storage=url, study_name="s")
    own = optuna.Study("s", StudyStorage(RDBStorage(url)))
    for _ in range(60):
        if random.random() < 0.75:
            act(own, random)
        else:
            number = [t.number for t in seen(other) if t.state is TrialState.RUNNING][:1]
            if number and random.random() < 0.5:
                other.tell(number[0], 0.5)
            else:
                other.enqueue_trial({"x": 0.25})
        if random.random() < 0.5:
            assert seen(own) == optuna.load_study(study_name="s", storage=url).get_trials()
    assert seen(own) == optuna.load_study(study_name="s", storage=url).get_trials()


def test_a_study_that_is_deleted_is_missed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    optuna.create_study(storage=url, study_name="s").ask()
    own = optuna.Study("s", StudyStorage(RDBStorage(url)))
    assert len(seen(own)) == 1
    optuna.delete_study(study_name="s", storage=url)
    with pytest.raises(KeyError):
        seen(own)


def test_a_write_that_breaks_off_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection may break after the value was written."""
    url = f"sqlite:///{tmp_path}/study.db"
    optuna.create_study(storage=url, study_name="s")
    own = optuna.Study("s", StudyStorage(RDBStorage(url)))
    trial_id = own.ask()._trial_id
    assert seen(own)[0].intermediate_values == {}
    write = RDBStorage.set_trial_intermediate_value

    def write_and_break(self: RDBStorage, *values: Any) -> None:
        write(self, *values)
        raise ConnectionError

    monkeypatch.setattr(RDBStorage, "set_trial_intermediate_value", write_and_break)
    with pytest.raises(ConnectionError):
        own._storage.set_trial_intermediate_value(trial_id, 1, 0.5)
    assert seen(own)[0].intermediate_values == {1: 0.5}


@pytest.mark.parametrize("scheduler", ["promote", "asha"])
def test_a_draw_reads_no_more_of_a_study_with_many_trials_that_wait(
    scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the trials that wait at a rung, which are most under promotion, none is read again."""
    read, build = list[int](), RDBStorage._build_frozen_trial_from_trial_model

    def count(self: RDBStorage, trial: Any) -> Any:
        read.append(trial.number)
        return build(self, trial)

    monkeypatch.setattr(RDBStorage, "_build_frozen_trial_from_trial_model", count)
    settings = SearchSettings(trials=60, sampler="tpe", scheduler=scheduler, grace_epochs=1)
    with history(FLAT, settings) as search:
        search.run()
    assert len(read) < 15 * settings.trials, "times that trials were read, of all trials"
