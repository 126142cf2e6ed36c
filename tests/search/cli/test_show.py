"""`sedn show` has all that is known of one trial, whatever became of the trial."""

import json
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner

from results.database.models import Trial, TrialState
from results.database.store import Store, open_store
from search.cli.main import app
from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.errors import UserError
from tests.search.conftest import SPACE
from tests.search.curves import make_curves

URL = "sqlite:///{}/sedn.db"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Six trials, of which the third failed after an epoch."""
    folder = tmp_path_factory.mktemp("show")
    (folder / "curves.yaml").write_text(SPACE)
    curves, started = make_curves(), iter(range(1000))

    def train(config, checkpoints, after, bounds) -> Iterator:
        number = next(started)
        for result in curves(config, checkpoints, after, bounds):
            yield result
            if number == 2:
                raise ValueError("[red]the third broke")

    settings = SearchSettings(trials=6, seed=1, scheduler="none", sampler="random")
    resources = Resources(backend="local", storage_path=str(folder))
    url = URL.format(folder)
    run_search("spring", str(folder / "curves.yaml"), settings, url, resources, train=train)
    return open_store(url)


def show(store: Store, number: int, *words: str) -> str:
    command = ["show", "spring", str(number), f"--store={store.url}", *words]
    done = CliRunner().invoke(app, command, env={"COLUMNS": "80"})
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


def test_each_trial_is_shown_within_eighty_columns(store: Store) -> None:
    for trial in store.trials(1):
        text = show(store, trial.number)
        assert text.startswith(f"Trial {trial.number}")
        # Lines of a traceback and the folder are as long as they are.
        tables = text.partition("Recorded")[0].partition("Folder:")[0].splitlines()
        assert max(map(len, tables)) <= 80, text
        for path in trial.params:
            assert path in text
        assert f"--trial {trial.number} -o " in text


def test_what_is_shown_is_what_the_store_has(store: Store) -> None:
    baseline, *others = (json.loads(show(store, n, "--json")) for n in range(6))
    assert (baseline["role"], baseline["difference_to_baseline"]) == ("baseline", None)
    for trial in (t for t in others if t["state"] == "COMPLETE"):
        row = store.known_trial(1, trial["trial"])
        assert trial["mean_auc"] == row.mean_auc == trial["epochs"][-1]["mean_auc"]
        difference = trial["mean_auc"] - baseline["mean_auc"]
        assert trial["difference_to_baseline"] == pytest.approx(difference)
        of_baseline = {label["label"]: label["auc"] for label in baseline["labels"]}
        assert {one["label"]: one["baseline"] for one in trial["labels"]} == of_baseline
        assert len(trial["epochs"]) == trial["target_epochs"]
        assert trial["config"] == row.config


def test_a_failed_trial_is_shown_with_its_cause_and_the_last_lines(store: Store) -> None:
    text = show(store, 2)
    assert "failed: ValueError: [red]the third broke" in text
    assert "Traceback" in text
    read = json.loads(show(store, 2, "--json"))
    assert (read["state"], read["cause"], read["labels"]) == ("FAILED", "error", [])
    assert len(read["epochs"]) == 1


def test_epochs_over_folds_are_shown_with_the_fold(store: Store) -> None:
    """Four epochs, as those of two folds of two."""
    before = store.known_trial(1, 3).config
    assert "fold" not in show(store, 3)
    with store.sessions.begin() as session:
        trial = session.scalars(select(Trial).where(Trial.number == 3)).one()
        trial.setup.config = before | {"folds": 2, "epochs": 2}
    text = show(store, 3)
    assert "Mean AUC over 2 folds 0." in text
    assert re.findall(r"^ (\d) +(\d of 2) ", text, re.MULTILINE) == [
        ("1", "1 of 2"), ("2", "1 of 2"), ("3", "2 of 2"), ("4", "2 of 2"),
    ]  # fmt: skip
    assert "From fold 2 on the mean AUC is that of the folds which had ended." in text
    assert max(map(len, text.partition("Folder:")[0].splitlines())) <= 80
    with store.sessions.begin() as session:
        session.scalars(select(Trial).where(Trial.number == 3)).one().setup.config = before


def test_a_trial_that_runs_is_shown_with_its_epochs(store: Store) -> None:
    with store.sessions.begin() as session:
        of_last = update(Trial).where(Trial.number == 5)
        session.execute(of_last.values(state=TrialState.RUNNING, ended_at=None))
    text = show(store, 5)
    assert text.startswith("Trial 5: epoch 4 of 4, mean AUC")


def test_a_trial_that_is_not_there_is_refused(store: Store) -> None:
    with pytest.raises(UserError, match="trial 9: experiment 'spring' has no such trial; its"):
        show(store, 9)
