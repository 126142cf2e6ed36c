"""A study of another program is ranked and listed, and nothing is made up that it does not know."""

import json
from pathlib import Path

import optuna
import pytest
import yaml
from optuna.trial import FrozenTrial, create_trial
from optuna.trial import TrialState as OptunaState
from typer.testing import CliRunner

from results import export_config, labels, open_store, overview, rank, stopped_early, write_report
from results.database.models import TrialState
from results.database.store import Store
from search.checks import check_experiment
from search.cli.main import app
from search.importing_studies import foreign_trials, import_study
from search.settings import SearchSettings
from search.study import open_storage
from search.warm_start import fit_leaders
from sedn.config import build_config
from sedn.errors import UserError
from tests.search.histories import FLAT, space_of

SPACE = space_of(FLAT)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/other.db"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"sqlite:///{tmp_path}/sedn.db", create=True)


def foreign(url: str, names: tuple[str, str] = ("lr", "model"), **study: str) -> optuna.Study:
    """Four trials: two complete, one pruned, one failed, one that runs; epochs count from 0."""
    made = optuna.create_study(storage=url, study_name="mine", **{"direction": "maximize", **study})
    rate, kind = names
    values = ("none", "input", "stage1")
    for number in range(5):
        trial = made.ask()
        trial.suggest_float(rate, 1e-4, 1e-1, log=True)
        trial.suggest_categorical(kind, values)
        for epoch in range(3 if number < 2 else 1):
            trial.report(0.6 + 0.1 * number + 0.01 * epoch, epoch)
        if number < 2:
            made.tell(trial, 0.65 + 0.1 * number)
        elif number < 4:
            made.tell(trial, state=(OptunaState.PRUNED, OptunaState.FAIL)[number - 2])
    return made


def test_a_study_is_ranked_listed_and_shown(url: str, store: Store, tmp_path: Path) -> None:
    study = foreign(url)
    said = list(import_study(store, url, "mine", "taken"))
    assert said[0] == "Experiment 'taken': 4 trials (2 complete, 1 pruned, 1 failed)"
    assert said[1] == "Left out: 1 that have not ended"
    assert "Not known, as no study has it: AUC by label, standard errors" in said[2]
    assert "not exported or trained" in said[3]
    ranked = rank(store, "taken")
    assert list(ranked["trial"]) == [1, 0]
    assert list(ranked["mean_auc"]) == [0.75, 0.65]
    assert ranked[["low", "high", "gain"]].isna().all(axis=None), "nothing is made up"
    assert list(ranked["params.lr"]) == [study.trials[n].params["lr"] for n in (1, 0)]
    assert len(labels(store, "taken")) == 0
    early = stopped_early(store, "taken", ranked)
    assert list(early["trial"]) == [2]
    assert early["mean_auc"].tolist() == pytest.approx([0.8])
    row = store.experiment("taken")
    assert {n: {e.epoch: e.mean_auc for e in es} for n, es in store.epochs(row.id).items()} == {
        t.number: {step + 1: value for step, value in t.intermediate_values.items()}
        for t in study.trials[:4]
    }
    assert [t.state for t in store.trials(row.id)] == [
        *([TrialState.COMPLETE] * 2), TrialState.PRUNED, TrialState.FAILED
    ]  # fmt: skip
    (listed,) = overview(store).to_dict("records")
    assert (listed["best_trial"], listed["asked"], listed["complete"]) == (1, 4, 2)
    copy = optuna.load_study(study_name="taken", storage=open_storage(store))
    assert [t.values for t in copy.trials] == [t.values for t in study.trials]
    write_report(store, "taken", tmp_path / "report.html")
    for words in (["rank", "taken"], ["status", "taken"], ["labels", "taken"], ["list"]):
        done = CliRunner().invoke(app, [*words, f"--store={store.url}"])
        assert done.exit_code == 0, done.output
    with pytest.raises(UserError, match="trial 1 of experiment 'taken'"):
        export_config(store, "taken")
    (first, second) = fit_leaders(store, "taken", SPACE)
    assert first.reason == second.reason == "is no configuration that this version trains"
    with pytest.raises(UserError, match="was imported from an Optuna study, and cannot be gone on"):
        check_experiment(store, "taken", SPACE, SearchSettings())


