"""Optuna's dashboard shows what the store has, in words, and only what it has."""

import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna_dashboard import get_note, save_note
from sqlalchemy import inspect
from typer.testing import CliRunner

from results.confirmation import Confirmed, Score
from results.confirmed import CONFIRM
from results.database.models import TrialState
from results.database.scanning.trials import Ending
from results.database.store import open_store
from results.ranking.leaders import order_experiment
from results.ranking.standing import standing
from results.ranking.words import standing_lines
from results.report.answer import answer_section, find_answer
from results.report.contents import read_findings
from search.cli.main import app
from search.dashboard import publishing, trial_note
from search.dashboard.background import publish_reading
from search.dashboard.markdown import MOST_OF_LINE, command
from search.dashboard.markdown import shown as as_text
from search.dashboard.publishing import with_notes
from search.dashboard.study_note import study_note
from sedn.page import paragraph, text
from tests.results.rows import new_experiment
from tests.search.dashboard.published import HOSTILE, REASON, Rows


@pytest.fixture(params=["sqlite", "postgresql"])
def rows(request: pytest.FixtureRequest, tmp_path: Path) -> Rows:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/sedn.db"
    else:
        url = request.getfixturevalue("postgres_url")
    return Rows(open_store(url, create=True))


@pytest.fixture
def filled(tmp_path: Path) -> Rows:
    """The same in SQLite, filled and published."""
    made = Rows(open_store(f"sqlite:///{tmp_path}/sedn.db", create=True))
    made.fill()
    made.publish()
    return made


def attributes(trial: Any) -> dict[str, str]:
    return {one["key"]: one["value"] for one in trial["user_attrs"]}


def test_the_dashboard_has_notes_attributes_artifacts_and_plots(rows: Rows) -> None:
    rows.fill()
    rows.publish()
    shown = rows.shown()
    plain, better, stopped, failed, running = shown["trials"]
    assert attributes(better) == {
        "outcome": "trained to its last epoch",
        "placement": "stage1+stage2+stage3+stage4",
        "epochs": "2 of 2",
        "seconds": "3.0",
        "parameters": "10001",
        "mean AUC [95 %]": attributes(better)["mean AUC [95 %]"],
        "difference to the baseline": "0.1",
        "worst label": f"0.7500 {HOSTILE}",
        "AUC red": "0.85",
        f"AUC {HOSTILE}": "0.75",
    }
    assert re.fullmatch(r"0\.8000 \[0\.7\d\d, 0\.8\d\d\]", attributes(better)["mean AUC [95 %]"])
    assert "difference to the baseline" not in attributes(plain)
    assert attributes(stopped)["outcome"].startswith("stopped by the scheduler after epoch 1")
    assert attributes(failed)["outcome"].startswith("failed: ValueError: ")
    assert not running["user_attrs"]
    assert not running["note"]["body"]
    assert "| red &emsp; | 0.8500 [" in better["note"]["body"]
    assert "| 0.7500 &emsp; | +0.1000 |" in better["note"]["body"]
    assert "embedding.placement &emsp; | stage1+stage2+stage3+stage4 &emsp; | all |" in (
        better["note"]["body"].replace("&#95;", "_")
    )
    assert "sedn export rows --trial 1 " in better["note"]["body"]
    assert [one["filename"] for one in better["artifacts"]] == ["learning-curve.svg"]
    assert not failed["artifacts"]
    assert [one["filename"] for one in shown["artifacts"]] == ["report.html"]
    assert {one["id"] for one in shown["plotly_graph_objects"]} >= {"sedn-labels", "sedn-cost"}


def test_the_note_of_the_study_has_the_words_and_numbers_of_the_ranking(filled: Rows) -> None:
    note = get_note(filled.study)
    assert "4 of 9 trials have ended (2 complete, 1 stopped early, 1 failed, 1 running)" in note
    assert "Trial 1 leads, with mean AUC 0.8000 &#91;" in note
    assert "the difference is +0.1000 (+14.3%)" in note
    experiment = filled.store.experiment("rows")
    ordered = order_experiment(filled.store, experiment)
    lines = standing_lines(standing(filled.store, experiment.id, ordered), ordered)
    assert lines
    for line in lines:
        assert as_text(line) in note


