"""A real Ray, a real SQLite file, trials whose outcome is known."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState as OptunaState

from results.database.store import open_store
from results.ranking.leaders import rank
from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.errors import UserError
from tests.search.curves import make_curves

SETTINGS = SearchSettings(trials=14, seed=1, reduction_factor=2)


def study_of(url: str, name: str) -> optuna.Study:
    return optuna.load_study(study_name=name, storage=url)


def test_asha_search_tells_the_truth(tmp_path: Path, space_file, store_url) -> None:
    log = tmp_path / "epochs.log"
    outcome = run_search(
        "truth",
        str(space_file),
        SETTINGS,
        store_url,
        Resources(backend="local", storage_path=str(tmp_path)),
        train=make_curves(log),
    )
    assert outcome.finished
    store = open_store(store_url)
    rows = store.trials(store.experiment("truth").id)
    epochs = store.epochs(store.experiment("truth").id)
    trials = study_of(store_url, "truth").trials
    assert len(rows) == len(trials) == SETTINGS.trials
    states = Counter(trial.state for trial in trials)
    assert states[OptunaState.PRUNED] > 0
    assert states[OptunaState.COMPLETE] > 0
    for row, trial in zip(rows, trials, strict=True):
        steps = trial.intermediate_values
        assert steps == {e.epoch: pytest.approx(e.mean_auc) for e in epochs[row.number]}
        if trial.state is OptunaState.COMPLETE:
            assert max(steps) == row.target_epochs == 4
        else:
            assert trial.state is OptunaState.PRUNED
            assert 0 < max(steps) < row.target_epochs
        assert trial.value == pytest.approx(row.mean_auc)
        assert trial.params == row.params
    ran = Counter(log.read_text().splitlines())
    assert set(ran.values()) == {1}, "an epoch was trained twice"


def test_first_trial_is_the_plain_backbone_and_never_stopped(
    tmp_path: Path, space_file, store_url
) -> None:
    run_search(
        "first",
        str(space_file),
        SETTINGS,
        store_url,
        Resources(backend="local", storage_path=str(tmp_path)),
        train=make_curves(),
    )
    store = open_store(store_url)
    first = store.trials(store.experiment("first").id)[0]
    assert first.role == "baseline"
    assert first.config["embedding"]["placement"] == "none"
    assert first.config["attention"]["kind"] == "none"
    assert str(first.state) == "COMPLETE"
    frame = rank(store, "first")
    assert frame.iloc[0]["mean_auc"] > first.mean_auc
    assert frame.iloc[0]["gain"] == pytest.approx(frame.iloc[0]["mean_auc"] / first.mean_auc - 1)


def test_a_failed_trial_keeps_its_traceback_and_the_search_goes_on(
    tmp_path: Path, space_file, store_url
) -> None:
    settings = SearchSettings(trials=8, seed=3, scheduler="none", sampler="random")
    run_search(
        "failing",
        str(space_file),
        settings,
        store_url,
        Resources(backend="local", storage_path=str(tmp_path)),
        train=make_curves(fail_at=0.003),
    )
    store = open_store(store_url)
    rows = store.trials(store.experiment("failing").id)
    failed = [row for row in rows if str(row.state) == "FAILED"]
    assert len(rows) == 8
    assert 0 < len(failed) < 8
    for row in failed:
        assert row.reason.splitlines()[0] == "ValueError: the learning rate was too much"
        assert 'raise ValueError("the learning rate was too much")' in row.reason
        assert "\x1b" not in row.reason, "no colours of a terminal"
        assert row.epochs == 1, "the epoch before the failure is kept"
    told = Counter(trial.state for trial in study_of(store_url, "failing").trials)
    assert told[OptunaState.FAIL] == len(failed)


def test_more_trials_go_on_from_where_the_search_ended(
    tmp_path: Path, space_file, store_url
) -> None:
    log = tmp_path / "epochs.log"
    where = Resources(backend="local", storage_path=str(tmp_path))
    for trials in (4, 4, 7):
        settings = SearchSettings(trials=trials, seed=2)
        outcome = run_search(
            "more", str(space_file), settings, store_url, where, train=make_curves(log)
        )
        assert outcome.finished
        assert len(study_of(store_url, "more").trials) == trials
    assert set(Counter(log.read_text().splitlines()).values()) == {1}


def test_resume_with_other_settings_is_refused(tmp_path: Path, space_file, store_url) -> None:
    where = Resources(backend="local", storage_path=str(tmp_path))
    base = {"trials": 1, "seed": 2}
    run_search(
        "same", str(space_file), SearchSettings(**base), store_url, where, train=make_curves()
    )
    for field, value in (("seed", 5), ("epochs", 3), ("scheduler", "none")):
        changed = SearchSettings(**base | {field: value})
        with pytest.raises(UserError, match=f"'same' was started with {field}"):
            run_search("same", str(space_file), changed, store_url, where)


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.search.curves import make_curves
from search.run import run_search
from search.settings import Resources, SearchSettings
if __name__ == "__main__":
    run_search(
        "killed", {space!r}, SearchSettings(trials=14, seed=1, reduction_factor=2), {url!r},
        Resources(storage_path={folder!r}), train=make_curves(Path({log!r}), seconds=0.2),
    )
"""


