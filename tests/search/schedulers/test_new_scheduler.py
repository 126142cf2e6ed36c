"""A scheduler that is added by one entry, or named as a function of the user's own, decides."""

from pathlib import Path

import pytest

from results.database.models import TrialState
from search.schedulers.choosing import check_scheduler
from search.schedulers.registry import (
    SCHEDULERS,
    Scheduler,
    SchedulerSettings,
    register_scheduler,
)
from search.settings import SearchSettings
from sedn.errors import UserError
from tests.search.histories import FLAT, history

RULE = """
class AtLeast:
    def __init__(self, settings):
        self.grace_epochs = settings.grace_epochs

    def goes_on(self, number, epoch, mean_auc):
        return epoch < self.grace_epochs or mean_auc >= 0.75

def at_least(settings):
    return AtLeast(settings)

number = 3
"""


class Odd:
    """Stops each trial of an odd number after its grace."""

    def __init__(self, grace_epochs: int) -> None:
        self._grace_epochs = grace_epochs

    def goes_on(self, number: int, epoch: int, mean_auc: float) -> bool:
        return epoch < self._grace_epochs or number % 2 == 0


def states(settings: SearchSettings) -> list[tuple[str, int]]:
    with history(FLAT, settings) as search:
        search.run()
        return [(str(row.state), row.epochs) for row in search.store.trials(1)]


def test_a_registered_one_stops_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.schedulers.registry.SCHEDULERS", SCHEDULERS)
    made = Scheduler(lambda settings: Odd(settings.grace_epochs), ("grace_epochs",))
    monkeypatch.setitem(SCHEDULERS, "odd", made)
    settings = SearchSettings(trials=5, sampler="random", scheduler="odd", grace_epochs=2)
    check_scheduler(settings, 3)
    full, stopped = ("COMPLETE", 3), ("PRUNED", 2)
    assert states(settings) == [full, stopped, full, stopped, full]
    wrong = SearchSettings(scheduler="odd", brackets=2)
    with pytest.raises(UserError, match="`brackets`: scheduler 'odd' does not take it; hyperband"):
        check_scheduler(wrong, 3)


def test_a_function_in_the_working_folder_makes_the_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_rules.py").write_text(RULE)
    monkeypatch.chdir(tmp_path)
    settings = SearchSettings(
        trials=8, sampler="random", seed=2, scheduler="own_rules:at_least", futility=False
    )
    check_scheduler(settings, 3)
    found = states(settings)
    assert found[0] == ("COMPLETE", 3), "the baseline is never stopped"
    assert {state for state, _ in found} == {str(TrialState.COMPLETE), str(TrialState.PRUNED)}
    for name, expected in (
        ("own_rules:at_lest", "has no 'at_lest'; did you mean 'at_least'"),
        ("own_rules:number", "must be a function that makes a rule"),
        ("no_such_module:rule", "'no_such_module' cannot be imported: ModuleNotFoundError"),
        ("medain", "no scheduler 'medain'; did you mean 'median'"),
        ("x", "there is auto, asha, hyperband, promote, median, none, or module:function"),
    ):
        with pytest.raises(UserError, match=f"`scheduler`: .*{expected}"):
            check_scheduler(settings.model_copy(update={"scheduler": name}), 3)


def test_a_name_that_is_taken_and_an_option_that_is_none_are_refused() -> None:
    before = dict(SCHEDULERS)
    rule = Scheduler(lambda settings: Odd(1))
    with pytest.raises(ValueError, match="is there already"):
        register_scheduler("asha", rule)
    with pytest.raises(ValueError, match="no option patience"):
        register_scheduler("mine", Scheduler(rule.make, ("patience",)))
    assert before == SCHEDULERS


def test_rungs_follow_from_the_settings() -> None:
    settings = SchedulerSettings(27, 1, 3, None, 5, 0)
    assert settings.milestones == (1, 3, 9)