def test_page_and_note_give_one_answer(rows: Rows) -> None:
    rows.fill()
    rows.publish()
    findings = read_findings(rows.store, "rows")
    note, page, answer = get_note(rows.study), answer_section(findings), find_answer(findings)
    assert len(answer.lines) > 4
    assert len(answer.commands) > 1
    for line in answer.lines:
        assert f"- {as_text(line)}\n" in note
        assert paragraph(line) in page
    for line, _ in answer.commands:
        assert command(line) in note
        assert f"<code>{text(line)}</code>" in page


def test_a_command_of_a_note_finds_its_database(
    filled: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.delenv("SEDN_STORE", raising=False)
    notes = [get_note(filled.study), filled.shown()["trials"][1]["note"]["body"]]
    blocks = [block for note in notes for block in note.split("```") if "sedn export " in block]
    assert len(blocks) == 2
    for number, block in enumerate(blocks):
        # A shell takes the backslash and the line end after it away.
        words = shlex.split(block.removeprefix("text").replace("\\\n", ""))[1:]
        words[words.index("-o") + 1] = str(tmp_path / f"{number}.yaml")
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
    assert "learning_rate: 0.001" in (tmp_path / "1.yaml").read_text()


def test_publishing_again_changes_no_row(rows: Rows) -> None:
    rows.fill()
    rows.publish()
    before = rows.tables()
    rows.publish()
    assert rows.tables() == before
    again = rows.fresh()
    assert not again.publish_trials()
    assert not again.publish_study()
    assert rows.tables() == before


def test_what_is_new_is_published_and_nothing_else(filled: Rows) -> None:
    before = filled.tables()
    number = filled.add(0.9)
    filled.publish()
    shown = filled.shown()
    assert "Trial 5 leads" in shown["note"]["body"]
    assert shown["trials"][number]["note"]["version"] == 1
    assert [trial["note"]["version"] for trial in shown["trials"][:4]] == [1, 1, 1, 1]
    after = filled.tables()["trial_user_attributes"]
    assert [row for row in after if row[0] <= 5] == before["trial_user_attributes"]


def test_trials_that_ended_before_the_baseline_get_the_difference_to_it(tmp_path: Path) -> None:
    made = Rows(open_store(f"sqlite:///{tmp_path}/sedn.db", create=True))
    made.add(0.6, TrialState.RUNNING)
    made.add(0.8)
    made.publish()
    assert "difference to the baseline" not in attributes(made.shown()["trials"][1])
    from tests.search.dashboard.published import label_aucs

    made.store.finish_trial(made.experiment_id, 0, TrialState.COMPLETE, None, label_aucs(0.6))
    made.publish()
    assert attributes(made.shown()["trials"][1])["difference to the baseline"] == "0.2"


def test_a_trial_that_failed_tells_its_cause_and_its_last_lines(tmp_path: Path) -> None:
    made = Rows(open_store(f"sqlite:///{tmp_path}/sedn.db", create=True))
    long = "x" * 300
    reason = "\n".join(["OSError: no", *(f"line {i}" for i in range(50)), long])
    made.add(None, TrialState.FAILED, reason=reason)
    made.publish()
    note = made.shown()["trials"][0]["note"]["body"]
    assert "the last 20 of 52 lines" in note
    assert "line 49" in note
    assert "line 20" not in note
    assert max(map(len, note.splitlines())) <= max(MOST_OF_LINE, 130)
    assert "No trial has been trained to its last epoch yet." in get_note(made.study)


def test_what_users_wrote_is_text(filled: Rows) -> None:
    shown = filled.shown()
    bodies = [shown["note"]["body"], *(trial["note"]["body"] for trial in shown["trials"])]
    for body in bodies:
        outside = re.sub(r"(?ms)^(`{3,})text\n.*?^\1$", "", body)
        assert "<" not in outside
        assert "](" not in outside, "no link"
    failed = shown["trials"][3]["note"]["body"]
    inside = re.search(r"(?ms)^(`{3,})text\n(.*?)\n\1$", failed)
    assert inside
    assert inside[2] == REASON
    for plot in shown["plotly_graph_objects"]:
        assert "<img" not in plot["graph_object"]


def test_a_note_of_a_person_stays(filled: Rows) -> None:
    trial = filled.study.get_trials()[1]
    save_note(filled.study, "mine")
    of_trial = optuna.Trial(filled.study, trial._trial_id)
    save_note(of_trial, "looks wrong to me")
    filled.add(0.95)
    filled.publish()
    filled.fresh().publish_trials()
    shown = filled.shown()
    assert shown["note"]["body"] == "mine"
    assert shown["trials"][1]["note"]["body"] == "looks wrong to me"
    assert shown["trials"][5]["note"]["body"]


def test_an_artifact_that_a_person_deleted_is_not_given_again(filled: Rows) -> None:
    key = next(k for k in filled.storage.get_study_system_attrs(1) if k.startswith("artifacts:"))
    filled.storage.set_study_system_attr(1, key, "null")
    filled.add(0.95)
    filled.publish()
    assert not filled.shown()["artifacts"]


def test_a_study_that_was_made_again_gets_everything(filled: Rows) -> None:
    before = filled.shown()
    optuna.delete_study(study_name="rows", storage=filled.storage)
    filled.publish()
    filled.study = optuna.create_study(
        study_name="rows", storage=filled.storage, direction="maximize"
    )
    for state in ("COMPLETE", "COMPLETE", "PRUNED", "FAIL", "RUNNING"):
        of_optuna = optuna.trial.TrialState[state]
        value = 0.5 if state == "COMPLETE" else None
        filled.study.add_trial(optuna.trial.create_trial(state=of_optuna, value=value))
    filled.publish()
    after = filled.shown()
    assert after["note"]["body"] == before["note"]["body"]
    for one, other in zip(after["trials"], before["trials"], strict=True):
        assert one["note"]["body"] == other["note"]["body"]
        assert attributes(one) == attributes(other)
        assert one["artifacts"] == other["artifacts"]


def test_of_many_trials_the_best_and_the_newest_have_notes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, number in (("BEST", 2), ("NEWEST", 3), ("FAILED", 1), ("AT_ONCE", 4)):
        monkeypatch.setattr(publishing, name, number)
    made = Rows(open_store(f"sqlite:///{tmp_path}/sedn.db", create=True))
    aucs = [0.7, 0.9, 0.8, 0.5, None, 0.5, 0.5, 0.5, 0.5]
    for auc in aucs:
        made.add(auc, TrialState.FAILED if auc is None else TrialState.COMPLETE)
        made.publish()
        keys = made.storage.get_study_system_attrs(1)
        assert sum(key.endswith(":note_ver") for key in keys) <= 2 + 3 + 1 + 1
    shown = made.shown()["trials"]
    assert [trial["number"] for trial in shown if trial["note"]["body"]] == [1, 2, 4, 6, 7, 8]
    assert all(trial["user_attrs"] for trial in shown)
    kept = {key.split(":")[1] for key in keys if re.match(r"dashboard:\d+:note", key)}
    assert len(kept) == 6, "the notes of the others left nothing"


@pytest.mark.parametrize("trials", [0, 1, 60, 2500, 2501, 5000, 10_000, 40_000])
def test_notes_times_trials_are_bounded(trials: int) -> None:
    """For each trial that it shows the dashboard looks through all notes."""
    states = (TrialState.FAILED, *4 * (TrialState.COMPLETE,))
    endings = {n: Ending(states[n % 5], 3, 0.5 + n % 977 / 2000) for n in range(trials)}
    chosen = with_notes(endings)
    assert len(chosen) == len(set(chosen))
    assert len(chosen) * trials <= 200 * 2500
    assert len(chosen) >= min(trials / 2, 10), "the best and the newest have some"


def test_of_many_trials_the_later_have_few_attributes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_note, "MOST_WITH_ALL", 2)
    made = Rows(open_store(f"sqlite:///{tmp_path}/sedn.db", create=True))
    for auc in (0.7, 0.8, 0.9):
        made.add(auc)
    made.add(0.6, TrialState.PRUNED)
    made.publish()
    _, early, late, stopped = map(attributes, made.shown()["trials"])
    assert late.keys() < early.keys()
    assert late == {"difference to the baseline": "0.2"}
    assert stopped.keys() == {"outcome"}