def wait_for_epochs(url: str, wanted: int, timeout: float = 90) -> None:
    path = url.removeprefix("sqlite:///")
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            with sqlite3.connect(path) as connection:
                if connection.execute("select count(*) from sedn_epoch").fetchone()[0] >= wanted:
                    return
        except sqlite3.OperationalError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"no {wanted} epochs in {timeout} s")


@pytest.mark.slow
def test_a_search_that_was_ended_goes_on_and_loses_nothing(
    tmp_path: Path, space_file, store_url
) -> None:
    log = tmp_path / "epochs.log"
    script = tmp_path / "go.py"
    script.write_text(
        SCRIPT.format(
            root=str(Path(__file__).parents[3]),
            space=str(space_file),
            url=store_url,
            folder=str(tmp_path),
            log=str(log),
        )
    )
    ended: dict[str, int] = {}
    for turn, how in enumerate((signal.SIGKILL, signal.SIGINT, signal.SIGTERM), start=1):
        driver = subprocess.Popen([sys.executable, str(script)], start_new_session=True)
        wait_for_epochs(store_url, 5 * turn)
        driver.send_signal(how)
        code = driver.wait(60)
        assert code == (-signal.SIGKILL if how is signal.SIGKILL else 0)
        rows = open_store(store_url).trials(1)
        numbers = {row.number for row in rows if str(row.state) != "RUNNING"}
        ended |= {n: c for n, c in epochs_run(log).items() if int(n.split()[0]) in numbers}
        assert len(numbers) < 14, "there is something left to go on with"
    subprocess.run([sys.executable, str(script)], check=True, timeout=120)

    assert ended, "trials had ended before the last turn"
    assert {line: times for line, times in epochs_run(log).items() if line in ended} == ended
    store = open_store(store_url)
    rows = store.trials(store.experiment("killed").id)
    trials = study_of(store_url, "killed").trials
    assert len(rows) == len(trials) == 14
    assert all(trial.state.is_finished() for trial in trials)
    assert {str(row.state) for row in rows} <= {"COMPLETE", "PRUNED"}
    epochs = store.epochs(rows[0].experiment_id)
    for row in rows:
        assert [e.epoch for e in epochs[row.number]] == list(range(1, row.epochs + 1))


def epochs_run(log: Path) -> Counter[str]:
    """How often each epoch was trained, by ``trial epoch``."""
    return Counter(log.read_text().splitlines())


@pytest.mark.slow
def test_a_lost_worker_costs_no_trial(tmp_path: Path, space_file, store_url) -> None:
    """The worker kills itself in the second epoch of each trial; each trial still ends well."""
    marks = tmp_path / "marks"
    marks.mkdir()
    curve = make_curves(seconds=0.01)

    def train(config, folder, after_epoch, bounds):
        for result in curve(config, folder, after_epoch, bounds):
            mark = marks / Path(folder).name
            if result.epoch == 2 and not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            yield result

    settings = SearchSettings(trials=3, seed=1, scheduler="none")
    outcome = run_search(
        "lost",
        str(space_file),
        settings,
        store_url,
        Resources(storage_path=str(tmp_path)),
        train=train,
    )
    assert outcome.finished
    store = open_store(store_url)
    rows = store.trials(store.experiment("lost").id)
    assert [str(row.state) for row in rows] == ["COMPLETE"] * 3
    assert all(row.epochs == 4 for row in rows)
