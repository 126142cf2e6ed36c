"""What is written may be written twice, epochs in any order: the rows are the same.

A trial that has ended stays as it is.
"""

import math
from contextlib import nullcontext
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from results.database.models import TrialState
from results.database.splits import compress_splits, export_splits
from results.database.store import LabelCounts, NewExperiment, Store
from results.database.writing.statements import TrialEnded
from sedn.config import build_config
from sedn.errors import UserError
from sedn.training.result import EpochResult
from tests.results.rows import COUNTS, add_trial, new_experiment, new_trial

NAMES = count()
CLOCKED = {"started_at", "ended_at", "recorded_at"}
IDS = {"id", "trial_id", "experiment_id"}

finite = st.floats(0.0, 1.0)
any_number = st.floats(allow_nan=True, allow_infinity=True)
records = st.integers(1, 5).flatmap(
    lambda n: st.tuples(
        *(
            st.builds(
                EpochResult,
                epoch=st.just(epoch),
                mean_auc=finite,
                mean_auc_stderr=finite | st.just(math.nan),
                label_auc=st.just({}),
                label_auc_stderr=st.just({}),
                train_loss=any_number,
                seconds=st.floats(0.0, 1e4),
                costs=st.fixed_dictionaries(
                    {"parameters": st.none() | st.integers(1, 10**10), "latency_ms": any_number}
                ),
            )
            for epoch in range(1, n + 1)
        )
    )
)
endings = st.tuples(
    st.sampled_from([TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED]),
    st.none() | st.text(),
    st.dictionaries(
        st.sampled_from(["red", "striped", "no such label"]),
        st.tuples(st.none() | finite, st.none() | finite),
    ),
)


def started(store: Store) -> int:
    """A new experiment with one trial that runs."""
    experiment = new_experiment(store, f"experiment-{next(NAMES)}")
    config = build_config({"epochs": 5}, "test")
    store.add_trial(new_trial(experiment, 0, config, "baseline"))
    return experiment


def write(store: Store, experiment: int, event: Any) -> None:
    if isinstance(event, EpochResult):
        store.record_epoch(experiment, 0, event, node="a-node")
    else:
        state, reason, label_auc = event
        store.finish_trial(experiment, 0, state, reason, label_auc)


def columns(row: Any, left_out: set[str]) -> dict[str, Any]:
    names = [column.name for column in row.__table__.columns]
    return {name: getattr(row, name) for name in names if name not in left_out}


def rows_of(store: Store, experiment: int, left_out: set[str]) -> list[Any]:
    """All that is known of an experiment's trials."""
    epochs = store.epochs(experiment).get(0, [])
    frame = store.label_aucs(experiment)
    return [
        *(columns(trial, left_out) for trial in store.trials(experiment)),
        *(columns(epoch, left_out) for epoch in epochs),
        frame.astype(object).where(frame.notna(), None).to_dict("records"),
    ]


def assert_same(got: list[Any], expected: list[Any]) -> None:
    # A database sums in whatever order the rows lie, so that the last digit may differ.
    assert got[0].pop("seconds") == pytest.approx(expected[0].pop("seconds"), rel=1e-12)
    assert got == expected


@given(records, endings, st.data())
@settings(max_examples=30, deadline=None)
def test_any_order_and_any_repetition_gives_the_same_rows(
    shared_store: Store, epochs: tuple[EpochResult, ...], ending: Any, data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(epochs), max_size=6))
    in_order, out_of_order = started(shared_store), started(shared_store)
    for event in [*epochs, ending]:
        write(shared_store, in_order, event)
    for event in [*data.draw(st.permutations([*epochs, *again])), ending]:
        write(shared_store, out_of_order, event)
    left_out = CLOCKED | IDS
    expected = rows_of(shared_store, in_order, left_out)
    got = rows_of(shared_store, out_of_order, left_out)
    assert_same(got, expected)


@given(records, endings, st.data())
@settings(max_examples=30, deadline=None)
def test_a_trial_that_has_ended_is_never_overwritten(
    shared_store: Store, epochs: tuple[EpochResult, ...], ending: Any, data: st.DataObject
) -> None:
    experiment = started(shared_store)
    for event in (*epochs, ending):
        write(shared_store, experiment, event)
    before = rows_of(shared_store, experiment, set())
    other = replace(data.draw(st.sampled_from(epochs)), mean_auc=data.draw(finite))
    later = replace(epochs[-1], epoch=len(epochs) + 1)
    for event in data.draw(st.permutations([*epochs, ending, other, later, data.draw(endings)])):
        same = not isinstance(event, EpochResult) and event[0] is ending[0]
        with nullcontext() if same else pytest.raises(TrialEnded, match="has ended as"):
            write(shared_store, experiment, event)
    assert rows_of(shared_store, experiment, set()) == before
    shared_store.add_trial(new_trial(experiment, 1, build_config({}, "test"), "sampled"))
    shared_store.finish_trial(experiment, 1, TrialState.COMPLETE)
    if ending[0] is not TrialState.COMPLETE:
        with pytest.raises(TrialEnded):
            shared_store.answer_trial(experiment, 0, by=1)
    if ending[0] is TrialState.PRUNED:
        shared_store.reopen_trial(experiment, 0)
        shared_store.record_epoch(experiment, 0, later, node=None)
        assert shared_store.trials(experiment)[0].epochs == later.epoch
        return
    with pytest.raises(TrialEnded, match="has ended as"):
        shared_store.reopen_trial(experiment, 0)
    assert_same(rows_of(shared_store, experiment, set())[:1], before[:1])