def test_a_trial_that_went_on_loses_what_was_said_of_its_stop(tmp_path: Path) -> None:
    made = Rows(open_store(f"sqlite:///{tmp_path}/sedn.db", create=True))
    made.add(0.7)
    made.add(0.6, TrialState.PRUNED)
    made.store.reopen_trial(made.experiment_id, 1)
    made.store.finish_trial(made.experiment_id, 1, TrialState.PRUNED, "too slow", cause="time")
    made.publish()
    assert attributes(made.shown()["trials"][1])["cause"] == "time"
    made.store.reopen_trial(made.experiment_id, 1)
    from tests.search.dashboard.published import label_aucs

    made.store.finish_trial(made.experiment_id, 1, TrialState.COMPLETE, None, label_aucs(0.8))
    made.publish()
    shown = made.shown()["trials"][1]
    assert "cause" not in attributes(shown)
    assert attributes(shown)["outcome"] == "trained to its last epoch"
    assert shown["note"]["body"].startswith("# Trial 1: complete")


def test_an_experiment_without_a_study_is_passed_over(tmp_path: Path) -> None:
    made = Rows(open_store(f"sqlite:///{tmp_path}/sedn.db", create=True))
    made.fill()
    optuna.delete_study(study_name="rows", storage=made.storage)
    made.publish()
    assert made.fresh().publish_trials() == 0


