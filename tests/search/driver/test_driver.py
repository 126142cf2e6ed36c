"""Searcher, scheduler and driver without Ray: any order of events, any number of crashes, one
consistent study.
"""

import tempfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from optuna.trial import TrialState as OptunaState
from ray import cloudpickle
from ray.core.generated.common_pb2 import ActorDiedErrorContext, NodeDeathInfo
from ray.exceptions import ActorDiedError, RayActorError, RayTaskError
from ray.tune.schedulers import TrialScheduler

from results.database.models import BASELINE, Trial, TrialState
from results.database.store import LabelCounts, NewExperiment, open_store
from search.backends.ray_tune.actor import NodeLeaves
from search.backends.ray_tune.bridge import DriverCallback, DriverScheduler, DriverSearcher
from search.driver import OPTUNA_STATES, Assignment, Driver
from search.driver.study_writer import StudyLost
from search.settings import SearchSettings
from search.study import open_study
from sedn.errors import TimeExceeded
from sedn.training.result import EpochResult
from spaces import parse_space

SPACE = """
name: small
description: nine points, so that trials of the same configuration come soon
base: {data: {image_size: 32}, backbone: {pretrained: false}, epochs: 3}
axes:
  embedding.placement: {choice: [none, input, stage1]}
  embedding.fusion: {choice: [scale_shift, add], when: {embedding.placement: stage1}}
  optimizer.weight_decay: {choice: [0.0, 0.1]}
"""
ERRORS = {
    "error": ValueError("no"),
    "time": TimeExceeded("the time is over"),
    "worker lost": RayActorError(),
    "node drained": RayTaskError("step", "", NodeLeaves("a node")),
    "node taken": ActorDiedError(
        cause=ActorDiedErrorContext(
            actor_id=bytes(16),
            node_death_info=NodeDeathInfo(reason=NodeDeathInfo.AUTOSCALER_DRAIN_PREEMPTED),
        )
    ),
}


HISTORY = NewExperiment(
    name="history",
    data_path="data",
    data_fingerprint="0" * 16,
    skipped_images=0,
    splits=b"",
    space_name="small",
    space_yaml=SPACE,
    settings={},
    labels=[LabelCounts("a", 1, 2, 1, 2), LabelCounts("b", 1, 2, 0, 2)],
)


def result(epoch: int, auc: float) -> EpochResult:
    return EpochResult(
        epoch=epoch,
        mean_auc=auc,
        mean_auc_stderr=0.01,
        label_auc={"a": auc, "b": None},
        label_auc_stderr={"a": 0.02, "b": None},
        train_loss=1.0,
        seconds=0.5,
        costs={"parameters": 10},
    )


