"""Several objectives and constraints without Ray: what the study is told is what was measured."""

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any
from wsgiref.util import setup_testing_defaults

import optuna
import pytest
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from results.database.models import Trial, TrialState
from results.experiment_list import read_overview
from results.goals.objectives import objectives
from results.ranking.leaders import rank
from results.report.contents import read_findings
from results.report.page import render_report
from search.cli.live import summary
from search.progress import read_snapshot
from search.samplers.choosing import check_sampler
from search.settings import SearchSettings, build_settings, check_unchanged
from search.study import open_storage
from sedn.errors import UserError
from sedn.training.result import EpochResult
from tests.search.histories import (
    CONDITIONAL,
    FINITE,
    FINITE_CONDITIONAL,
    FLAT,
    History,
    height,
    history,
    result,
    space_of,
)

OPTIONS: dict[str, dict[str, Any]] = {
    "tpe": {"n_startup_trials": 2},
    "gp": {"n_startup_trials": 2},
    "nsga2": {"population_size": 2},
    "nsga3": {"population_size": 2},
}
WHERE = ("latency_ms<3.5", "worst_auc>=0.2")


def asked_for(*objective: str, sampler: str = "random", trials: int = 9, where: Any = WHERE) -> Any:
    return SearchSettings(
        objective=objective,
        where=where,
        sampler=sampler,
        sampler_options=OPTIONS.get(sampler, {}),
        trials=trials,
        seed=1,
    )


def reached(config: Any, epoch: int, **missing: None) -> EpochResult:
    """An epoch of a training of which all is known."""
    auc = height(config) * (1 - 0.5**epoch)
    one = {"none": 1.0, "input": 3.0, "stage1": 3.4}[config.embedding.placement]
    costs = {
        "latency_ms": one + 2 * config.optimizer.weight_decay,
        "latency_32_ms": 20 * one,
        "flops": int(1e6 * one),
        "peak_memory": int(1e9 * (1 + config.optimizer.weight_decay)),
    }
    by_label = {"a": auc, "b": 2 * auc - 0.9, "c": None}
    known = result(epoch, auc)
    costs = {**known.costs, **costs, **missing}
    return replace(known, label_auc=by_label, label_auc_stderr=by_label, costs=costs)


def expected(row: Trial) -> dict[str, float]:
    """What the objectives and constraints of a trial must be, from its parameters and epochs."""
    from sedn.config import TrainingConfig

    last = reached(TrainingConfig.model_validate(row.config), row.epochs)
    worst = 2 * last.mean_auc - 0.9
    costs = ("latency_ms", "latency_32_ms", "parameters", "flops", "peak_memory")
    return {"mean_auc": last.mean_auc, "worst_auc": worst, **{c: last.costs[c] for c in costs}}


def epochs_of(number: int, target: int) -> int:
    """How far a trial is let go: each third one is stopped after its first epoch."""
    return 1 if number % 3 == 2 else target


def train(search: History, crash_at: int | None = None, **missing: None) -> None:
    """Train all there is; ``crash_at`` ends in the store alone, and the search starts again."""
    while trial := search.driver.next():
        last = epochs_of(trial.number, trial.config.epochs)
        for epoch in range(trial.after_epoch + 1, last + 1):
            search.driver.report(trial.number, reached(trial.config, epoch, **missing))
        if trial.number != crash_at:
            search.driver.finish(trial.number)
            continue
        state = TrialState.COMPLETE if last == trial.config.epochs else TrialState.PRUNED
        aucs = {label: (auc, auc) for label, auc in reached(trial.config, last).label_auc.items()}
        search.store.finish_trial(search.experiment.id, trial.number, state, label_auc=aucs)
        search.open()
    assert search.driver.finished


def study_trials(search: History) -> list[FrozenTrial]:
    return optuna.load_study(study_name="history", storage=search.url).trials


def seen(trials: list[FrozenTrial]) -> list[Any]:
    return [(t.state, t.params, t.values, t.constraints, t.intermediate_values) for t in trials]


