"""What the sections of the page say: the answer, the time, the grid of placements, the origin."""

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from results import versions
from results.database.models import Epoch, Experiment, Trial, TrialState
from results.database.scanning.trials import TrialTimes
from results.database.store import Store
from results.report.answer import answer_section
from results.report.calibration import calibration_section
from results.report.contents import read_findings
from results.report.errors import errors_section
from results.report.grid import placement_grid
from results.report.origin import origin_section
from results.report.page import ANCHORS, read_report, render_report
from results.report.time_spent import seconds_idle, spent_by, time_section
from results.versions import with_versions
from sedn.errors import UserError
from tests.pages import figures_of, trials_of
from tests.results.rows import add_trial, new_experiment
from tests.results.scored import add_baseline, add_scored, split_of

LABELS = {"red": (0.7, 0.02)}


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.fixture
def searched(store: Store) -> int:
    experiment = new_experiment(store, "rows", ["red"])
    add_trial(store, experiment, 0, 0.7, role="baseline", labels=LABELS)
    for number, (auc, place, fusion) in enumerate(
        ((0.8, "stage1", "gate"), (0.9, "stage1", "add"), (0.6, "stage2", "gate")), 1
    ):
        add_trial(
            store, experiment, number, auc, labels=LABELS,
            embedding={"placement": place, "fusion": fusion},
        )  # fmt: skip
    add_trial(store, experiment, 4, 0.5, state=TrialState.PRUNED)
    return experiment


def test_the_answer_names_the_first_its_parameters_and_what_comes_next(
    store: Store, searched: int
) -> None:
    said = words(answer_section(read_findings(store, "rows")))
    assert "Trial 2 leads, with mean AUC 0.9000" in said
    assert "placement stage1, fusion add" in said
    assert "Use the configuration of rank 1" not in said, "it is not shown to be better"
    assert "sedn confirm rows" in said
    assert "sedn export rows --rank 1 -o rows.yaml" in said


def test_without_a_complete_trial_there_is_no_answer(store: Store) -> None:
    new_experiment(store, "rows", ["red"])
    said = words(answer_section(read_findings(store, "rows")))
    assert "there is no answer yet" in said
    assert "sedn status rows" in said


BEGUN = datetime(2026, 11, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGUN + timedelta(seconds=seconds)


def test_the_time_is_that_of_epochs_and_what_is_before_between_and_after(
    store: Store, searched: int
) -> None:
    with store.sessions.begin() as session:
        for row in session.query(Trial).all():
            of_row = update(Trial).where(Trial.id == row.id)
            took = 20.0 * row.epochs
            session.execute(of_row.values(started_at=at(0), ended_at=at(100), seconds=took))
            for epoch in session.query(Epoch).where(Epoch.trial_id == row.id):
                epoch.seconds, epoch.recorded_at = 20.0, at(30 if epoch.epoch == 1 else 90)
    said = words(time_section(read_findings(store, "rows")))
    assert "were trained to the end 4 2 min 40 s 40 s 2 min 40 s 40 s 80%" in said
    assert "were stopped early 1 20 s 10 s 0 s 1 min 10 s 20%" in said
    assert "From the first start to the last end 1 min 40 s; in 0 s of that no trial" in said


moments = st.lists(st.floats(0, 1e5), min_size=4, max_size=4).map(sorted)


@given(moments, st.floats(0, 1), st.floats(0, 1))
def test_the_parts_of_a_trial_are_its_whole_time(
    when: list[float], of_first: float, of_rest: float
) -> None:
    started, first, last, ended = when
    first_seconds = of_first * (first - started)
    trained = first_seconds + of_rest * (last - first)
    spent = spent_by(
        TrialTimes(
            TrialState.COMPLETE, at(started), at(ended), trained, None, first_seconds, at(first),
            at(last),
        )
    )  # fmt: skip
    assert spent.all == pytest.approx(ended - started, abs=1e-3)
    assert min(spent.training, spent.before, spent.between, spent.after) >= 0
    assert spent.after == pytest.approx(ended - last, abs=1e-3)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), min_size=1, max_size=9))
def test_no_trial_is_under_way_in_what_is_idle(spans: list[tuple[int, int]]) -> None:
    times = [
        TrialTimes(TrialState.FAILED, at(start), at(start + took), 0.0, None, None, None, None)
        for start, took in spans
    ]
    busy = {second for start, took in spans for second in range(start, start + took)}
    whole = max(start + took for start, took in spans) - min(start for start, _ in spans)
    assert seconds_idle(times, at(0)) == whole - len(busy)


def test_the_grid_has_the_mean_of_each_combination(store: Store, searched: int) -> None:
    add_trial(
        store, searched, 5, 0.7, labels=LABELS, seed=9,
        embedding={"placement": "stage1", "fusion": "gate"},
    )  # fmt: skip
    figure = placement_grid(read_findings(store, "rows"))
    assert figure is not None
    rows, columns = figure.layout.yaxis.ticktext, figure.layout.xaxis.ticktext
    means = {
        (row, column): figure.data[0].z[i][j]
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
    }
    assert means["stage1", "fusion gate"] == pytest.approx(0.75)
    assert means["stage1", "fusion add"] == pytest.approx(0.9)
    assert means["stage2", "fusion gate"] == pytest.approx(0.6)
    assert means["stage2", "fusion add"] != means["stage2", "fusion add"], "was not tried"
    assert rows.index("stage1") < rows.index("stage2"), "the highest first"


