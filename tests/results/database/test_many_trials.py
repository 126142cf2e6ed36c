"""What is read column by column is what whole rows tell: ranking, labels, status and stopped."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from threading import Event
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from results.database.field_values import MOST_VALUES, with_configs
from results.database.models import BASELINE, Trial, TrialState
from results.database.store import Store
from results.database.writing.trials import NewTrial
from results.goals.objectives import Goals
from results.ranking.by_label import labels
from results.ranking.leaders import rank
from results.ranking.standing import COLUMNS
from results.ranking.stopped import stopped_early
from results.varied import AS_SAMPLED, varied_parameters
from search.progress import Ended, Tally
from sedn.config import build_config
from sedn.training.result import EpochResult
from tests.results.rows import new_experiment, new_trial
from tests.results.slow_ranking import slow_labels, slow_rank, slow_varied

NAMES = count()
LABELS = ("rouge", "žluť", "赤")
MOST_TRIALS = 9

# Sums of these are exact in any order, so that equal means are equal whoever adds them up.
dyadic = st.integers(0, 8).map(lambda eighths: eighths / 8)
drawn_trials = st.lists(
    st.fixed_dictionaries(
        {
            "placement": st.sampled_from(["none", "input", "stage1", "last2", "crop"]),
            "kind": st.sampled_from(["none", "se"]),
            "ratio": st.sampled_from([3, 4, 8, 16]),
            "sampled_ratio": st.sampled_from([None, 3, 4, 8, 16]),
            "rate": st.sampled_from([1e-3, 1e-2, 1.0]),
            "seed": st.integers(0, 2),
            "state": st.sampled_from([*3 * [TrialState.COMPLETE], *TrialState]),
            "curve": st.lists(dyadic, min_size=0, max_size=3),
            "stderr": st.sampled_from([0.01, 0.02, math.nan]),
            "by_label": st.tuples(*(st.none() | dyadic for _ in LABELS)),
            "latency": st.none() | st.sampled_from([1.0, 2.0, 4.0]),
            "answers": st.booleans(),
        }
    ),
    max_size=MOST_TRIALS,
)
goals = st.fixed_dictionaries(
    {
        "objective": st.sampled_from(
            [["auc"], ["auc", "latency"], ["worst-auc", "auc"], ["auc", "parameters", "latency"]]
        ),
        "where": st.lists(
            st.sampled_from(["latency_ms<3", "worst_auc>0.3", "mean_auc>=0.5", "parameters<1005"]),
            max_size=2,
            unique=True,
        ),
    }
)


def filled(store: Store, drawn: Sequence[dict[str, Any]], asked: dict[str, Any]) -> str:
    """A new experiment with these trials, the first of which is the baseline."""
    name = f"many-{next(NAMES)}"
    experiment = new_experiment(store, name, LABELS)
    store.update_settings(experiment, {"trials": 9, "scheduler": "asha", **asked})
    ended: dict[tuple[str, int], int] = {}
    for number, one in enumerate(drawn):
        trial = trial_of(experiment, number, one)
        original = ended.get((trial.config_hash, trial.seed)) if one["answers"] else None
        store.add_trial(replace(trial, duplicate_of=original))
        if original is not None:
            store.answer_trial(experiment, number, by=original)
        elif end(store, experiment, number, one):
            ended[trial.config_hash, trial.seed] = number
    return name


def trial_of(experiment: int, number: int, one: dict[str, Any]) -> NewTrial:
    """A drawn trial that is about to start."""
    config = build_config(
        {
            "epochs": 3,
            "seed": one["seed"],
            "optimizer": {"learning_rate": one["rate"]},
            "embedding": {"placement": one["placement"] if number else "none"},
            "attention": {"kind": one["kind"], "reduction_ratio": one["ratio"]},
        },
        "test",
    )
    trial = new_trial(experiment, number, config, "sampled" if number else "baseline")
    sampled = one["sampled_ratio"]
    params = {} if sampled is None else {"attention.reduction_ratio": sampled}
    return replace(trial, params=params)


def add(store: Store, experiment: int, number: int, one: dict[str, Any]) -> None:
    """A trial from its start to its end."""
    store.add_trial(trial_of(experiment, number, one))
    end(store, experiment, number, one)


def end(store: Store, experiment: int, number: int, one: dict[str, Any]) -> bool:
    costs = {"parameters": 1000 + number % 7, "latency_ms": one["latency"]}
    curve = one["curve"] or ([0.5] if one["state"] is TrialState.COMPLETE else [])
    for epoch, auc in enumerate(curve, 1):
        result = EpochResult(epoch, auc, one["stderr"], {}, {}, 0.5, 1.5, costs)
        store.record_epoch(experiment, number, result, node="here")
    if one["state"] is TrialState.RUNNING:
        return False
    by_label = dict(zip(LABELS, ((auc, 0.02) for auc in one["by_label"]), strict=True))
    store.finish_trial(experiment, number, one["state"], label_auc=by_label if curve else None)
    return True


def scores_of(drawn: Sequence[dict[str, Any]], trials: Sequence[Trial]) -> pd.DataFrame:
    """AUC by label as it was drawn, in long form."""
    rows = [
        (trial.number, label, auc, 0.02)
        for trial in trials
        if trial.duplicate_of is None
        for label, auc in zip(LABELS, drawn[trial.number]["by_label"], strict=True)
    ]
    frame = pd.DataFrame(rows, columns=["trial", "label", "auc", "stderr"])
    return frame.astype({"trial": int, "label": object, "auc": float, "stderr": float})


def worst_of(drawn: Sequence[dict[str, Any]], trials: Sequence[Trial]) -> dict[int, float]:
    scores = scores_of(drawn, trials).dropna()
    return scores.groupby("trial")["auc"].min().to_dict()


def assert_equal(got: pd.DataFrame, expected: pd.DataFrame) -> None:
    """The same values in the same columns and rows, whatever holds them."""
    assert set(got.columns) <= set(expected.columns)
    for row, same in zip(got.to_dict("records"), expected.to_dict("records"), strict=True):
        for column, value in row.items():
            other = same[column]
            unknown = value != value or value is None
            assert unknown == (other != other or other is None), (column, value, other)
            assert unknown or value == other, (column, value, other)


def ranked(store: Store, name: str, top: int | None = None) -> pd.DataFrame:
    """A ranking but for what images say of it: these trials kept nothing of theirs."""
    found = rank(store, name, top)
    assert found[list(COLUMNS)].isna().all(axis=None)
    return found.drop(columns=list(COLUMNS))


def check(store: Store, drawn: list[dict[str, Any]], asked: dict[str, Any]) -> None:
    name = filled(store, drawn, asked)
    experiment = store.experiment(name).id
    trials, known = store.trials(experiment), store.labels(experiment)
    worst = worst_of(drawn, trials)
    expected = slow_rank(trials, Goals.of(asked), worst, known)
    assert_equal(ranked(store, name), expected)
    for top in (1, 3):
        short = ranked(store, name, top)
        assert_equal(short, expected.head(top))
        left_out = set(expected.columns) - set(short.columns)
        assert all(str(column).endswith(AS_SAMPLED) for column in left_out)
        assert expected.head(top)[list(left_out)].isna().all(axis=None)
    assert_equal(
        labels(store, name)[["label", "trial", "auc", "low", "high", "baseline"]],
        slow_labels(trials, known, scores_of(drawn, trials), expected),
    )
    tally = Tally.read(store, store.experiment(name))
    assert tally.counts == Tally.of(trials, Goals.of(asked)).counts
    assert tally.best == first_of(expected[expected["feasible"].astype(bool)])
    assert tally.baseline == first_of(expected[expected["role"] == BASELINE])
    assert tally.unfinished == sum(trial.state is TrialState.RUNNING for trial in trials)
    check_stopped(store, experiment, trials)


def first_of(ranked: pd.DataFrame) -> Ended | None:
    """The first of a ranking, as whoever tells the best has it."""
    reached = ranked[["trial", "mean_auc"]].itertuples(index=False, name=None)
    return next((Ended(int(number), auc) for number, auc in reached), None)


def check_stopped(store: Store, experiment: int, trials: Sequence[Trial]) -> None:
    """The best epochs are those of the curves."""
    epochs = store.epochs(experiment)
    best = {
        trial.number: max(epochs[trial.number], key=lambda epoch: (epoch.mean_auc, -epoch.epoch))
        for trial in trials
        if trial.state is TrialState.PRUNED and epochs.get(trial.number)
    }
    stopped = store.stopped(experiment)
    assert {one.number: one.best_epoch for one in stopped} == {
        number: epoch.epoch for number, epoch in best.items()
    }
    assert [one.best_auc for one in stopped] == sorted(
        (epoch.mean_auc for epoch in best.values()), reverse=True
    )
    assert store.stopped(experiment, 2) == stopped[:2]
    assert store.count_stopped(experiment) == len(stopped)


@given(drawn_trials, goals)
@settings(max_examples=10, deadline=None)
def test_both_databases_tell_what_whole_rows_do(
    shared_store: Store, drawn: list[dict[str, Any]], asked: dict[str, Any]
) -> None:
    check(shared_store, drawn, asked)


@given(drawn_trials)
@settings(max_examples=60, deadline=None)
def test_a_few_values_of_each_field_tell_what_all_do(drawn: list[dict[str, Any]]) -> None:
    trials = [
        Row(number, {"attention.reduction_ratio": one["sampled_ratio"]}, build_config(
            {"attention": {"kind": one["kind"], "reduction_ratio": one["ratio"]},
             "embedding": {"placement": one["placement"]}, "batch_size": 1 + number}, "test",
        ).model_dump(mode="json"))
        for number, one in enumerate(drawn)
    ]  # fmt: skip
    values = with_configs({}, (trial.config for trial in trials))
    assert all(1 <= len(of_path) <= MOST_VALUES for of_path in values.values())
    shown = varied_parameters({trial.number: trial for trial in trials}, values)
    expected = slow_varied(trials)
    assert shown.names == list(expected.columns)
    for name in shown.names:
        assert shown[name].tolist() == expected[name].to_list()


class Row:
    """What is asked of a trial to tell what varies."""

    def __init__(self, number: int, params: dict[str, Any], config: dict[str, Any]) -> None:
        self.number, self.params, self.config = number, params, config


def test_means_of_many_seeds_are_those_of_pandas(store: Store) -> None:
    """Sums that are rounded differ in the last digit alone."""
    generator = np.random.default_rng(0)
    drawn = [
        {
            "placement": "stage1", "kind": "none", "ratio": 16, "sampled_ratio": None,
            "rate": 1e-3, "seed": number % 5, "state": TrialState.COMPLETE,
            "curve": [float(generator.random())], "stderr": 0.01, "latency": 1.0,
            "by_label": tuple(generator.random(len(LABELS)).tolist()), "answers": False,
        }
        for number in range(8)
    ]  # fmt: skip
    name = filled(store, drawn, {})
    experiment = store.experiment(name).id
    trials, known = store.trials(experiment), store.labels(experiment)
    ordered = slow_rank(trials, Goals(), worst_of(drawn, trials), known)
    expected = slow_labels(trials, known, scores_of(drawn, trials), ordered)
    found = labels(store, name)
    assert found["trial"].to_list() == expected["trial"].to_list()
    assert found["auc"].to_list() == pytest.approx(expected["auc"].to_list(), rel=1e-12)


def test_reading_holds_up_no_search_and_bears_its_writing(shared_store: Store) -> None:
    """Trials begin and end between the statements of a reading."""
    name = filled(shared_store, [], {"objective": ["auc", "latency"]})
    experiment = shared_store.experiment(name).id
    reader, done = Store(shared_store.engine), Event()

    def read() -> int:
        turns = 0
        while not done.is_set() or not turns:
            ranked = rank(reader, name, 5)
            labels(reader, name)
            stopped_early(reader, name, ranked, 3)
            Tally.read(reader, reader.experiment(name))
            turns += 1
        return turns

    one = {
        "placement": "stage1", "kind": "none", "ratio": 16, "sampled_ratio": None, "rate": 1e-3,
        "curve": [0.5, 0.75], "stderr": 0.01, "by_label": (0.5, 0.75, None), "latency": 1.0,
        "answers": False,
    }  # fmt: skip
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        try:
            for number in range(40):
                state = TrialState.PRUNED if number % 3 else TrialState.COMPLETE
                add(shared_store, experiment, number, one | {"state": state, "seed": number})
        finally:
            done.set()
        assert reading.result() > 0
    assert len(rank(shared_store, name)) == len(rank(reader, name)) == 2