@pytest.mark.parametrize(
    "objective",
    [("auc",), ("worst-auc",), ("auc", "latency"), ("memory", "worst-auc"), tuple(objectives())],
    ids="+".join,
)
def test_the_study_is_told_what_was_measured(objective: tuple[str, ...]) -> None:
    with history(FLAT, asked_for(*objective)) as search:
        train(search)
        rows, trials = search.store.trials(search.experiment.id), study_trials(search)
        study = search.open_study()
    assert len(rows) == len(trials) == 9
    assert [d.name == "MAXIMIZE" for d in study.directions] == [
        objectives()[name].maximise for name in objective
    ]
    assert study.metric_names == [objectives()[name].title for name in objective]
    for row, trial in zip(rows, trials, strict=True):
        measured = expected(row)
        state = "PRUNED" if row.number % 3 == 2 else "COMPLETE"
        assert trial.state.name == row.state.name == state
        assert trial.values == [measured[objectives()[name].measure] for name in objective]
        slow, bad = measured["latency_ms"] / 3.5 - 1, 1 - measured["worst_auc"] / 0.2
        assert list(trial.constraints.values()) == pytest.approx([slow, bad])
        assert sorted(trial.intermediate_values) == list(range(1, row.epochs + 1))
        assert trial.intermediate_values[row.epochs] == measured["mean_auc"]
    violated = [any(v > 0 for v in trial.constraints.values()) for trial in trials]
    assert 0 < sum(violated) < len(trials)


@pytest.mark.parametrize(
    "sampler", ["tpe", pytest.param("gp", marks=pytest.mark.slow), "nsga2", "nsga3", "brute-force"]
)
def test_a_crash_changes_nothing_of_it(sampler: str) -> None:
    text = FINITE if sampler == "brute-force" else CONDITIONAL
    settings = asked_for("auc", "latency", "worst-auc", sampler=sampler)
    with history(text, settings) as search:
        train(search)
        whole = seen(study_trials(search))
    assert {state for state, *_ in whole} == {OptunaState.COMPLETE, OptunaState.PRUNED}
    for crash_at in (3, 5) if sampler in ("tpe", "nsga2") else (5,):
        with history(text, settings) as search:
            train(search, crash_at)
            assert seen(study_trials(search)) == whole


def test_a_duplicate_has_the_values_of_its_original() -> None:
    with history(FINITE, asked_for("auc", "worst-auc", "latency", trials=20)) as search:
        train(search)
        rows, trials = search.store.trials(search.experiment.id), study_trials(search)
    duplicates = [row for row in rows if row.duplicate_of is not None]
    assert len(duplicates) >= 8, "there are twelve points"
    states = set()
    for row in duplicates:
        assert seen([trials[row.number]])[0][2:] == seen([trials[row.duplicate_of]])[0][2:]
        assert trials[row.number].state is trials[row.duplicate_of].state
        assert trials[row.number].constraints
        states.add(row.state)
    assert states == {TrialState.COMPLETE, TrialState.PRUNED}


def test_a_trial_without_a_value_fails_and_says_why() -> None:
    with history(FLAT, asked_for("auc", "latency-32", trials=3)) as search:
        train(search, latency_32_ms=None)
        rows, trials = search.store.trials(search.experiment.id), study_trials(search)
    for row, trial in zip(rows[:2], trials[:2], strict=True):
        assert row.state is TrialState.FAILED
        assert row.cause == "unmeasured"
        assert row.reason is not None
        assert row.reason.startswith("objective 'latency-32' was not measured: the memory does not")
        assert trial.state is OptunaState.FAIL
        assert trial.values is None
    assert rows[2].state is TrialState.PRUNED, "it was stopped before its values mattered"


def test_what_was_not_measured_satisfies_no_constraint() -> None:
    settings = asked_for("auc", trials=3, where=("peak_memory<100G",))
    with history(FLAT, settings) as search:
        train(search, peak_memory=None)
        assert [trial.constraints for trial in study_trials(search)] == [{"0": 1.0}] * 3
        assert not rank(search.store, "history")["feasible"].any()