COMMANDS = {
    "note": (["note", "rows", "look at the shadows"], "rows"),
    "rename": (["rename", "rows", "spring"], "spring"),
    "relocate": (["store", "relocate", "rows", "{moved}"], "rows"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_command_changes_stands_in_the_note_at_once(
    name: str, filled: Rows, tmp_path: Path
) -> None:
    words, shown_as = COMMANDS[name]
    folder = filled.store.experiment("rows").folder
    (tmp_path / "moved" / folder).mkdir(parents=True)
    before = filled.shown()["note"]["body"]
    if name == "relocate":
        # As if the files of scores had not been found before they were moved.
        filled.add(0.75)
    given = [word.format(moved=tmp_path / "moved") for word in words]
    done = CliRunner().invoke(app, [*given, "--store", filled.store.url])
    assert done.exit_code == 0, done.output
    after = filled.shown()["note"]["body"]
    assert after != before
    assert after == study_note(read_findings(filled.store, shown_as))


def test_a_reading_of_the_test_split_is_counted_in_all_notes_that_tell_of_it(
    filled: Rows,
) -> None:
    store = filled.store
    trials = [store.known_trial(filled.experiment_id, number) for number in (0, 1)]
    score = Score(0.8, 0.7, 0.9, 0.9, 0.1, 0.05, 0.15)
    plain = Confirmed("baseline", "a" * 16, (0,), replace(score, gain=None), score)
    confirmed = [plain, Confirmed("trial 1", "b" * 16, (1,), score, score)]
    first = store.begin_test_read(filled.experiment_id, CONFIRM, trials)
    found = {"experiment": filled.experiment_id, "confirmed": [one.to_json() for one in confirmed]}
    store.end_test_read(first.id, found)
    filled.publish()
    assert "Test read 1 time." in filled.shown()["note"]["body"]
    other = new_experiment(store, "other")
    second = store.begin_test_read(other, "combine", trials)
    store.end_test_read(second.id, {"kind": "ensemble"})
    publish_reading(store, "other", pytest.fail)
    assert "Test read 2 times." in filled.shown()["note"]["body"]


def test_a_note_on_an_experiment_without_a_study_makes_none(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/sedn.db", create=True)
    new_experiment(store)
    done = CliRunner().invoke(app, ["note", "rows", "imported", "--store", store.url])
    assert done.exit_code == 0, done.output
    assert not inspect(store.engine).has_table("studies")
