"""Trials of a search, written to Optuna's study and to the store so that neither ever lies.

Every event goes to the store first and to the study second, and every write may be repeated. So
after a crash the study can only be behind the store. A new ledger brings it level, and hands out
again the trials that were running, to go on from their last checkpoint.

The truth told to Optuna: COMPLETE only for a trial that was trained to its last epoch, PRUNED with
its intermediate values for one that the scheduler stopped, FAIL with the reason for one that broke.
Steps are epochs completed. A trial that pauses at a rung is RUNNING until it goes on, or the search
is over; then it is PRUNED, and opened again if a longer search promotes it.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

import optuna
from optuna.samplers import RandomSampler
from optuna.trial import TrialState as OptunaState

from results.models import BASELINE, Epoch, Experiment, Trial, TrialState
from results.outage import survive_outage
from results.store import EpochRecord, NewTrial, Store
from search.budgets import EndedBy, Score, Spent, on_plateau, trained_seconds
from search.packing import Grant, Packing
from search.progress import RunningTrial, Snapshot, Tally
from search.samplers import draw, exhausted_after, make_samplers
from search.schedulers import Promotion
from search.settings import SearchSettings
from search.study import SAMPLED, baseline_point, reopen_trial
from sedn.config import TrainingConfig, config_hash
from sedn.training.bounds import Bounds
from sedn.training.result import EpochResult
from spaces import Space

T = TypeVar("T")

NEUTRAL = RandomSampler(seed=0)
"""Stands in the study between a trial's draw and its end: it does nothing there."""

OPTUNA_STATES = {
    TrialState.COMPLETE: OptunaState.COMPLETE,
    TrialState.PRUNED: OptunaState.PRUNED,
    TrialState.FAILED: OptunaState.FAIL,
}


@dataclass(frozen=True)
class Assignment:
    """One trial for a worker: what to train, where, and which epochs are known already."""

    number: int
    role: str
    config: TrainingConfig
    folder: str
    """Where the checkpoint and the predictions of the trial are kept."""
    after_epoch: int = 0
    """Only results of later epochs are reported."""
    bounds: Bounds = field(default_factory=Bounds)
    cpus: float = 1.0
    gpus: float = 0.0


@dataclass
class _Live:
    """A trial that was handed out and has not ended."""

    assignment: Assignment
    optuna_id: int
    last: EpochResult | None = field(default=None)
    counted: int = 0
    """Epochs of earlier runs, whose time is counted."""