def test_the_origin_names_data_and_the_versions_that_searched(
    store: Store, searched: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = read_findings(store, "rows")
    said = words(origin_section(findings))
    assert findings.experiment.data_fingerprint in said
    assert "versions of the search not recorded" in said, "those of this machine are others"
    settings = {"trials": 9}
    for torch in ("2.8.1", "2.8.1", "2.9.0"):
        monkeypatch.setattr(versions, "installed", lambda torch=torch: {"torch": torch})
        settings = with_versions({"trials": 9}, settings)
    store.update_settings(searched, settings)
    said = words(origin_section(read_findings(store, "rows")))
    assert "versions of the search torch 2.8.1; later torch 2.9.0" in said
    assert "versions:" not in said, "they are no setting"


def test_the_navigation_has_every_section(store: Store, searched: int) -> None:
    html = render_report(read_findings(store, "rows"))
    for anchor in ANCHORS:
        assert html.count(f'href="#{anchor}"') == 1
        assert html.count(f'<section id="{anchor}"') == 1


def test_the_table_of_trials_says_why_a_trial_is_not_complete(store: Store, searched: int) -> None:
    rows = trials_of(render_report(read_findings(store, "rows")))
    assert [row["trial"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert rows[0]["state"] == "complete, baseline"
    assert rows[1]["embedding.placement"] == "stage1"
    assert rows[4]["why it is not complete"].startswith("stopped")


def test_what_was_sampled_stands_beside_what_it_came_to(store: Store, searched: int) -> None:
    add_trial(
        store, searched, 5, 0.7, labels=LABELS,
        embedding={"placement": "stage3+stage4", "fusion": "gate"},
        params={"embedding.placement": "last2"},
    )  # fmt: skip
    html = render_report(read_findings(store, "rows"))
    assert trials_of(html)[5]["embedding.placement"] == "stage3+stage4 (sampled last2)"
    assert "stage3+stage4 (sampled last2)" in words(html), "in the ranking too"


def test_calibration_of_the_first_and_the_baseline(store: Store, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    targets = (generator.random((200, 2)) < 0.4).astype(float)
    targets[:5, 1] = np.nan
    split = split_of(targets)
    experiment = new_experiment(store, "rows", ["label 0", "label 1"])
    signal = np.nan_to_num(targets) * 2 - 1
    add_baseline(store, experiment, split, signal + generator.normal(0, 2, (200, 2)), tmp_path)
    scores = signal * 2 + generator.normal(0, 1, (200, 2))
    add_scored(store, experiment, 1, split, scores, tmp_path, batch_size=8)
    findings = read_findings(store, "rows")
    assert [(one.title, one.trial) for one in findings.scored] == [("rank 1", 1), ("baseline", 0)]
    html = calibration_section(findings.scored, findings.not_scored)
    said = words(html)
    assert "Expected calibration error: rank 1" in said


def test_scores_that_are_gone_are_said(store: Store, tmp_path: Path) -> None:
    split = split_of(np.tile([[1.0], [0.0]], (20, 1)))
    experiment = new_experiment(store, "rows", ["label 0"])
    scores = np.random.default_rng(0).normal(0, 1, (40, 1))
    add_baseline(store, experiment, split, scores, tmp_path)
    shutil.rmtree(tmp_path / "scored")
    findings = read_findings(store, "rows")
    assert not findings.scored
    for html in (
        calibration_section(findings.scored, findings.not_scored),
        errors_section(findings),
    ):
        assert "Not known: trial 0: its predictions are not at" in words(html)


def test_experiments_stand_side_by_side(store: Store, searched: int) -> None:
    other = new_experiment(store, "other <i>", ["red"])
    add_trial(store, other, 0, 0.65, role="baseline", labels=LABELS)
    add_trial(store, other, 1, 0.85, labels=LABELS, batch_size=8)
    new_experiment(store, "empty", ["red"])
    report = read_report(store, "rows", ["other <i>", "empty", "rows"])
    section = report.parts["experiments"]
    assert list(report.parts)[:3] == ["header", "answer", "experiments"]
    assert 'href="#experiments"' in report.parts["header"]
    said = words(section)
    assert section.count('<td class="broken">other &lt;i&gt;</td>') == 1
    assert "small 2 of 9 0.8500" in said
    assert "+30.8%" in said
    assert "empty small 0 of 9 – – –" in said
    traces = figures_of(section)["experiments"]
    assert [trace["name"] for trace in traces] == ["rows", "other &lt;i&gt;"]
    assert traces[0]["y"] == [0.7, 0.8, 0.9, 0.9]
    assert "cannot be compared" not in said
    assert "experiments" not in read_report(store, "rows").parts
    with pytest.raises(UserError, match="no experiment 'none'"):
        read_report(store, "rows", ["none"])


def test_other_data_are_said_beside_each_other(store: Store, searched: int) -> None:
    other = new_experiment(store, "other", ["red"])
    with store.sessions.begin() as session:
        of_other = update(Experiment).where(Experiment.id == other)
        session.execute(of_other.values(data_fingerprint="e" * 16))
    assert "cannot be compared" in read_report(store, "rows", ["other"]).parts["experiments"]
