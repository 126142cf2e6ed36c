"""Each sampler: what it takes, what it draws, and that a crash changes nothing of it."""

import sys
from typing import Any

import pytest

from search.samplers.choosing import check_sampler, exhausted_after, make_samplers
from search.settings import SearchSettings
from sedn.errors import UserError
from tests.search.histories import (
    CONDITIONAL,
    FINITE,
    FINITE_CONDITIONAL,
    FLAT,
    WITHOUT_BASELINE,
    height,
    history,
    result,
    space_of,
)

TRIALS = 7
OPTIONS: dict[str, dict[str, Any]] = {
    "tpe": {"n_startup_trials": 3},
    "gp": {"n_startup_trials": 3},
    "cmaes": {"popsize": 4},
    "qmc": {},
    "random": {},
    "nsga2": {"population_size": 2},
    "nsga3": {"population_size": 2},
    "curve-gp": {"n_startup_trials": 3},
    "optuna.samplers:TPESampler": {"n_startup_trials": 3},
}
CELLS = [
    *[(name, CONDITIONAL) for name in OPTIONS if name != "cmaes"],
    *[(name, WITHOUT_BASELINE) for name in ("gp", "cmaes", "qmc")],
    ("grid", FINITE),
    ("brute-force", FINITE_CONDITIONAL),
]
IDS = [f"{name}-{text.split()[1]}" for name, text in CELLS]


def asked_for(name: str, **more: Any) -> SearchSettings:
    fields = {"trials": TRIALS, "seed": 1, "sampler_options": OPTIONS.get(name, {})}
    return SearchSettings(sampler=name, **fields | more)


def run(text: str, settings: SearchSettings, crashes: dict[int, int]) -> list[dict[str, Any]]:
    """The parameters of a search; before the trial of a number, as many are drawn and lost."""
    with history(text, settings) as search:
        for number in range(settings.trials):
            if number in crashes:
                search.crash_in_draw(crashes[number])
            trial = search.driver.next()
            if trial is None:
                break
            assert trial.number == number
            search.driver.report(number, result(trial.config.epochs, height(trial.config)))
            search.driver.finish(number)
        assert search.driver.finished
        return search.params()


@pytest.mark.parametrize(
    ("name", "text"),
    # The Gaussian process takes seconds for a few draws.
    [pytest.param(*c, marks=[pytest.mark.slow] if c[0] == "gp" else []) for c in CELLS],
    ids=IDS,
)
def test_a_crash_changes_no_draw(name: str, text: str) -> None:
    settings = asked_for(name)
    expected = run(text, settings, {})
    assert len(expected) == TRIALS
    assert run(text, settings, {0: 0, 1: 1, 4: 2, 5: 1, 6: 3}) == expected


def test_trials_differ_and_seeds_too() -> None:
    for name, text in CELLS:
        make = make_samplers(asked_for(name), space_of(text))
        assert type(make(3)) is type(make(4))
    first = run(FLAT, asked_for("random"), {})
    assert first[1:] != run(FLAT, asked_for("random", seed=2), {})[1:]
    assert len({str(params) for params in first}) == TRIALS


@pytest.mark.parametrize(
    ("name", "text"),
    [("grid", FINITE), ("brute-force", FINITE), ("brute-force", FINITE_CONDITIONAL)],
)
def test_every_point_is_tried_once_and_then_it_ends(name: str, text: str) -> None:
    settings = asked_for(name, trials=50)
    space = space_of(text)
    assert exhausted_after(settings, space) == space.points() == 12
    params = run(text, settings, {4: 1, 7: 2})
    assert len(params) == len({str(sorted(p.items())) for p in params}) == 12


@pytest.mark.parametrize("name", ["grid", "brute-force"])
def test_every_point_is_tried_beside_a_baseline_that_is_none(name: str) -> None:
    text = WITHOUT_BASELINE.replace("float: [1.0e-4, 1.0e-1], log: true", "choice: [0.01, 0.02]")
    params = run(text, asked_for(name, trials=50), {})
    assert params[0] == {}
    assert len(params[1:]) == len({str(sorted(p.items())) for p in params[1:]}) == 12


def test_axes_that_are_not_modelled_are_named_before_the_first_trial() -> None:
    flat, conditional = space_of(FLAT), space_of(CONDITIONAL)
    for name in ("tpe", "qmc", "random"):
        assert check_sampler(asked_for(name), conditional) is None
    assert check_sampler(asked_for("gp"), flat) is None
    for name, instead in (("gp", "by TPE"), ("nsga2", "at random"), ("nsga3", "at random")):
        said = check_sampler(asked_for(name), conditional)
        assert said == (
            f"sampler '{name}' models axes that are always active; embedding.fusion, "
            f"attention.reduction_ratio it draws one by one, {instead}"
        )
    said = check_sampler(asked_for("cmaes"), flat)
    assert said is not None
    assert "embedding.placement it draws one by one, by TPE" in said


