"""The one writer of an experiment: hands out trials, and records what becomes of them.

Every event goes to the store first and to the study second, and every write may be repeated. So
after a crash the study can only be behind the store. A new ledger brings it level, and hands out
again the trials that were running, to go on from their last checkpoint.

Some trials are never handed out. One whose network cannot be built is PRUNED without a value, which
a sampler takes for the worst there is. One of the same configuration and seed as another ends as
that one does, with its values. A trial that pauses at a rung is RUNNING until it goes on, or the
search is over; then it is PRUNED, and opened again if a longer search promotes it.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import optuna

from results.models import BASELINE, Experiment, TrialState
from results.objectives import Goals, Measured, measures_of
from results.outage import StoreUnavailable, is_refusal, reason_of, survive_outage
from results.store import NewTrial, Store
from search.budgets import EndedBy, Score, Spent, on_plateau
from search.failures import INFEASIBLE, Failure, FirstTrials
from search.ledger.answers import Answers, Follower
from search.ledger.assignment import Assignment, Live
from search.ledger.folders import TrialFolders
from search.ledger.memory import Memory
from search.ledger.past import Past, running
from search.ledger.told_study import ToldStudy
from search.packing import Grant
from search.progress import RunningTrial, Snapshot, Tally
from search.samplers import exhausted_after, make_samplers
from search.schedulers import Promotion, cost_goals
from search.settings import SearchSettings
from search.study import SAMPLED, baseline_point
from sedn.config import TrainingConfig, config_hash
from sedn.errors import UserError
from sedn.training.bounds import Bounds
from sedn.training.result import EpochResult
from spaces import Space

T = TypeVar("T")

UNMEASURED = "unmeasured"
"""The cause of a trial that has no value for an objective."""
TOO_COSTLY = "too-costly"
"""The cause of a trial that was stopped as it costs more than a constraint allows."""


class Ledger:
    """Hands out trials and records what becomes of them; the only writer of an experiment."""

    def __init__(
        self,
        store: Store,
        experiment: Experiment,
        study: optuna.Study,
        space: Space,
        settings: SearchSettings,
        storage: str,
        promotion: Promotion | None = None,
        *,
        trial_seconds: float | None = None,
        patience_seconds: float = 600.0,
        on_wait: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        self._store = store
        self._experiment_id = experiment.id
        self._space = space
        self._settings = settings
        self._trials = min(settings.trials, exhausted_after(settings, space) or settings.trials)
        self._folders = TrialFolders.of(storage, experiment)
        self.promotion = promotion
        self.grant = Grant()
        """What each trial that starts from now on gets of the cluster."""
        self._trial_seconds = trial_seconds
        self._patience = patience_seconds
        self._on_wait = on_wait
        self._goals = Goals.of(settings.model_dump())
        self._cost_goals = cost_goals(settings)
        self._study = ToldStudy(study, make_samplers(settings, space), self._call)
        self._live: dict[int, Live] = {}
        self._unfinished: deque[tuple[int, int]] = deque()
        """Number, and id in Optuna's tables, of the trials that are to go on."""
        self._paused: dict[int, int] = {}
        """Id in Optuna's tables of the trials that wait at a rung, by number."""
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
        if self.failure:
            return EndedBy.FAILURES
        return self._all_started() if self.finished else self._spent.met()

    @property
    def out_of_budget(self) -> bool:
        """Whether time or GPU-hours are used up, or the first trials failed alike: what runs is
        cut off, to go on later.
        """
        return self._spent.met() is not None or self.failure is not None

    @property
    def failure(self) -> Failure | None:
        """The failure that the first trials all ended with, if they did."""
        return self._first.alike(is_over=self.finished)

    def check_store(self) -> None:
        """See that the database is the one that it was, as :meth:`Store.check_in_place` does."""
        self._store.check_in_place()

    def snapshot(self) -> Snapshot:
        """Where the search stands, from memory: costs no query."""
        now = [
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
        paused, left = len(self._paused), self._spent.left()
        return self._tally.snapshot(self._trials, tuple(now), paused, left)

    def next(self) -> Assignment | None:
        """The next trial to run, or ``None`` when all that were asked for are handed out."""
        while self._unfinished:
            if resumed := self._resume(*self._unfinished.popleft()):
                return resumed
        if self._all_started() is not EndedBy.PLATEAU and (promoted := self._promote()):
            return promoted
        while self._all_started() is None:
            self._asked += 1
            if started := self._start(self._study.ask(self._known())):
                return started
        if not self._live:
            if self._all_started() is not EndedBy.PLATEAU and (
                promoted := self._promote(last=True)
            ):
                return promoted
            self._end_paused()
        return None

    def record_epoch(self, number: int, result: EpochResult, node: str | None = None) -> None:
        """Write one epoch of a live trial, per-label values kept until the trial ends."""
        live = self._live[number]
        self._call(self._store.record_epoch, self._experiment_id, number, result, node=node)
        self._study.report(live.optuna_id, result.epoch, result.mean_auc)
        held = (result.micro_batch, result.peak_memory, result.device_memory)
        self._memory.learn(live.assignment.config, *held)
        if result.epoch > live.counted:
            self._spent.add(result.seconds, live.assignment.gpus)
        live.last = result

    def finish(self, number: int, why: str | None = None) -> TrialState:
        """End a live trial: COMPLETE if it reached its last epoch, else PRUNED, or RUNNING if it
        pauses.

        ``why`` is kept as the reason of a trial that a rule stopped.
        """
        live = self._live[number]
        if live.last is None:
            return self.fail(number, "the trial ended without a result")
        full = live.last.epoch >= live.assignment.config.epochs
        if full and (reason := self._goals.unmeasured(_measured(live.last))):
            return self.fail(number, reason, UNMEASURED)
        if not full and (exceeded := self._cost_goals.exceeded(_measured(live.last))):
            return self.stop(number, TOO_COSTLY, exceeded)
        if not full and self.promotion and self.promotion.is_paused(number):
            self._paused[number] = self._live.pop(number).optuna_id
            return TrialState.RUNNING
        if full:
            return self._end(number, TrialState.COMPLETE, live.last)
        return self._end(number, TrialState.PRUNED, live.last, reason=why)

    def stop(self, number: int, cause: str, reason: str) -> TrialState:
        """End a live trial for a ``cause``: PRUNED with what it reached, FAILED with nothing."""
        last = self._live[number].last
        if last is None:
            return self.fail(number, reason, cause)
        return self._end(number, TrialState.PRUNED, last, cause=cause, reason=reason)

    def fail(self, number: int, reason: str, cause: str = "error") -> TrialState:
        """End a live trial that broke; ``reason`` is kept whole, with its traceback."""
        return self._end(number, TrialState.FAILED, None, cause=cause, reason=reason)

    def count_loss(self, number: int) -> int:
        """Note that the worker of a live trial was lost; how often it was so far, over all runs."""
        self._losses[number] += 1
        self._study.set_losses(self._live[number].optuna_id, self._losses[number])
        return self._losses[number]

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
        self._first.add(number, state, reason)
        if state is TrialState.COMPLETE and last is not None:
            self._scores.append(Score(last.mean_auc, last.mean_auc_stderr))
        self._answer_followers(number)
        return state

    def _tell(self, number: int, state: TrialState, mean_auc: float | None) -> None:
        """Tell the study the end of a trial that the store has."""
        if self._goals.are_plain or state is TrialState.FAILED:
            is_complete = state is TrialState.COMPLETE
            values = [mean_auc] if is_complete and mean_auc is not None else None
            self._study.tell(number, state, values)
            return
        measured = self._call(self._store.measured, self._experiment_id, number)
        self._study.tell(
            number, state, self._goals.values(measured), self._goals.excesses(measured)
        )

    def _answer_followers(self, number: int) -> None:
        for follower in self._answers.end(number):
            self._answer(follower, number)

    def _answer(self, follower: Follower, original: int) -> None:
        """End a trial as the one of the same configuration that has ended."""
        row = self._call(
            self._store.answer_trial, self._experiment_id, follower.number, by=original
        )
        for epoch in self._call(self._store.epochs_of, self._experiment_id, original):
            self._study.report(follower.optuna_id, epoch.epoch, epoch.mean_auc)
        self._tell(follower.number, row.state, row.mean_auc)
        self._answers.answered(original, follower.number)
        self._tally.add(follower.number, row.role, row.state, row.mean_auc)
        if row.state is TrialState.COMPLETE and row.mean_auc is not None:
            self._scores.append(Score(row.mean_auc, row.mean_auc_stderr or 0.0))

    def _all_started(self) -> EndedBy | None:
        """Why no new trial is started any more; ``None`` while there are."""
        if on_plateau(self._scores, self._settings.plateau):
            return EndedBy.PLATEAU
        if self._asked < self._trials:
            return None
        return EndedBy.TRIALS if self._asked >= self._settings.trials else EndedBy.POINTS

    def _known(self) -> set[int]:
        """Numbers of the trials that have not ended in the study, and are accounted for."""
        unfinished = {number for number, _ in self._unfinished}
        return {*self._live, *self._paused, *unfinished, *self._answers.followers}

    def _promote(self, *, last: bool = False) -> Assignment | None:
        """Hand out again the trial whose turn it is to go on from its rung, if there is one."""
        number = self.promotion.promote(last=last) if self.promotion else None
        if number is None:
            return None
        optuna_id = self._paused.pop(number, None)
        if optuna_id is None:
            for answered in self._answers.reopen(number):
                self._answers.wait(number, Follower(answered, self._reopen(answered)))
            optuna_id = self._reopen(number)
        return self._resume(number, optuna_id, decided=True)

    def _reopen(self, number: int) -> int:
        """Let a trial that was PRUNED run again; its id in Optuna's tables."""
        # The study first: a store that is behind it is what the next start sets right.
        optuna_id = self._study.reopen(number)
        self._call(self._store.reopen_trial, self._experiment_id, number)
        self._tally.counts[TrialState.PRUNED] -= 1
        return optuna_id

    def _end_paused(self) -> None:
        """Tell that the trials which wait at a rung wait for nothing."""
        for number in sorted(self._paused):
            self._prune(number)
            self._answer_followers(number)
        self._paused.clear()

    def _reconcile(self) -> None:
        """Bring the study level with the store, and queue what was running to go on."""
        past = self._read_past()
        self._asked = past.asked
        self._tally = Tally.of(past.rows.values())
        self._memory = Memory.of(past.rows.values())
        self._answers = Answers.of(past.rows.values())
        self._first = FirstTrials.of(past.rows.values())
        self._losses = Counter(past.losses)
        self._scores = past.scores()
        """Of the complete trials, in the order in which they ended."""
        self._spent = Spent(self._settings, past.seconds(), past.gpu_seconds())
        if self.promotion:
            past.replay(self.promotion, self._cost_goals)
        for trial in past.running:
            row = past.rows.get(trial.number)
            ended = row is not None and row.state is not TrialState.RUNNING
            if ended or row is None or row.duplicate_of is None:
                self._study.report_missing(trial, past.curve(trial.number))
            if row is not None and ended:
                self._tell(trial.number, row.state, row.mean_auc)
            elif self.promotion and self.promotion.is_paused(trial.number):
                self._paused[trial.number] = trial._trial_id
            else:
                self._unfinished.append((trial.number, trial._trial_id))

    def _read_past(self) -> Past:
        rows = {t.number: t for t in self._call(self._store.trials, self._experiment_id)}
        frozen = self._study.trials()
        needed = running(frozen) or self.promotion or self._settings.time_seconds
        epochs = self._call(self._store.epochs, self._experiment_id) if needed else {}
        return Past(rows, frozen, epochs)

    def _start(self, trial: optuna.Trial) -> Assignment | None:
        """Sample a new trial's parameters and add its row to the store, in canonical form.

        ``None`` where it is not trained.
        """
        from sedn.network import canonical_config

        overrides = self._settings.overrides()
        if trial.user_attrs.get("role") == BASELINE:
            role = BASELINE
            params = self._call(self._sample_baseline, trial)
            config = self._space.baseline(overrides)
        else:
            role = SAMPLED
            params = self._study.draw(self._space, trial)
            config = self._space.config(params, overrides)
        config = self._with_threads(canonical_config(config))
        fault = _fault(config)
        key = (config_hash(config), config.seed)
        original = self._answers.find(key, trial.number) if fault is None else None
        row = NewTrial(
            experiment_id=self._experiment_id,
            number=trial.number,
            role=role,
            params=params,
            config=config.model_dump(mode="json"),
            config_hash=key[0],
            seed=config.seed,
            target_epochs=config.epochs,
            folder=self._folders.new(trial.number),
            duplicate_of=original,
        )
        self._call(self._store.add_trial, row)
        optuna_id = trial._trial_id
        if fault is not None:
            self._prune(trial.number, cause=INFEASIBLE, reason=fault)
            return None
        if original is not None:
            self._follow(Follower(trial.number, optuna_id), original)
            return None
        assignment = self._assign(Assignment(trial.number, role, config, row.folder))
        self._study.set_gpus(trial, assignment.gpus)
        self._live[trial.number] = Live(assignment, optuna_id)
        return assignment

    def _with_threads(self, config: TrainingConfig) -> TrainingConfig:
        """The configuration with the number of threads that the trial is granted, so that an
        export repeats the trial; a number that the space sets stays.
        """
        granted = config.threads or max(1, int(self.grant.cpus))
        return config.model_copy(update={"threads": granted})

    def _sample_baseline(self, trial: optuna.Trial) -> dict[str, Any]:
        """Register the baseline's parameters with Optuna, so that the sampler learns from it."""
        return self._space.sample(trial) if baseline_point(self._space) else {}

    def _prune(self, number: int, *, cause: str | None = None, reason: str | None = None) -> None:
        """End a trial that no worker has, with what it reached before, if anything."""
        key = (self._experiment_id, number, TrialState.PRUNED)
        self._call(self._store.finish_trial, *key, reason=reason, cause=cause)
        self._tell(number, TrialState.PRUNED, None)
        self._tally.add(number, SAMPLED, TrialState.PRUNED, None)

    def _follow(self, follower: Follower, original: int) -> None:
        """Answer a trial by another one, now or when that has ended."""
        if self._answers.has_ended(original):
            self._answer(follower, original)
        else:
            self._answers.wait(original, follower)

    def _resume(self, number: int, optuna_id: int, *, decided: bool = False) -> Assignment | None:
        """Hand out again a trial that was running when the search, or its worker, ended.

        Its last known epoch is reported once more, as what was decided on it may have been lost;
        not where it is ``decided`` that the trial goes on from there. ``None`` where it is not
        trained.
        """
        row = self._call(self._store.trial, self._experiment_id, number)
        if row is None:
            return self._start(self._study.trial(optuna_id))
        if row.duplicate_of is not None:
            self._follow(Follower(number, optuna_id), row.duplicate_of)
            return None
        config = TrainingConfig.model_validate(row.config)
        if row.epochs == 0 and (fault := _fault(config)):
            self._prune(number, cause=INFEASIBLE, reason=fault)
            return None
        known = max(0, row.epochs - (not decided))
        folder = self._folders.find(row.folder)
        assignment = self._assign(Assignment(number, row.role, config, folder, known))
        self._live[number] = Live(assignment, optuna_id, counted=row.epochs)
        return assignment

    def _assign(self, assignment: Assignment) -> Assignment:
        """The assignment with what it may use of memory, time and the cluster."""
        config = assignment.config
        return replace(
            assignment,
            bounds=Bounds(self._memory.micro_batch(config), self._trial_seconds),
            cpus=self.grant.cpus,
            gpus=self._memory.gpus(config, self.grant),
        )

    def _call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call the database, and wait for it to come back when it has gone away.

        Raises:
            UserError: it did not come back, or is not the one that it was.
        """

        def call() -> T:
            self._store.check_in_place()
            return function(*args, **kwargs)

        try:
            return survive_outage(call, patience_seconds=self._patience, on_wait=self._on_wait)
        except Exception as error:
            if not is_refusal(error):
                raise
            raise StoreUnavailable(
                f"the database cannot be used any more: {reason_of(error)}"
            ) from error


def _measured(last: EpochResult) -> Measured:
    """The measures of a trial after its last epoch."""
    known = [auc for auc in last.label_auc.values() if auc is not None]
    return measures_of(last, min(known, default=None))


def _fault(config: TrainingConfig) -> str | None:
    """Why the network of a configuration cannot be built; ``None`` where it can."""
    from sedn.network import check_network

    try:
        check_network(config)
    except UserError as error:
        return str(error)
    return None