def test_a_trial_that_runs_answers_for_none(shared_store: Store) -> None:
    experiment = started(shared_store)
    shared_store.add_trial(new_trial(experiment, 1, build_config({}, "test"), "sampled"))
    with pytest.raises(LookupError, match="trial 0 answers for trial 1, and has not ended"):
        shared_store.answer_trial(experiment, 1, by=0)


@given(records, endings)
@settings(max_examples=10, deadline=None)
def test_a_write_that_is_repeated_changes_nothing_at_all(
    shared_store: Store, epochs: tuple[EpochResult, ...], ending: Any
) -> None:
    experiment = started(shared_store)
    for some in (epochs, [ending]):
        for event in some:
            write(shared_store, experiment, event)
        before = rows_of(shared_store, experiment, set())
        for event in some:
            write(shared_store, experiment, event)
        shared_store.add_trial(new_trial(experiment, 0, build_config({}, "test"), "sampled"))
        assert_same(rows_of(shared_store, experiment, set()), before)


def test_the_trial_stands_at_its_last_epoch(shared_store: Store) -> None:
    experiment = started(shared_store)
    for epoch, auc in ((2, 0.8), (3, 0.9), (1, 0.7)):
        record = EpochResult(
            epoch,
            auc,
            0.01,
            {},
            {},
            train_loss=0.5,
            seconds=10.0 * epoch,
            costs={"parameters": epoch},
        )
        shared_store.record_epoch(experiment, 0, record, node=f"node-{epoch}")
    trial = shared_store.trial(experiment, 0)
    assert trial is not None
    assert (trial.epochs, trial.mean_auc, trial.costs) == (3, 0.9, {"parameters": 3})
    assert trial.node == "node-3"
    assert trial.seconds == pytest.approx(60.0)
    assert [epoch.epoch for epoch in shared_store.epochs(experiment)[0]] == [1, 2, 3]


def test_what_is_not_finite_or_not_unicode_is_stored_all_the_same(shared_store: Store) -> None:
    experiment = started(shared_store)
    record = EpochResult(1, 0.5, math.nan, {}, {}, math.inf, 1.0, {"parameters": None})
    shared_store.record_epoch(experiment, 0, record, node=None)
    reason = "OSError: no file 'caf\udce9'\0\nTraceback …"
    label_auc = {"red": (math.nan, math.nan), "striped": (0.5, math.nan)}
    shared_store.finish_trial(experiment, 0, TrialState.FAILED, reason, label_auc)
    epoch = shared_store.epochs(experiment)[0][0]
    assert epoch.train_loss is None
    assert epoch.mean_auc_stderr is None
    trial = shared_store.trial(experiment, 0)
    assert trial is not None
    assert trial.reason == "OSError: no file 'caf\\udce9'\\0\nTraceback …"
    frame = shared_store.label_aucs(experiment).set_index("label")
    assert math.isnan(frame.loc["red", "auc"])
    assert frame.loc["striped", "auc"] == 0.5


def test_what_is_written_is_read_back(shared_store: Store) -> None:
    labels = ["z", "a", "Ärmel 袖"]
    name = f"experiment-{next(NAMES)}"
    made = shared_store.create_experiment(
        NewExperiment(
            name=name,
            data_path="/data/x.csv",
            data_fingerprint="0123456789abcdef",
            skipped_images=2,
            splits=compress_splits({"train": ["a.jpg", "Ä,1.jpg"], "test": ["b.jpg"]}),
            space_name="demo",
            space_yaml="name: demo\n",
            settings={"trials": 3, "epochs": None},
            labels=[LabelCounts(label, **COUNTS, validation_known=40) for label in labels],
        )
    )
    found = shared_store.experiment(name)
    assert columns(found, {"splits"}) == columns(made, {"splits"})
    assert export_splits(shared_store, name).splitlines() == [
        "image,split", "a.jpg,train", '"Ä,1.jpg",train', "b.jpg,test",
    ]  # fmt: skip
    assert found.created_at.tzinfo is not None
    assert [label.name for label in shared_store.labels(found.id)] == labels
    shared_store.update_settings(found.id, {"trials": 5})
    assert shared_store.experiment(name).settings == {"trials": 5}
    assert [e.name for e in shared_store.experiments()].count(name) == 1


def test_trials_of_other_experiments_stay_apart(store: Store) -> None:
    first, second = new_experiment(store, "first"), new_experiment(store, "second")
    add_trial(store, first, 0, 0.6, labels={"red": (0.6, 0.01), "striped": (0.5, 0.01)})
    add_trial(store, second, 0, 0.9, labels={"red": (0.9, 0.01)})
    assert [trial.mean_auc for trial in store.trials(first)] == [0.6]
    assert [epoch.mean_auc for epoch in store.epochs(second)[0]] == [0.45, 0.9]
    assert store.label_aucs(first)["auc"].to_list() == [0.6, 0.5]
    assert store.trial(first, 1) is None
    with pytest.raises(LookupError, match="no trial 7"):
        store.finish_trial(first, 7, TrialState.FAILED)


def test_an_unknown_experiment_is_one_line(store: Store) -> None:
    with pytest.raises(UserError, match=r"^no experiment 'demo' in this database$"):
        store.experiment("demo")
    new_experiment(store, "colours")
    new_experiment(store, "shapes")
    with pytest.raises(UserError, match="did you mean 'colours'"):
        store.experiment("colors")
    with pytest.raises(UserError, match=r"there is colours, shapes$"):
        store.experiment("xyz")