WRONG = [
    ({"sampler": "tpee"}, FLAT, "no sampler 'tpee'; did you mean 'tpe'?"),
    ({"sampler": "x"}, FLAT, "there is auto, tpe, gp, cmaes"),
    (
        {"sampler": "tpe", "sampler_options": {"n_startup_trial": 3}},
        FLAT,
        "sampler 'tpe' has no option 'n_startup_trial'; did you mean 'n_startup_trials'?",
    ),
    ({"sampler": "random", "sampler_options": {"a": 3}}, FLAT, "no option 'a'; it has none"),
    (
        {"sampler": "qmc", "sampler_options": {"qmc_type": "sobl"}},
        FLAT,
        "qmc_type of sampler 'qmc' must be 'sobol' or 'halton', not 'sobl'",
    ),
    (
        {"sampler": "tpe", "sampler_options": {"n_ei_candidates": 0}},
        FLAT,
        "n_ei_candidates of sampler 'tpe' must be greater than or equal to 1, not 0",
    ),
    (
        {"sampler": "cmaes", "sampler_options": {"lr_adapt": True, "with_margin": True}},
        FLAT,
        "sampler 'cmaes': It is prohibited",
    ),
    ({"sampler": "grid"}, FLAT, "axis 'optimizer.learning_rate' of space 'flat' has no end"),
    ({"sampler": "brute-force"}, CONDITIONAL, "'optimizer.learning_rate' .* has no end of values"),
    ({"sampler": "grid"}, FINITE_CONDITIONAL, "'grid' takes no axis with a condition"),
    (
        {"sampler": "grid"},
        FINITE.replace("step: 0.1", "step: 0.0005")
        + "  optimizer.learning_rate: {float: [0.0001, 0.1], step: 0.0001}",
        "takes up to 1,000,000 points",
    ),
    ({"sampler": "nosuchmodule:A"}, FLAT, "'nosuchmodule' cannot be imported: ModuleNotFound"),
    ({"sampler": "optuna.samplers:TPESamplr"}, FLAT, "did you mean 'TPESampler'"),
    ({"sampler": "pathlib:Path"}, FLAT, "must be a class derived from optuna's BaseSampler"),
    ({"sampler": "optuna.samplers:BruteForceSampler"}, FLAT, "take 'grid' or 'brute-force'"),
    (
        {"sampler": "optuna.samplers:TPESampler", "sampler_options": {"grup": True}},
        FLAT,
        "has no option 'grup'; did you mean 'group'",
    ),
    (
        {"sampler": "optuna.samplers:QMCSampler", "sampler_options": {"qmc_type": "x"}},
        FLAT,
        "cannot be made: ValueError",
    ),
]


@pytest.mark.parametrize(("fields", "text", "expected"), WRONG)
def test_what_is_wrong_is_said_in_one_line(fields: dict, text: str, expected: str) -> None:
    with pytest.raises(UserError, match=expected) as said:
        check_sampler(SearchSettings(**fields), space_of(text))
    assert len(str(said.value).splitlines()) == 1


def test_a_space_without_an_axis_to_model_is_refused() -> None:
    text = FLAT.replace("float: [1.0e-4, 1.0e-1], log: true", "choice: [0.01, 0.02]")
    text = text.replace("float: [0.0, 0.1]", "choice: [0.0, 0.1]")
    with pytest.raises(UserError, match="'cmaes' models numbers that are always active"):
        check_sampler(SearchSettings(sampler="cmaes"), space_of(text))


def test_a_package_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    # What Python itself keeps for a module that is not to be found.
    monkeypatch.setitem(sys.modules, "cmaes", None)  # type: ignore[arg-type]
    with pytest.raises(
        UserError, match=r"cmaes is not installed; `pip install 'sedn-search\[cmaes"
    ):
        check_sampler(SearchSettings(sampler="cmaes"), space_of(FLAT))


def test_a_sampler_of_the_users_own(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "smallest_first.py").write_text(
        "from optuna.samplers import RandomSampler\n"
        "class Smallest(RandomSampler):\n"
        "    def __init__(self, only: str) -> None:\n"
        "        super().__init__(seed=0)\n"
        "        self.only = only\n"
        "    def sample_independent(self, study, trial, name, distribution):\n"
        "        if name == self.only:\n"
        "            return distribution.low\n"
        "        return super().sample_independent(study, trial, name, distribution)\n"
    )
    settings = SearchSettings(
        trials=3,
        sampler="smallest_first:Smallest",
        sampler_options={"only": "optimizer.weight_decay"},
    )
    assert check_sampler(settings, space_of(FLAT)) is None
    params = run(FLAT, settings, {})
    assert [p["optimizer.weight_decay"] for p in params[1:]] == [0.0, 0.0]
