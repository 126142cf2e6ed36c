"""The ledger without Ray: any order of events, any number of crashes, one consistent study."""

import tempfile
from pathlib import Path

import optuna
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from optuna.trial import TrialState as OptunaState

from results.models import TrialState
from results.store import EpochRecord, LabelCounts, NewExperiment, open_store
from search.ledger import OPTUNA_STATES, Assignment, Ledger
from search.settings import SearchSettings
from search.study import open_study
from sedn.training.result import EpochResult
from spaces import parse_space

SPACE = """
name: small
description: three axes, one of them conditional
base: {backbone: {pretrained: false}, epochs: 3}
axes:
  embedding.placement: {choice: [none, input, stage1]}
  embedding.fusion: {choice: [scale_shift, add], when: {embedding.placement: stage1}}
  optimizer.learning_rate: {float: [1.0e-4, 1.0e-1], log: true}
"""


def result(epoch: int, auc: float) -> EpochResult:
    return EpochResult(
        epoch=epoch,
        mean_auc=auc,
        mean_auc_stderr=0.01,
        label_auc={"a": auc, "b": None},
        label_auc_stderr={"a": 0.02, "b": None},
        train_loss=1.0,
        seconds=0.5,
        parameters=10,
    )


class SearchHistory(RuleBasedStateMachine):
    """Ask, report, end, break and crash in any order."""

    asked = 6

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.url = f"sqlite:///{Path(self.folder.name)}/sedn.db"
        self.space = parse_space(SPACE, "small.yaml")
        store = open_store(self.url, create=True)
        store.create_experiment(
            NewExperiment(
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
        )
        self.running: dict[int, tuple[Assignment, int]] = {}
        self.ended: dict[int, TrialState] = {}
        self.without_row: set[int] = set()
        self.open()
        self.reader = optuna.load_study(study_name="history", storage=self.url)

    def open(self) -> None:
        self.store = open_store(self.url)
        self.experiment = self.store.experiment("history")
        study = open_study(self.store, "history", self.space)
        self.ledger = Ledger(
            self.store,
            self.experiment,
            study,
            self.space,
            SearchSettings(trials=self.asked, sampler="random"),
            "folder",
        )

    def teardown(self) -> None:
        self.folder.cleanup()

    @precondition(lambda self: len(self.running) < 3)
    @rule()
    def ask(self) -> None:
        assignment = self.ledger.next()
        if assignment is None:
            assert len(self.running) + len(self.ended) == self.asked
            assert self.ledger.finished == (not self.running)
            return
        assert assignment.number not in self.running
        assert assignment.number not in self.ended
        self.without_row.discard(assignment.number)
        row = self.store.trial(self.experiment.id, assignment.number)
        assert row is not None
        assert assignment.after_epoch == max(0, row.epochs - 1), "the last epoch comes once more"
        self.running[assignment.number] = (assignment, assignment.after_epoch)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), auc=st.floats(0.0, 1.0))
    def report(self, data: st.DataObject, auc: float) -> None:
        number = data.draw(st.sampled_from(sorted(self.running)))
        assignment, epoch = self.running[number]
        if epoch < assignment.config.epochs:
            self.ledger.record_epoch(number, result(epoch + 1, auc))
            self.running[number] = (assignment, epoch + 1)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.running)))
        assignment, epoch = self.running.pop(number)
        state = self.ledger.finish(number)
        self.ended[number] = state
        reported = epoch > assignment.after_epoch
        full = epoch >= assignment.config.epochs
        assert state is (
            TrialState.FAILED
            if not reported
            else TrialState.COMPLETE
            if full
            else TrialState.PRUNED
        )

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.running)))
        self.running.pop(number)
        self.ended[number] = self.ledger.fail(number, "ValueError: no\nTraceback …")

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def lose_worker(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.running)))
        self.running.pop(number)
        self.ledger.give_back(number)

    @rule(data=st.data(), half=st.sampled_from(["nothing", "epoch", "end", "new trial"]))
    def crash(self, data: st.DataObject, half: str) -> None:
        """End without a word, with one event half written, and start again."""
        if half == "new trial" and len(self.trials()) < self.asked:
            self.without_row.add(self.reader.ask().number)
        elif half in ("epoch", "end") and self.running:
            number = data.draw(st.sampled_from(sorted(self.running)))
            auc = data.draw(st.floats(0.0, 1.0))
            self.write_to_store_alone(number, half, auc)
        self.running.clear()
        self.open()

    def write_to_store_alone(self, number: int, half: str, auc: float) -> None:
        assignment, epoch = self.running[number]
        target = assignment.config.epochs
        if half == "epoch" and epoch < target:
            record = EpochRecord(epoch + 1, auc, 0.01, 1.0, 0.5, 10)
            self.store.record_epoch(self.experiment.id, number, record, node=None)
        if half == "end":
            ends = {0: TrialState.FAILED, target: TrialState.COMPLETE}
            self.ended[number] = ends.get(epoch, TrialState.PRUNED)
            self.store.finish_trial(self.experiment.id, number, self.ended[number])

    def trials(self) -> list[optuna.trial.FrozenTrial]:
        return [t for t in self.reader.trials if t.state is not OptunaState.WAITING]

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
            assert row.role == ("baseline" if trial.number == 0 else "sampled")
            assert trial.params == row.params
            known = {e.epoch: e.mean_auc for e in epochs.get(trial.number, [])}
            assert trial.intermediate_values == known
            assert sorted(known) == list(range(1, row.epochs + 1))
            if trial.number in self.ended:
                assert trial.state is OPTUNA_STATES[self.ended[trial.number]]
                assert row.state is self.ended[trial.number]
                if row.state is not TrialState.FAILED:
                    assert trial.value == row.mean_auc
            else:
                assert trial.state is OptunaState.RUNNING
                assert row.state is TrialState.RUNNING


TestSearchHistory = SearchHistory.TestCase
TestSearchHistory.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