@pytest.mark.parametrize(
    "where",
    [(), WHERE, ("latency_ms<1",), ("latency_ms<1.05", "flops<2M"), ("worst_auc>=0.7",)],
    ids=str,
)
@pytest.mark.parametrize("space", [FLAT, FINITE_CONDITIONAL], ids=["flat", "finite"])
def test_the_best_so_far_satisfies_the_constraints_wherever_a_best_is_told(
    space: str, where: tuple[str, ...]
) -> None:
    with history(space, asked_for("auc", where=where)) as search:
        train(search, crash_at=4)
        frame = rank(search.store, "history")
        feasible = frame[frame["feasible"]]
        first = (
            None
            if feasible.empty
            else (int(feasible["trial"].iloc[0]), feasible["mean_auc"].iloc[0])
        )
        experiment = search.store.experiment("history")
        told = [search.driver.snapshot(), read_snapshot(search.store, experiment, searching=False)]
        search.open()
        told.append(search.driver.snapshot())
        for snapshot in told:
            assert snapshot.all_violate == (first is None)
            found = snapshot.best and (snapshot.best.number, snapshot.best.mean_auc)
            assert found == first
            words = str(summary("history", snapshot, 0))
            assert ("none satisfies the constraints" in words) == (first is None)
            assert ("best " in words) == (first is not None)
        [listed] = read_overview(search.store)
        assert (listed["best_trial"], listed["best_auc"]) == (first or (None, None))


def test_the_ranking_has_the_front_of_what_is_feasible() -> None:
    with history(FLAT, asked_for("auc", "latency", trials=20)) as search:
        train(search)
        frame = rank(search.store, "history")
        rows = {row.number: expected(row) for row in search.store.trials(search.experiment.id)}
    feasible = {
        n for n in frame["trial"] if rows[n]["latency_ms"] < 3.5 and rows[n]["worst_auc"] >= 0.2
    }
    assert 2 < len(feasible) < len(frame)
    assert set(frame["trial"][: len(feasible)]) == feasible
    assert set(frame["trial"][frame["feasible"]]) == feasible
    for part in (frame[frame["feasible"]], frame[~frame["feasible"]]):
        assert part["mean_auc"].is_monotonic_decreasing
    assert frame["worst_auc"].to_list() == [rows[n]["worst_auc"] for n in frame["trial"]]
    beaten = {
        worse
        for one, other in combinations(sorted(feasible), 2)
        for better, worse in ((one, other), (other, one))
        if rows[better]["mean_auc"] >= rows[worse]["mean_auc"]
        and rows[better]["latency_ms"] <= rows[worse]["latency_ms"]
    }
    front = set(frame["trial"][frame["pareto"]])
    assert front == feasible - beaten
    assert len(front) > 1


def test_the_dashboard_has_values_curves_and_violations() -> None:
    from optuna_dashboard import wsgi

    with history(FLAT, asked_for("auc", "latency")) as search:
        train(search)
        answer = get(wsgi(open_storage(search.store)), "/api/studies/1")
        trials = study_trials(search)
    assert len(answer["trials"]) == 9
    for shown, trial in zip(answer["trials"], trials, strict=True):
        assert [float(value) for value in shown["values"]] == trial.values
        curve = {point["step"]: point["value"] for point in shown["intermediate_values"]}
        assert curve == trial.intermediate_values
        assert shown["constraints"] == list(trial.constraints.values())
    assert answer["has_intermediate_values"]
    assert all(best["state"] == "Complete" for best in answer["best_trials"])


def get(app: Any, path: str) -> Any:
    environ: dict[str, Any] = {"PATH_INFO": path, "wsgi.errors": io.StringIO()}
    setup_testing_defaults(environ)
    said: list[str] = []
    body = b"".join(app(environ, lambda status, headers, *_: said.append(status)))
    assert said[0].startswith("200"), body
    return json.loads(body)