def test_points_of_a_space_are_exported_and_warm_a_search(url: str, store: Store) -> None:
    study = foreign(url, ("optimizer.learning_rate", "embedding.placement"))
    said = list(import_study(store, url, "mine", "mine", SPACE))
    assert said[-1] == "Its trials are points of space 'flat': they can be exported and trained"
    config = build_config(yaml.safe_load(export_config(store, "mine")), "export")
    assert config.optimizer.learning_rate == study.best_params["optimizer.learning_rate"]
    leaders = list(fit_leaders(store, "mine", SPACE))
    best = leaders[0].point
    assert best is not None
    assert best["embedding.placement"] == study.best_params["embedding.placement"]


def test_what_is_no_mean_auc_is_refused(url: str, store: Store, tmp_path: Path) -> None:
    foreign(url, direction="minimize")
    other = optuna.create_study(storage=url, study_name="loss", direction="maximize")
    other.add_trial(optuna.trial.create_trial(value=3.5))
    two = optuna.create_study(storage=url, study_name="two", directions=["maximize", "minimize"])
    for name, why in {
        "mine": r"which is maximised; the study's objectives: minimize",
        "two": "the study's objectives: maximize, minimize",
        "loss": r"a mean AUC, from 0 to 1; trial 0 has 3.5",
        "mien": "has no study 'mien'; did you mean 'mine'",
    }.items():
        with pytest.raises(UserError, match=why):
            list(import_study(store, url, name, "taken"))
    with pytest.raises(UserError, match="has 'lr', which is no axis of space 'flat'"):
        foreign_url = f"sqlite:///{tmp_path}/third.db"
        foreign(foreign_url)
        list(import_study(store, foreign_url, "mine", "taken", SPACE))
    with pytest.raises(UserError, match="no such file; name the database that has the study"):
        list(import_study(store, f"sqlite:///{tmp_path}/absent.db", "mine", "taken"))
    assert not (tmp_path / "absent.db").exists()
    assert store.experiments() == []
    assert two.study_name == "two"
    assert optuna.get_all_study_names(open_storage(store)) == []


def test_the_command_imports_and_says_what_is_not_known(
    url: str, store: Store, tmp_path: Path
) -> None:
    foreign(url)
    words = ["store", "import-optuna", "mine", "--from", f"{tmp_path}/other.db"]
    done = CliRunner().invoke(app, [*words, f"--store={store.url}"])
    assert done.exit_code == 0, done.output
    assert "Not known, as no study has it" in done.stderr
    again = CliRunner().invoke(app, [*words, f"--store={store.url}"])
    assert "experiment 'mine' is there already; choose another --name" in str(again.exception)
    listed = CliRunner().invoke(app, ["list", "--json", f"--store={store.url}"]).stdout
    assert [row["name"] for row in json.loads(listed)] == ["mine"]


@pytest.mark.parametrize("many", [3, 300])
def test_each_trial_is_looked_at_a_few_times_however_many_there_are(many: int) -> None:
    reads = 0

    class Counted(FrozenTrial):
        @property
        def intermediate_values(self) -> dict[int, float]:
            nonlocal reads
            reads += 1
            return {0: 0.5, 1: 0.6}

        @intermediate_values.setter
        def intermediate_values(self, values: dict[int, float]) -> None:
            """They are always these."""

    trials = [create_trial(value=0.6) for _ in range(many)]
    for trial in trials:
        trial.__class__ = Counted
    assert [one.curve for one in foreign_trials(trials, None)] == [{1: 0.5, 2: 0.6}] * many
    assert reads <= 4 * many
