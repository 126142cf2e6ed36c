"""Where trials stand that were stopped early: beside the ranking, with their value and reason."""

import io
from collections.abc import Sequence
from itertools import count

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from results.database.models import TrialState
from results.database.store import Store, open_store
from results.ranking.leaders import order_experiment, rank
from results.ranking.stopped import (
    COLUMNS,
    MOST_LINES,
    read_stopped,
    stopped_early,
    stopped_lines,
)
from results.report.contents import read_findings
from results.report.page import render_report
from search.cli.console import Terminal
from search.cli.tables import stopped_table
from sedn.training.result import EpochResult
from tests.results.rows import add_trial, build_config, columns_of, new_experiment, new_trial

NAMES = count()
aucs = st.floats(0.01, 0.99)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return open_store(f"sqlite:///{tmp_path_factory.mktemp('store')}/sedn.db", create=True)


def add_stopped(
    store: Store,
    experiment: int,
    number: int,
    curve: Sequence[float],
    *,
    cause: str | None = None,
    reason: str | None = None,
) -> None:
    """A trial of ten epochs that was stopped after those of its curve."""
    config = build_config({"epochs": 10, "batch_size": number + 1}, "test")
    store.add_trial(new_trial(experiment, number, config, "sampled"))
    for epoch, auc in enumerate(curve, 1):
        record = EpochResult(epoch, auc, 0.01, {}, {}, 0.5, 1.5, {"parameters": 10_000})
        store.record_epoch(experiment, number, record, node="here")
    store.finish_trial(experiment, number, TrialState.PRUNED, reason, cause=cause)


def look(store: Store, name: str) -> tuple[pd.DataFrame, list[str]]:
    experiment = store.experiment(name)
    ranked = order_experiment(store, experiment)
    stopped = read_stopped(store, experiment, ranked)
    frame = stopped_early(store, name, rank(store, name))
    pd.testing.assert_frame_equal(frame, stopped.frame())
    return frame, stopped_lines(stopped, ranked)


@given(st.lists(aucs, max_size=5), st.lists(st.lists(aucs, max_size=4), max_size=6))
@settings(max_examples=30, deadline=None)
def test_each_stopped_trial_is_listed_and_those_near_the_first_are_named(
    shared: Store, complete: list[float], curves: list[list[float]]
) -> None:
    name = f"experiment-{next(NAMES)}"
    experiment = new_experiment(shared, name)
    for number, auc in enumerate(complete):
        add_trial(shared, experiment, number, auc, batch_size=100 + number)
    known = {len(complete) + n: curve for n, curve in enumerate(curves)}
    for number, curve in known.items():
        add_stopped(shared, experiment, number, curve)
    ranked = rank(shared, name)
    frame, lines = look(shared, name)
    assert frame.columns.to_list() == list(COLUMNS)
    assert sorted(frame["trial"]) == [number for number, curve in known.items() if curve]
    assert frame["mean_auc"].is_monotonic_decreasing
    assert not set(frame["trial"]) & set(ranked["trial"]), "a stopped trial is not ranked"
    for row in frame.to_dict("records"):
        curve = known[row["trial"]]
        assert row["mean_auc"] == max(curve)
        assert row["best_epoch"] == curve.index(max(curve)) + 1
        assert (row["epochs"], row["target_epochs"]) == (len(curve), 10)
        assert row["low"] <= row["mean_auc"] <= row["high"]
        assert row["better"] == sum(auc > max(curve) for auc in complete)
    said = "\n".join(lines)
    assert bool(said) == (len(frame) > 0)
    top = ranked.iloc[0] if len(ranked) else None
    near = frame if top is None else frame[frame["mean_auc"] >= top["low"]]
    for number in near["trial"].head(MOST_LINES):
        assert f"trial {number}: " in said
    assert len(lines) <= MOST_LINES + 2


def test_why_a_trial_was_stopped_is_told_wherever_it_stands(store: Store) -> None:
    experiment = new_experiment(store)
    add_trial(store, experiment, 0, 0.80, role="baseline")
    add_trial(store, experiment, 1, 0.925, embedding={"placement": "input"})
    add_stopped(store, experiment, 2, [0.85, 0.918, 0.91])
    add_stopped(store, experiment, 3, [0.92], cause="time", reason="it took 70 s\nmore")
    add_stopped(store, experiment, 4, [0.5], reason="the trial could no longer become the best")
    add_trial(store, experiment, 5, None, state=TrialState.FAILED, batch_size=7)
    frame, lines = look(store, "rows")
    assert frame["trial"].to_list() == [3, 2, 4]
    assert lines[1].startswith("  trial 3: 0.9200 [")
    assert lines[1].endswith("at epoch 1 of 10, stopped after epoch 1: it took 70 s; 1 of 2 ranked"
                             " are higher")  # fmt: skip
    assert "trial 2: 0.9180 [" in lines[2]
    assert "at epoch 2 of 10, stopped by the scheduler after epoch 3; 1 of 2 ranked" in lines[2]
    assert lines[3] == "  1 more reached less; `sedn rank --stopped` lists all."
    console = Terminal(file=io.StringIO(), width=160)
    console.print(stopped_table(columns_of(frame), "rows", 2))
    page = render_report(read_findings(store, "rows"))
    for shown in (console.file.getvalue(), page):
        for told in ("0.9180", "2 of 10", "it took 70 s", "could no longer become the best"):
            assert told in shown


def test_the_scheduler_is_named_and_far_trials_take_one_line(store: Store) -> None:
    experiment = new_experiment(store)
    settings = store.experiment("rows").settings
    store.update_settings(experiment, {**settings, "scheduler": "asha"})
    add_trial(store, experiment, 0, 0.9)
    assert look(store, "rows")[1] == []
    add_stopped(store, experiment, 1, [0.4])
    frame, lines = look(store, "rows")
    assert frame["stopped_by"].to_list() == ["stopped by asha after epoch 1"]
    assert lines == [
        "1 trial was stopped early, none near the first; `sedn rank --stopped` lists them."
    ]