WRONG: list[tuple[Mapping[str, Any], str]] = [
    (
        {"objective": ["auc", "latncy"]},
        "`objective`: no objective 'latncy'; did you mean 'latency'",
    ),
    ({"objective": ["worst_auc"]}, "did you mean 'worst-auc'"),
    ({"objective": ["latency"]}, "ask for auc or worst-auc too"),
    ({"objective": ["auc", "auc"]}, "an objective is given twice"),
    ({"where": ["latency<5"]}, "no measure 'latency'; did you mean 'latency_ms'"),
    ({"where": ["latency_ms=5"]}, "must be a measure, one of <, <=, > and >=, and a number"),
    (
        {"objective": ["auc", "latency"], "sampler": "cmaes"},
        "'cmaes' optimises one objective, not 2; take 'tpe', 'gp', 'nsga2' or 'nsga3'",
    ),
    (
        {"objective": ["auc", "flops"], "sampler": "optuna.samplers:CmaEsSampler"},
        "'optuna.samplers:CmaEsSampler' optimises one objective",
    ),
]


@pytest.mark.parametrize(("fields", "message"), WRONG)
def test_what_cannot_be_asked_for_is_said_in_one_line(
    fields: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message) as said:
        check_sampler(build_settings(**fields), space_of(FLAT))
    assert len(str(said.value).splitlines()) == 1


def test_they_are_kept_with_the_experiment() -> None:
    settings = build_settings(objective=["auc", "flops"], where=["flops < 5G", "flops<5G"])
    assert settings.where == ("flops<5G",)
    stored = SearchSettings.model_validate(json.loads(settings.model_dump_json()))
    check_unchanged(stored, settings, "name")
    for other in ({"objective": ("flops", "auc")}, {"where": ("flops<6G",)}):
        with pytest.raises(UserError, match="leave it as it was"):
            check_unchanged(stored, settings.model_copy(update=other), "name")


def test_a_sampler_that_knows_no_constraints_says_so_and_does_not_warn(
    recwarn: pytest.WarningsRecorder,
) -> None:
    settings = asked_for("auc", sampler="cmaes", trials=5)
    said = check_sampler(settings, space_of(FLAT))
    assert said is not None
    assert said.endswith("sampler 'cmaes' knows no constraints; the ranking does")
    with history(FLAT, settings) as search:
        train(search)
    assert not [warning for warning in recwarn if "onstraint" in str(warning.message)]


def test_rank_report_and_export_mark_what_violates() -> None:
    with history(FLAT, asked_for("auc", "latency", trials=20)) as search:
        train(search)
        frame = rank(search.store, "history")
        store = f"--store={search.url}"
        shown = run_command("rank", "history", store)
        front = json.loads(run_command("rank", "history", store, "--pareto", "--json"))
        last = run_command("export", "history", store, f"--rank={len(frame)}")
        first = run_command("export", "history", store)
        page = render_report(read_findings(search.store, "history"))
    assert [row["trial"] for row in front] == frame["trial"][frame["pareto"]].to_list()
    assert "† On the front of auc, latency." in shown
    assert "* Violates latency_ms<3.5 or worst_auc>=0.2." in shown
    assert shown.count("†") == len(front) + 1
    violates = int((~frame["feasible"]).sum())
    assert shown.count("*") == violates + 1
    assert "in violation of a constraint" in last
    assert "in violation" not in first
    assert f"trial {frame['trial'][0]} " in first
    assert page.count("violates a constraint") == violates
    assert "Those that violate latency_ms&lt;3.5 or worst_auc&gt;=0.2 come last" in page


def test_a_network_that_cannot_be_built_violates_all_constraints_and_has_no_values() -> None:
    text = FLAT.replace("[none, input, stage1]", "[none, stage9]")
    with history(text, asked_for("auc", "latency")) as search:
        train(search)
        rows, trials = search.store.trials(search.experiment.id), study_trials(search)
    refused = [trials[row.number] for row in rows if row.cause == "infeasible"]
    assert refused
    for trial in refused:
        assert trial.state is OptunaState.PRUNED
        assert trial.values is None
        assert list(trial.constraints.values()) == [1.0, 1.0]


def run_command(*words: str) -> str:
    from typer.testing import CliRunner

    from search.cli.main import app

    done = CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done.stdout
