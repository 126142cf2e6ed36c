"""The ranking's order, its intervals, replicates and gains."""

import io
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from results.database.models import Label, TrialState
from results.database.store import Store, open_store
from results.goals.objectives import Goals
from results.ranking.by_label import labels
from results.ranking.leaders import rank, read_ranking
from results.ranking.pooling import of_means, pool
from results.ranking.stopped import stopped_early
from results.report.contents import read_findings
from results.report.page import render_report
from search.cli.console import Terminal
from search.cli.tables import ranking_table
from sedn.config import build_config
from sedn.errors import UserError
from sedn.measures import COSTS
from sedn.metrics import mean_interval
from sedn.training.result import EpochResult
from tests.results.rows import add_trial, columns_of, new_experiment, new_trial

NAMES = count()
MANY_IMAGES = of_means(
    [Label(position=0, name="red", validation_positives=4000, validation_known=8000)]
)
"""Of so many images the quantile is the normal one."""
PLACES = ("none", "input", "stage1", "stage2", "stage3")

trials = st.lists(
    st.tuples(
        st.sampled_from(PLACES),
        st.integers(0, 3),
        st.floats(0.0, 1.0),
        st.floats(0.0, 0.2),
        st.sampled_from(list(TrialState)),
    ),
    max_size=12,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return open_store(f"sqlite:///{tmp_path_factory.mktemp('store')}/sedn.db", create=True)


def filled(store: Store, drawn: Sequence[tuple[str, int, float, float, TrialState]]) -> str:
    """A new experiment whose first trial is the baseline."""
    name = f"experiment-{next(NAMES)}"
    experiment = new_experiment(store, name)
    for number, (place, seed, auc, stderr, state) in enumerate(drawn):
        add_trial(
            store,
            experiment,
            number,
            auc,
            stderr=stderr,
            state=state,
            role="sampled" if number else "baseline",
            labels={"red": (auc, stderr), "striped": (None, None)},
            embedding={"placement": place if number else "none"},
            seed=seed,
        )
    return name


@given(trials)
@settings(max_examples=25, deadline=None)
def test_each_complete_configuration_has_one_row_and_the_best_is_first(
    shared: Store, drawn: list[Any]
) -> None:
    frame = rank(shared, filled(shared, drawn))
    places = ["none" if n == 0 else place for n, (place, *_) in enumerate(drawn)]
    complete = {
        place
        for place, (*_, state) in zip(places, drawn, strict=True)
        if state is TrialState.COMPLETE
    }
    assert len(frame) == frame["config_hash"].nunique() == len(complete)
    assert frame["rank"].to_list() == list(range(1, len(frame) + 1))
    assert frame["mean_auc"].is_monotonic_decreasing
    for row in frame.to_dict("records"):
        assert drawn[row["trial"]][-1] is TrialState.COMPLETE
        if "embedding.placement" in frame:
            assert row["embedding.placement"] == places[row["trial"]]


@given(trials)
@settings(max_examples=25, deadline=None)
def test_intervals_cover_the_mean_and_gains_are_relative_to_the_baseline(
    shared: Store, drawn: list[Any]
) -> None:
    frame = rank(shared, filled(shared, drawn))
    assert (frame["low"] <= frame["mean_auc"]).all()
    assert (frame["mean_auc"] <= frame["high"]).all()
    assert frame["low"].between(0, 1).all()
    assert frame["high"].between(0, 1).all()
    plain = frame.loc[frame["role"] == "baseline", "mean_auc"]
    if drawn and drawn[0][-1] is TrialState.COMPLETE and plain.iloc[0] > 0:
        expected = frame["mean_auc"] / plain.iloc[0] - 1.0
        # Over a baseline next to nothing it is beyond what a float holds, and not told.
        finite = expected.where(expected < float("inf"))
        assert frame["gain"].to_list() == pytest.approx(finite.to_list(), nan_ok=True)
    elif plain.empty:
        assert frame["gain"].isna().all()


@given(st.floats(0.0, 1.0), st.just(0.0) | st.floats(1e-6, 0.3))
@settings(max_examples=30, deadline=None)
def test_one_training_has_the_interval_of_its_images(auc: float, stderr: float) -> None:
    frame = pd.DataFrame({"name": ["a"], "seed": [0], "auc": [auc], "stderr": [stderr]})
    row = pool(columns_of(frame), ["name"], MANY_IMAGES).records()[0]
    assert row["replicates"] == 1
    assert row["auc"] == auc
    assert 0 <= row["low"] <= auc <= row["high"] <= 1
    assert [row["low"], row["high"]] == pytest.approx(MANY_IMAGES(frame)[0], abs=1e-9)
    assert row["high"] - row["low"] > 0


replicates = st.lists(st.tuples(st.floats(0.4, 0.6), st.floats(1e-4, 0.02)), min_size=2, max_size=6)


@given(replicates)
@settings(max_examples=60, deadline=None)
def test_replicates_are_averaged_and_both_errors_counted(seeds: list[tuple[float, float]]) -> None:
    aucs, errors = np.array(seeds).T
    frame = pd.DataFrame({"name": "a", "seed": range(len(seeds)), "auc": aucs, "stderr": errors})
    row = pool(columns_of(frame), ["name"], MANY_IMAGES).records()[0]
    n = len(seeds)
    of_seeds = student.ppf(0.975, n - 1) * aucs.std(ddof=1) / math.sqrt(n)
    low, high = MANY_IMAGES(pd.DataFrame({"auc": [aucs.mean()], "stderr": [errors.mean()]}))[0]
    below = math.hypot(aucs.mean() - low, of_seeds)
    above = math.hypot(high - aucs.mean(), of_seeds)
    assert row["replicates"] == n
    assert row["auc"] == pytest.approx(aucs.mean())
    assert row["low"] == pytest.approx(max(0.0, aucs.mean() - below), abs=1e-6)
    assert row["high"] == pytest.approx(min(1.0, aucs.mean() + above), abs=1e-6)
    assert row["high"] - row["low"] >= high - low - 1e-12


@pytest.mark.parametrize(
    ("seeds", "spread"),
    [(1, 0.0), *((seeds, spread) for seeds in (2, 3, 5) for spread in (0.0, 0.5, 2.0, 5.0))],
)
def test_intervals_cover_the_truth_as_often_as_they_say(seeds: int, spread: float) -> None:
    """Replicates share the error of their images, and have one of their own.

    A single training cannot know of the second, so it is tried without.
    """
    random = np.random.default_rng(seeds)
    configurations, truth, error = 20_000, 0.7, 0.01
    of_images = random.normal(0.0, error, (configurations, 1))
    of_seeds = random.normal(0.0, error * spread, (configurations, seeds))
    frame = pd.DataFrame(
        {
            "name": np.repeat(np.arange(configurations), seeds),
            "seed": np.tile(np.arange(seeds), configurations),
            "auc": (truth + of_images + of_seeds).ravel(),
            "stderr": error,
        }
    )
    pooled = pool(columns_of(frame), ["name"], MANY_IMAGES)
    covered = ((pooled["low"] <= truth) & (truth <= pooled["high"])).mean()
    assert covered >= 0.945
    # Few seeds ask for a wide interval, but not for a useless one.
    assert covered <= 0.995


def test_the_same_seed_twice_is_no_replicate(store: Store) -> None:
    experiment = new_experiment(store)
    add_trial(store, experiment, 0, 0.70, role="baseline")
    add_trial(store, experiment, 1, 0.72)
    frame = rank(store, "rows")
    assert len(frame) == 1
    row = frame.iloc[0]
    assert (row["replicates"], row["trial"], row["role"]) == (1, 0, "baseline")
    assert row["mean_auc"] == pytest.approx(0.71)
    # The interval of one training with this error, not of two.
    ends = mean_interval(0.71, 0.01, [8], [32])
    assert [row["low"], row["high"]] == pytest.approx(ends)


def test_what_was_sampled_is_told_beside_what_it_came_to(store: Store) -> None:
    experiment = new_experiment(store)
    add_trial(store, experiment, 0, 0.70, role="baseline")
    for number, (sampled, ratio) in enumerate(((8, 3), (16, 16)), 1):
        add_trial(
            store,
            experiment,
            number,
            0.8 + number / 100,
            params={
                "embedding.placement": "stage1",
                "attention.kind": "se",
                "attention.reduction_ratio": sampled,
            },
            embedding={"placement": "stage1"},
            attention={"kind": "se", "reduction_ratio": ratio},
        )
    # A crop has no fusion: the one that was sampled for it tells nothing.
    crop = {"embedding.placement": "crop", "embedding.fusion": "concat"}
    add_trial(store, experiment, 3, 0.75, params=crop, embedding={"placement": "crop"})
    frame = rank(store, "rows").set_index("trial")
    assert frame.loc[1, "attention.reduction_ratio"] == 3
    assert frame.loc[1, "attention.reduction_ratio as sampled"] == 8
    assert frame.loc[2, "attention.reduction_ratio as sampled"] is None
    assert "embedding.fusion as sampled" not in frame.columns
    table = ranking_table(read_ranking(store, store.experiment("rows")), "rows", Goals.of({}))
    console = Terminal(file=io.StringIO(), width=200)
    console.print(table)
    said = console.file.getvalue()
    assert "reduction ratio 3 (sampled 8)" in said
    assert said.count("sampled") == 1
    page = render_report(read_findings(store, "rows"))
    assert "3 (sampled 8)" in page


@pytest.mark.parametrize("objectives", [("auc",), ("auc", "latency"), ("auc", "latency", "memory")])
def test_eighty_columns_cut_nothing_off(store: Store, objectives: tuple[str, ...]) -> None:
    experiment = new_experiment(store)
    name = "maxvit_rmlp_tiny_rw_256.sw_in1k"
    add_trial(store, experiment, 0, 0.70, role="baseline")
    add_trial(
        store,
        experiment,
        1,
        0.90,
        backbone={"name": name},
        embedding={"placement": "stage1+stage2+stage3+stage4"},
    )
    goals = Goals.of({"objective": objectives})
    console = Terminal(file=io.StringIO(), width=80)
    console.print(ranking_table(read_ranking(store, store.experiment("rows")), "rows", goals))
    said = console.file.getvalue()
    assert "…" not in said
    assert "configuration" in said or len(objectives) > 2


def test_columns_are_what_varies_between_what_is_known_of_all(store: Store) -> None:
    experiment = new_experiment(store)
    se = {"kind": "se", "reduction_ratio": 8}
    add_trial(store, experiment, 0, 0.70, role="baseline")
    add_trial(store, experiment, 1, 0.90, embedding={"placement": "stage1"}, attention=se)
    add_trial(store, experiment, 2, 0.80, embedding={"placement": "stage1", "fusion": "add"})
    add_trial(store, experiment, 3, 0.75, embedding={"placement": "stage1"}, attention=se, seed=1)
    frame = rank(store, "rows")
    assert frame.columns.to_list() == [
        *("rank", "trial", "role", "mean_auc", "low", "high", "gain"),
        *("embedding.placement", "embedding.fusion", "attention.kind"),
        "attention.reduction_ratio",
        *("feasible", "pareto", "worst_auc"),
        *("replicates", "epochs", "seconds", *COSTS, "config_hash"),
        *("tied", "better", "expected", "expected_low", "expected_high"),
    ]
    first, second, third = frame.to_dict("records")
    assert (first["trial"], first["replicates"]) == (1, 2)
    assert first["mean_auc"] == pytest.approx(0.825)
    assert first["attention.reduction_ratio"] == 8
    assert second["embedding.fusion"] == "add"
    assert second["attention.reduction_ratio"] is None, "there is no attention to reduce"
    assert third["role"] == "baseline"
    assert third["embedding.placement"] == "none"
    assert third["embedding.fusion"] is None, "there is no place to fuse at"
    assert first["gain"] == pytest.approx(0.825 / 0.7 - 1)
    assert (first["epochs"], first["seconds"], first["parameters"]) == (2, 3.0, 10_001)


def test_a_configuration_of_another_version_is_ranked_all_the_same(store: Store) -> None:
    experiment = new_experiment(store)
    add_trial(store, experiment, 0, 0.7, role="baseline")
    later = {"embedding": {"placement": "input", "twist": 3}, "epochs": 2}
    plain = new_trial(experiment, 1, build_config({"epochs": 2}, "test"), "sampled")
    store.add_trial(replace(plain, config=later, config_hash="later"))
    store.record_epoch(experiment, 1, EpochResult(2, 0.8, 0.01, {}, {}, 0.5, 1.5, {}), node=None)
    store.finish_trial(experiment, 1, TrialState.COMPLETE)
    frame = rank(store, "rows")
    assert frame["trial"].to_list() == [1, 0]
    assert frame["embedding.twist"].to_list() == [3, None]


def test_nothing_complete_is_an_empty_ranking(store: Store) -> None:
    experiment = new_experiment(store)
    assert rank(store, "rows").empty
    add_trial(store, experiment, 0, 0.7, role="baseline", state=TrialState.RUNNING)
    add_trial(store, experiment, 1, 0.8, state=TrialState.PRUNED)
    frame = rank(store, "rows")
    assert frame.empty
    assert frame.columns.to_list()[:4] == ["rank", "trial", "role", "mean_auc"]
    with pytest.raises(UserError, match="no experiment"):
        rank(store, "other")


def test_gain_is_unknown_until_the_baseline_is_trained(store: Store) -> None:
    experiment = new_experiment(store)
    add_trial(store, experiment, 0, 0.6, role="baseline", state=TrialState.PRUNED)
    add_trial(store, experiment, 1, 0.8, embedding={"placement": "input"})
    assert math.isnan(rank(store, "rows")["gain"].iloc[0])
    assert labels(store, "rows")["gain"].isna().all()


aucs_by_label = st.lists(
    st.tuples(*(st.none() | st.floats(0.01, 1.0) for _ in range(3))), min_size=1, max_size=6
)


@given(aucs_by_label)
@settings(max_examples=25, deadline=None)
def test_each_label_names_the_configuration_that_is_best_for_it(
    shared: Store, drawn: list[tuple[float | None, ...]]
) -> None:
    name = f"experiment-{next(NAMES)}"
    experiment = new_experiment(shared, name, labels=["a", "b", "c"])
    for number, aucs in enumerate(drawn):
        add_trial(
            shared,
            experiment,
            number,
            0.5,
            role="sampled" if number else "baseline",
            labels={label: (auc, 0.02) for label, auc in zip("abc", aucs, strict=True)},
            batch_size=number + 1,
        )
    frame = labels(shared, name)
    assert frame.columns.to_list() == [
        *("label", "prevalence", "positives", "trial"),
        *("auc", "low", "high", "baseline", "gain"),
    ]
    assert frame["label"].to_list() == ["a", "b", "c"]
    assert frame["prevalence"].to_list() == [0.2] * 3
    assert frame["positives"].to_list() == [8] * 3
    for position, row in enumerate(frame.to_dict("records")):
        known = {n: aucs[position] for n, aucs in enumerate(drawn) if aucs[position] is not None}
        if not known:
            assert row["trial"] is None
            assert all(math.isnan(row[c]) for c in ("auc", "low", "high", "gain"))
            continue
        assert row["auc"] == max(known.values())
        assert row["trial"] == min(n for n, auc in known.items() if auc == row["auc"])
        assert row["low"] <= row["auc"] <= row["high"]
        if 0 in known:
            assert row["baseline"] == known[0]
            assert row["gain"] == pytest.approx(row["auc"] / known[0] - 1)
        else:
            assert math.isnan(row["baseline"])


def test_a_label_with_a_single_positive_has_no_interval(store: Store) -> None:
    experiment = new_experiment(store)
    add_trial(store, experiment, 0, 0.7, role="baseline", labels={"red": (0.9, None)})
    row = labels(store, "rows").iloc[0]
    assert row["auc"] == 0.9
    assert math.isnan(row["low"])
    assert math.isnan(row["high"])


def test_frames_are_written_as_json(store: Store) -> None:
    experiment = new_experiment(store)
    values = {"red": (0.7, 0.1), "striped": (None, None)}
    add_trial(store, experiment, 0, 0.7, role="baseline", labels=values)
    add_trial(store, experiment, 1, 0.8, embedding={"placement": "stem", "fusion": "add"})
    ranked = json.loads(rank(store, "rows").to_json(orient="records"))
    assert [row["embedding.fusion"] for row in ranked] == ["add", None]
    assert [row["parameters"] for row in ranked] == [10_001, 10_000]
    by_label = json.loads(labels(store, "rows").to_json(orient="records"))
    assert [row["trial"] for row in by_label] == [0, None]
    assert [row["auc"] for row in by_label] == [0.7, None]


@pytest.mark.parametrize("top", [0, -1])
def test_a_number_of_rows_below_one_is_refused(store: Store, top: int) -> None:
    add_trial(store, new_experiment(store), 0, 0.7, role="baseline")
    for read in (
        lambda: rank(store, "rows", top),
        lambda: stopped_early(store, "rows", rank(store, "rows"), top),
    ):
        with pytest.raises(UserError, match=f"`top={top}`: is not greater than or equal to 1"):
            read()