class SearchHistory(RuleBasedStateMachine):
    """What Tune may ask for and report, in any order, and crashes in between."""

    asked = 9
    scheduler = "asha"

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.url = f"sqlite:///{Path(self.folder.name)}/sedn.db"
        self.space = parse_space(SPACE, "small.yaml")
        self.settings = SearchSettings(
            trials=self.asked,
            sampler="random",
            scheduler=self.scheduler,
            reduction_factor=2,
            grace_epochs=1,
        )
        store = open_store(self.url, create=True)
        store.create_experiment(HISTORY)
        self.running: dict[str, int] = {}
        """Last epoch of each of Tune's trials, by its id."""
        self.started: dict[str, Assignment] = {}
        self.ended: dict[int, TrialState] = {}
        self.lost: Counter[int] = Counter()
        self.without_row: set[int] = set()
        self.left: list[tuple[DriverCallback, DriverScheduler, DriverSearcher, str, int]] = []
        """What earlier drivers had running, each with its last epoch."""
        self.ids = 0
        self.elsewhere = 0
        self.storage = "storage-0"
        self.open()
        self.reader = optuna.load_study(study_name="history", storage=self.url)

    def open(self) -> None:
        """Start, or start again; the one before may be there still."""
        if self.ids:
            self.left += [
                (self.callback, self.tune_scheduler, self.searcher, trial_id, epoch)
                for trial_id, epoch in self.running.items()
            ]
        self.running.clear()
        self.store = open_store(self.url)
        self.experiment = self.store.experiment("history")
        study = open_study(self.store, "history", self.space)
        self.driver = Driver(
            self.store, self.experiment, study, self.space, self.settings, self.storage
        )
        self.searcher = DriverSearcher(self.driver)
        self.tune_scheduler = DriverScheduler(self.driver, self.searcher)
        self.callback = DriverCallback(self.driver, self.searcher)

    def teardown(self) -> None:
        """Go on to the end of the search, which is the same from wherever it is."""
        try:
            self.finish_search()
        finally:
            self.folder.cleanup()

    def finish_search(self) -> None:
        for _ in range(20 * self.asked):
            for trial_id in list(self.running):
                while trial_id in self.running:
                    self.reach(trial_id, 0.5)
            if self.suggested() == DriverSearcher.FINISHED:
                break
        assert self.driver.finished
        rows = {row.number: row for row in self.store.trials(self.experiment.id)}
        assert sorted(rows) == list(range(self.asked))
        assert all(row.state is not TrialState.RUNNING for row in rows.values())
        self.store_and_study_agree()

    def suggested(self) -> Any:
        self.ids += 1
        trial_id = str(self.ids)
        suggested = self.searcher.suggest(trial_id)
        # One that another answers has its row then, and is not handed out.
        self.without_row -= {row.number for row in self.store.trials(self.experiment.id)}
        if not isinstance(suggested, dict):
            return suggested
        self.started[trial_id] = assignment = suggested["assignment"]
        number = assignment.number
        assert number not in [self.started[one].number for one in self.running]
        if number in self.ended:
            assert self.scheduler == "promote"
            assert self.ended.pop(number) is TrialState.PRUNED
        row = self.store.trial(self.experiment.id, number)
        assert row is not None
        assert assignment.folder.startswith(f"{self.storage}/history-")
        again = row.epochs - assignment.after_epoch
        assert again in ((0, 1) if self.scheduler == "promote" else (min(1, row.epochs),))
        self.running[trial_id] = assignment.after_epoch
        return suggested

    def trial(self, trial_id: str, error: BaseException | None = None) -> Any:
        """Tune's trial, as far as it is looked at."""
        file = Path(self.folder.name) / "error.pkl"
        if error is not None:
            file.write_bytes(cloudpickle.dumps(error))
        config = {"assignment": self.started[trial_id]}
        return SimpleNamespace(
            trial_id=trial_id, config=config, pickled_error_file=str(file), error_file=None
        )

    def reach(self, trial_id: str, auc: float) -> None:
        """A worker tells its next epoch, and Tune does what it does then."""
        trial = self.trial(trial_id)
        epoch = self.running[trial_id] + 1
        reached = {"epoch": epoch, "mean_auc": auc, "result": result(epoch, auc)}
        self.running[trial_id] = epoch
        last = epoch == self.started[trial_id].config.epochs
        decided = self.tune_scheduler.on_trial_result(None, trial, reached)
        self.callback.on_trial_result(1, [], trial, reached)
        assert "result" not in reached
        if decided == TrialScheduler.STOP:
            self.end(trial_id)
        assert decided == TrialScheduler.STOP or not last

    def end(self, trial_id: str) -> None:
        assignment, epoch = self.started[trial_id], self.running.pop(trial_id)
        reported = epoch > assignment.after_epoch
        self.searcher.on_trial_complete(trial_id)
        row = self.store.trial(self.experiment.id, assignment.number)
        assert row is not None
        if row.state is TrialState.RUNNING:
            assert self.scheduler == "promote"
            assert epoch in (1, 2), "it waits at a rung"
            return
        full = epoch >= assignment.config.epochs
        whole = TrialState.COMPLETE if full else TrialState.PRUNED
        assert row.state is (whole if reported else TrialState.FAILED)
        self.ended[assignment.number] = row.state

    @precondition(lambda self: len(self.running) < 3)
    @rule()
    def suggest(self) -> None:
        if self.suggested() == DriverSearcher.FINISHED:
            assert not self.running
            assert self.driver.finished

    @precondition(lambda self: self.running)
    @rule(data=st.data(), auc=st.floats(0.0, 1.0))
    def report(self, data: st.DataObject, auc: float) -> None:
        self.reach(data.draw(st.sampled_from(sorted(self.running))), auc)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def complete(self, data: st.DataObject) -> None:
        self.end(data.draw(st.sampled_from(sorted(self.running))))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), kind=st.sampled_from(sorted(ERRORS)))
    def break_off(self, data: st.DataObject, kind: str) -> None:
        trial_id = data.draw(st.sampled_from(sorted(self.running)))
        self.callback.on_trial_error(1, [], self.trial(trial_id, ERRORS[kind]))
        self.searcher.on_trial_complete(trial_id, error=True)
        assignment, epoch = self.started[trial_id], self.running.pop(trial_id)
        row = self.store.trial(self.experiment.id, assignment.number)
        assert row is not None
        if kind.startswith("node"):
            assert row.state is TrialState.RUNNING
            return
        if kind == "worker lost":
            self.lost[assignment.number] += 1
            if row.state is TrialState.RUNNING:
                return
            assert row.cause == "worker-lost"
            assert self.lost[assignment.number] > 1
        reported = epoch > assignment.after_epoch
        late = kind == "time" and reported
        assert row.state is (TrialState.PRUNED if late else TrialState.FAILED)
        assert row.cause == kind.replace(" ", "-")
        self.ended[assignment.number] = row.state

    @rule()
    def save_and_restore(self) -> None:
        """Tune may ask for it; nothing comes of it."""
        before = self.rows()
        self.searcher.save(f"{self.folder.name}/searcher")
        self.searcher.restore(f"{self.folder.name}/searcher")
        assert not Path(f"{self.folder.name}/searcher").exists()
        assert self.rows() == before

    @rule(data=st.data(), half=st.sampled_from(["nothing", "epoch", "end", "new trial"]))
    def crash(self, data: st.DataObject, half: str) -> None:
        """End without a word, with one event half written, and start again."""
        if half == "new trial" and len(self.trials()) < self.asked:
            self.without_row.add(self.reader.ask().number)
        elif half in ("epoch", "end") and self.running:
            trial_id = data.draw(st.sampled_from(sorted(self.running)))
            auc = data.draw(st.floats(0.0, 1.0))
            self.write_to_store_alone(trial_id, half, auc)
        self.open()

    @rule(
        data=st.data(),
        how=st.sampled_from(["deleted", "renamed", "replaced"]),
        event=st.sampled_from(["report", "complete", "worker lost", "error", "suggest"]),
    )
    def take_study_away(self, data: st.DataObject, how: str, event: str) -> None:
        """What a click in the dashboard does while the search runs; then it is started again."""
        self.ids += 1
        if how == "renamed":
            names = {"from_study_name": "history", "to_study_name": f"old {self.ids}"}
            optuna.copy_study(**names, from_storage=self.url, to_storage=self.url)
        optuna.delete_study(study_name="history", storage=self.url)
        if how == "replaced":
            optuna.create_study(study_name="history", storage=self.url, direction="maximize")
        if event == "suggest":
            self.searcher.suggest(f"lost {self.ids}")
        elif self.running:
            trial_id = data.draw(st.sampled_from(sorted(self.running)))
            self.meet_no_study(trial_id, event)
        self.open()
        # A trial that was asked for last, and has no row, was never there.
        last = max((row.number for row in self.store.trials(self.experiment.id)), default=-1)
        self.without_row = {number for number in self.without_row if number < last}
        self.lost.clear()
        self.reader = optuna.load_study(study_name="history", storage=self.url)

    def meet_no_study(self, trial_id: str, event: str) -> None:
        """Something happens to a trial whose study is not there."""
        trial, epoch = self.trial(trial_id, ERRORS.get(event)), self.running[trial_id] + 1
        if event == "report":
            self.tune_scheduler.on_trial_result(None, trial, {"result": result(epoch, 0.5)})
        elif event == "complete":
            self.searcher.on_trial_complete(trial_id)
        else:
            self.callback.on_trial_error(1, [], trial)
        row = self.store.trial(self.experiment.id, self.started[trial_id].number)
        assert row is not None
        if row.state is not TrialState.RUNNING:
            # The store has it, and the study will.
            self.ended[row.number] = row.state
        is_paused = self.scheduler == "promote" and event == "complete"
        assert is_paused or isinstance(self.searcher.broken_off_by, StudyLost)

    @precondition(lambda self: self.left)
    @rule(data=st.data(), event=st.sampled_from(["report", "error", "complete"]))
    def hear_of_an_earlier_driver(self, data: st.DataObject, event: str) -> None:
        """One that has lost its lock still tells of a trial, which has ended since."""
        callback, scheduler, searcher, trial_id, epoch = data.draw(st.sampled_from(self.left))
        assignment, before = self.started[trial_id], self.rows()
        if assignment.number not in self.ended:
            return
        trial = self.trial(trial_id, ERRORS["error"])
        if event == "report":
            scheduler.on_trial_result(None, trial, {"result": result(epoch + 1, 0.1)})
            assert searcher.broken_off_by is not None
        elif event == "error":
            callback.on_trial_error(1, [], trial)
        else:
            searcher.on_trial_complete(trial_id)
        self.left = [one for one in self.left if one[2] is not searcher]
        assert self.rows() == before

    @rule(number=st.integers(0, 3))
    def move_storage(self, number: int) -> None:
        """The driver dies, the folder of checkpoints is moved, and the search goes on there."""
        self.storage = f"storage-{number}"
        self.open()

    # Tables are made anew each time, which takes as long as ten other events.
    @precondition(lambda self: self.elsewhere < 2)
    @rule()
    def begin_in_another_store(self) -> None:
        """The same search, by name, space and folders, with another database."""
        self.elsewhere += 1
        self.ids += 1
        other = open_store(f"sqlite:///{self.folder.name}/{self.ids}.db", create=True)
        experiment = other.create_experiment(HISTORY)
        study = open_study(other, "history", self.space)
        driver = Driver(other, experiment, study, self.space, self.settings, self.storage)
        first = driver.next()
        assert first is not None
        assert (first.number, first.after_epoch) == (0, 0)
        mine = self.store.trials(self.experiment.id)
        assert first.folder not in [row.folder for row in mine]
        other.engine.dispose()

    def write_to_store_alone(self, trial_id: str, half: str, auc: float) -> None:
        assignment, epoch = self.started[trial_id], self.running[trial_id]
        if half == "epoch":
            record = EpochResult(epoch + 1, auc, 0.01, {}, {}, 1.0, 0.5, {"parameters": 10})
            self.store.record_epoch(self.experiment.id, assignment.number, record, node=None)
        else:
            state = TrialState.PRUNED if epoch else TrialState.FAILED
            self.ended[assignment.number] = state
            cause = "time" if epoch else "error"
            self.store.finish_trial(self.experiment.id, assignment.number, state, cause=cause)

    def trials(self) -> list[optuna.trial.FrozenTrial]:
        return [t for t in self.reader.trials if t.state is not OptunaState.WAITING]

    def rows(self) -> list[dict[str, Any]]:
        columns = Trial.__table__.columns.keys()
        rows = self.store.trials(self.experiment.id)
        return [{name: getattr(row, name) for name in columns} for row in rows]

    @invariant()
    def store_and_study_agree(self) -> None:
        rows = {row.number: row for row in self.store.trials(self.experiment.id)}
        trials = self.trials()
        assert len(trials) <= self.asked
        assert {t.number for t in trials} == set(rows) | self.without_row
        assert not set(rows) & self.without_row
        epochs = self.store.epochs(self.experiment.id)
        for trial in trials:
            if trial.number in self.without_row:
                assert trial.state is OptunaState.RUNNING
                continue
            row = rows[trial.number]
            assert trial.params == row.params
            assert row.role == (BASELINE if trial.number == 0 else "sampled")
            known = {e.epoch: e.mean_auc for e in epochs.get(trial.number, [])}
            self.check_state(row, trial)
            if row.duplicate_of is not None:
                assert not known
                self.check_duplicate(row, rows[row.duplicate_of])
                continue
            assert trial.intermediate_values == known
            assert sorted(known) == list(range(1, row.epochs + 1))
            if row.number in self.ended:
                assert row.state is self.ended[row.number]

    def check_state(self, row: Trial, trial: optuna.trial.FrozenTrial) -> None:
        """The study says of a trial what the store says."""
        if row.state is TrialState.RUNNING:
            assert trial.state is OptunaState.RUNNING
            return
        assert trial.state is OPTUNA_STATES[row.state]
        assert row.number not in [self.started[one].number for one in self.running]
        if row.state is not TrialState.FAILED:
            assert trial.value == row.mean_auc

    def check_duplicate(self, row: Trial, original: Trial) -> None:
        """A trial of a configuration that another has ends as that one, and is never trained."""
        assert row.config_hash == original.config_hash
        assert original.duplicate_of is None
        assert row.number not in [one.number for one in self.started.values()]
        if row.state is not TrialState.RUNNING and original.state is row.state:
            assert row.mean_auc == original.mean_auc
            assert row.epochs == original.epochs


class PromotedHistory(SearchHistory):
    scheduler = "promote"


FEW = settings(
    max_examples=5,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestSearchHistory = SearchHistory.TestCase
TestSearchHistory.settings = FEW
TestPromotedHistory = PromotedHistory.TestCase
TestPromotedHistory.settings = FEW