class Ledger:
    """Hands out trials and records what becomes of them; the only writer of an experiment."""

    def __init__(
        self,
        store: Store,
        experiment: Experiment,
        study: optuna.Study,
        space: Space,
        settings: SearchSettings,
        folder: str,
        promotion: Promotion | None = None,
        *,
        trial_seconds: float | None = None,
        patience_seconds: float = 600.0,
        on_wait: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        self._store = store
        self._experiment_id = experiment.id
        self._study = study
        self._study.sampler = NEUTRAL
        self._space = space
        self._settings = settings
        self._samplers = make_samplers(settings, space)
        self._trials = min(settings.trials, exhausted_after(settings, space) or settings.trials)
        self._folder = folder
        self.promotion = promotion
        self.grant = Grant()
        """What each trial that starts from now on gets of the cluster."""
        self._packing = Packing()
        self._trial_seconds = trial_seconds
        self._patience = patience_seconds
        self._on_wait = on_wait
        self._live: dict[int, _Live] = {}
        self._unfinished: deque[tuple[int, int]] = deque()
        """Number, and id in Optuna's tables, of the trials that are to go on."""
        self._micro_batches: dict[tuple[str, int], int] = {}
        """Images at once that fit the memory, by backbone and size, where a batch did not."""
        self._paused: dict[int, int] = {}
        """Id in Optuna's tables of the trials that wait at a rung, by number."""
        self._asked = 0
        self._tally = Tally()
        self._scores: list[Score] = []
        """Of the complete trials, in the order in which they ended."""
        self._spent = Spent(settings, 0.0, 0.0)
        self._reconcile()

    @property
    def live(self) -> int:
        """Number of trials that are handed out."""
        return len(self._live)

    @property
    def finished(self) -> bool:
        """Whether no trial is left to start or to go on."""
        return (
            not (self._live or self._unfinished or self._paused) and self._all_started() is not None
        )

    @property
    def ended_by(self) -> EndedBy | None:
        """What ended the search, or will when what runs has been cut off; ``None``: nothing yet."""
        return self._all_started() if self.finished else self._spent.met()

    @property
    def out_of_budget(self) -> bool:
        """Whether time or GPU-hours are used up: what runs is cut off, to go on with more."""
        return self._spent.met() is not None

    def snapshot(self) -> Snapshot:
        """Where the search stands, from memory: costs no query."""
        running = [
            RunningTrial(
                number=number,
                role=live.assignment.role,
                epoch=live.last.epoch if live.last else live.assignment.after_epoch,
                epochs=live.assignment.config.epochs,
                mean_auc=live.last.mean_auc if live.last else None,
                config=live.assignment.config,
            )
            for number, live in sorted(self._live.items())
        ]
        return self._tally.snapshot(self._trials, tuple(running), len(self._paused))

    def next(self) -> Assignment | None:
        """The next trial to run, or ``None`` when all that were asked for are handed out."""
        if self._unfinished:
            return self._resume(*self._unfinished.popleft())
        started = self._all_started()
        if started is not EndedBy.PLATEAU and (promoted := self._promote()):
            return promoted
        if started is None:
            return self._start(self._ask())
        if not self._live:
            if started is not EndedBy.PLATEAU and (promoted := self._promote(last=True)):
                return promoted
            self._end_paused()
        return None

    def record_epoch(self, number: int, result: EpochResult, node: str | None = None) -> None:
        """Write one epoch of a live trial, per-label values kept until the trial ends."""
        live = self._live[number]
        record = EpochRecord(**{f.name: getattr(result, f.name) for f in fields(EpochRecord)})
        self._call(self._store.record_epoch, self._experiment_id, number, record, node=node)
        self._report(live.optuna_id, result.epoch, result.mean_auc)
        self._learn_memory(live.assignment.config, result.micro_batch)
        self._packing.learn(live.assignment.config, result.peak_memory, result.device_memory)
        if result.epoch > live.counted:
            self._spent.add(result.seconds, live.assignment.gpus)
        live.last = result

    def finish(self, number: int) -> TrialState:
        """End a live trial: COMPLETE if it reached its last epoch, else PRUNED, or RUNNING if it
        pauses."""
        live = self._live[number]
        if live.last is None:
            return self.fail(number, "the trial ended without a result")
        full = live.last.epoch >= live.assignment.config.epochs
        if not full and self.promotion and self.promotion.is_paused(number):
            self._paused[number] = self._live.pop(number).optuna_id
            return TrialState.RUNNING
        return self._end(number, TrialState.COMPLETE if full else TrialState.PRUNED, live.last)

    def stop(self, number: int, cause: str, reason: str) -> TrialState:
        """End a live trial whose time is over: PRUNED with what it reached, FAILED with nothing."""
        last = self._live[number].last
        if last is None:
            return self.fail(number, reason, cause)
        return self._end(number, TrialState.PRUNED, last, cause=cause, reason=reason)

    def fail(self, number: int, reason: str, cause: str = "error") -> TrialState:
        """End a live trial that broke; ``reason`` is kept whole, with its traceback."""
        return self._end(number, TrialState.FAILED, None, cause=cause, reason=reason)

    def give_back(self, number: int) -> None:
        """Queue a live trial again whose worker was lost: it goes on from its last checkpoint."""
        self._unfinished.append((number, self._live.pop(number).optuna_id))

    def _end(
        self,
        number: int,
        state: TrialState,
        last: EpochResult | None,
        *,
        cause: str | None = None,
        reason: str | None = None,
    ) -> TrialState:
        """Write the end of a live trial to the store, then to the study."""
        label_auc = last and {
            label: (value, last.label_auc_stderr.get(label))
            for label, value in last.label_auc.items()
        }
        mean_auc = None if last is None else last.mean_auc
        key = (self._experiment_id, number, state)
        self._call(self._store.finish_trial, *key, reason=reason, label_auc=label_auc, cause=cause)
        self._tell(number, state, mean_auc)
        self._tally.add(number, self._live.pop(number).assignment.role, state, mean_auc)
        if state is TrialState.COMPLETE and last is not None:
            self._scores.append(Score(last.mean_auc, last.mean_auc_stderr))
        return state

    def _all_started(self) -> EndedBy | None:
        """Why no new trial is started any more; ``None`` while there are."""
        if on_plateau(self._scores, self._settings.plateau):
            return EndedBy.PLATEAU
        if self._asked < self._trials:
            return None
        return EndedBy.TRIALS if self._asked >= self._settings.trials else EndedBy.POINTS

    def _promote(self, *, last: bool = False) -> Assignment | None:
        """Hand out again the trial whose turn it is to go on from its rung, if there is one."""
        number = self.promotion.promote(last=last) if self.promotion else None
        if number is None:
            return None
        optuna_id = self._paused.pop(number, None)
        if optuna_id is None:
            # The study first: a store that is behind it is what the next start sets right.
            optuna_id = self._call(reopen_trial, self._study, number)
            self._call(self._store.reopen_trial, self._experiment_id, number)
            self._tally.counts[TrialState.PRUNED] -= 1
        return self._resume(number, optuna_id, decided=True)

    def _end_paused(self) -> None:
        """Tell that the trials which wait at a rung wait for nothing."""
        for number in sorted(self._paused):
            self._call(self._store.finish_trial, self._experiment_id, number, TrialState.PRUNED)
            self._tell(number, TrialState.PRUNED, None)
            self._tally.add(number, SAMPLED, TrialState.PRUNED, None)
        self._paused.clear()

    def _reconcile(self) -> None:
        """Bring the study level with the store, and queue what was running to go on."""
        rows = {t.number: t for t in self._call(self._store.trials, self._experiment_id)}
        frozen = self._call(self._study.get_trials, deepcopy=False)
        self._asked = sum(t.state is not OptunaState.WAITING for t in frozen)
        self._tally = Tally.of(rows.values())
        for known in rows.values():
            short = (known.micro_batch or math.inf) < known.config["batch_size"]
            if short or known.device_memory is not None:
                config = TrainingConfig.model_validate(known.config)
                self._learn_memory(config, known.micro_batch)
                self._packing.learn(config, known.peak_memory, known.device_memory)
        running = [t for t in frozen if t.state is OptunaState.RUNNING]
        counted = self.promotion or self._settings.time_seconds
        needed = running or counted
        epochs = self._call(self._store.epochs, self._experiment_id) if needed else {}
        self._count(rows, epochs, {t.number: t.user_attrs.get("gpus", 0.0) for t in frozen})
        for trial in running:
            for epoch in epochs.get(trial.number, []):
                if trial.intermediate_values.get(epoch.epoch) != epoch.mean_auc:
                    self._report(trial._trial_id, epoch.epoch, epoch.mean_auc)
            row = rows.get(trial.number)
            if row is not None and row.state is not TrialState.RUNNING:
                self._tell(trial.number, row.state, row.mean_auc)
            elif self.promotion and self.promotion.is_paused(trial.number):
                self._paused[trial.number] = trial._trial_id
            else:
                self._unfinished.append((trial.number, trial._trial_id))

    def _count(
        self, rows: dict[int, Trial], epochs: dict[int, list[Epoch]], gpus: dict[int, float]
    ) -> None:
        """Count what earlier runs have used, and who has come to which rung."""
        done = [row for row in rows.values() if row.state is TrialState.COMPLETE]
        self._scores = [
            Score(row.mean_auc, row.mean_auc_stderr or 0.0)
            for row in sorted(done, key=lambda row: (row.ended_at, row.number))
            if row.mean_auc is not None
        ]
        seconds = trained_seconds(epoch for one in epochs.values() for epoch in one)
        gpu_seconds = sum(row.seconds * gpus.get(number, 0.0) for number, row in rows.items())
        self._spent = Spent(self._settings, seconds, gpu_seconds)
        for number, row in rows.items():
            if self.promotion and row.role != BASELINE:
                reached = [(epoch.epoch, epoch.mean_auc) for epoch in epochs.get(number, [])]
                stopped = row.state is TrialState.PRUNED and row.cause is None
                may_go_on = stopped or row.state is TrialState.RUNNING
                self.promotion.replay(number, reached, may_go_on=may_go_on)

    def _ask(self) -> optuna.Trial:
        """Ask for a new trial; after an outage, take up the one that was made but not seen."""
        asked_before = False

        def ask() -> optuna.Trial:
            nonlocal asked_before
            if asked_before:
                known = {*self._live, *self._paused, *(n for n, _ in self._unfinished)}
                for frozen in self._study.get_trials(deepcopy=False, states=(OptunaState.RUNNING,)):
                    if frozen.number not in known:
                        return optuna.Trial(self._study, frozen._trial_id)
            asked_before = True
            return self._study.ask()

        trial = self._call(ask)
        self._asked += 1
        return trial

    def _start(self, trial: optuna.Trial) -> Assignment:
        """Sample a new trial's parameters and add its row to the store, in canonical form."""
        from sedn.network import canonical_config

        overrides = self._settings.overrides()
        params: dict[str, Any]
        if trial.user_attrs.get("role") == BASELINE:
            role = BASELINE
            params = self._call(self._sample_baseline, trial)
            config = self._space.baseline(overrides)
        else:
            role = SAMPLED
            params = self._call(lambda: draw(self._space, trial, self._samplers(trial.number)))
            config = self._space.config(params, overrides)
        config = canonical_config(config)
        folder = f"{self._folder}/{trial.number:05d}"
        assignment = self._assign(Assignment(trial.number, role, config, folder))
        row = NewTrial(
            experiment_id=self._experiment_id,
            number=trial.number,
            role=role,
            params=params,
            config=config.model_dump(mode="json"),
            config_hash=config_hash(config),
            seed=config.seed,
            target_epochs=config.epochs,
            folder=assignment.folder,
        )
        if assignment.gpus:
            self._call(trial.set_user_attr, "gpus", assignment.gpus)
        self._call(self._store.add_trial, row)
        self._live[trial.number] = _Live(assignment, trial._trial_id)
        return assignment

    def _sample_baseline(self, trial: optuna.Trial) -> dict[str, Any]:
        """Register the baseline's parameters with Optuna, so that the sampler learns from it."""
        return self._space.sample(trial) if baseline_point(self._space) else {}

    def _resume(self, number: int, optuna_id: int, *, decided: bool = False) -> Assignment:
        """Hand out again a trial that was running when the search, or its worker, ended.

        Its last known epoch is reported once more, as what was decided on it may have been lost;
        not where it is ``decided`` that the trial goes on from there.
        """
        row = self._call(self._store.trial, self._experiment_id, number)
        if row is None:
            return self._start(self._call(optuna.Trial, self._study, optuna_id))
        config = TrainingConfig.model_validate(row.config)
        known = max(0, row.epochs - (not decided))
        assignment = self._assign(Assignment(number, row.role, config, row.folder, known))
        self._live[number] = _Live(assignment, optuna_id, counted=row.epochs)
        return assignment

    def _assign(self, assignment: Assignment) -> Assignment:
        """The assignment with what it may use of memory, time and the cluster."""
        config, gpus = assignment.config, self.grant.gpus
        return replace(
            assignment,
            bounds=Bounds(self._micro_batches.get(_memory_key(config)), self._trial_seconds),
            cpus=self.grant.cpus,
            gpus=self._packing.share_of(config) if gpus == "auto" else gpus,
        )

    def _learn_memory(self, config: TrainingConfig, micro_batch: int | None) -> None:
        """Remember how many images at once fit, where it is fewer than were asked for."""
        asked = config.micro_batch_size or config.batch_size
        if micro_batch is not None and micro_batch < asked:
            key = _memory_key(config)
            self._micro_batches[key] = min(micro_batch, self._micro_batches.get(key, micro_batch))

    def _report(self, optuna_id: int, epoch: int, mean_auc: float) -> None:
        """Tell the study an epoch; told again, the later value stands, as in the store.

        ``optuna.Trial.report`` would keep the earlier one, which no checkpoint holds any more.
        """
        self._call(self._study._storage.set_trial_intermediate_value, optuna_id, epoch, mean_auc)

    def _tell(self, number: int, state: TrialState, value: float | None) -> None:
        told = OPTUNA_STATES[state]
        values = value if told is OptunaState.COMPLETE else None
        self._study.sampler = self._samplers(number)
        self._call(self._study.tell, number, values, state=told, skip_if_finished=True)
        self._study.sampler = NEUTRAL

    def _call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call the database, and wait for it to come back when it has gone away."""
        return survive_outage(
            lambda: function(*args, **kwargs),
            patience_seconds=self._patience,
            on_wait=self._on_wait,
        )


def _memory_key(config: TrainingConfig) -> tuple[str, int]:
    return config.backbone.name, config.data.image_size
