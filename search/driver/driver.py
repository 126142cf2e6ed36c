"""The driver of a search: hands out trials, and decides and records what becomes of them.

A backend asks the driver for the next trial, trains it, reports each epoch, and does what the
driver's verdict says. All that happens goes to the database by the :class:`Writer`. A new driver
brings the study level with the store, and hands out again the trials that were running, to go on
from their last checkpoint.

Some trials are never handed out. One whose network cannot be built is PRUNED without a value, which
a sampler takes for the worst there is. One of the same configuration and seed as another ends as
that one does, with its values. A trial that pauses at a rung is RUNNING until it goes on, or the
search is over; then it is PRUNED, and opened again if a longer search promotes it.
"""

import time
from collections import Counter
from collections.abc import Callable
from functools import partial

import optuna

from results.database.models import BASELINE, Experiment, TrialState
from results.database.store import Store
from results.goals.objectives import Goals
from results.ranking.best import read_leading
from search.budgets import EndedBy
from search.driver.account import Account
from search.driver.allotment import Allotment
from search.driver.assignment import Assignment, OpenTrials
from search.driver.duplicates import Duplicates
from search.driver.ending import Endings
from search.driver.events import Events
from search.driver.folders import TrialFolders
from search.driver.memory import Memory
from search.driver.places import Places
from search.driver.recovery import Past
from search.driver.requests import Command, Requests
from search.driver.supply import Supply
from search.driver.waiting import StorageWait
from search.driver.writer import Writer
from search.failures import Failure
from search.lock import Hold
from search.node_use import ClusterUse
from search.progress import RunningTrial, Snapshot
from search.samplers.choosing import make_samplers
from search.schedulers.choosing import make_decision
from search.schedulers.verdict import Action, Verdict
from search.settings import SearchSettings
from sedn.errors import DataChanged, TimeExceeded, TrainingError
from sedn.training.checkpoints.storage import StorageFault
from sedn.training.result import EpochResult
from spaces import Space

MAX_LOSSES = 3
"""A trial whose worker is lost this often is taken for the cause of it, and fails."""
WORKER_LOST = "worker-lost"
"""The cause of a trial that failed because its workers were lost."""
STATES = {
    Action.COMPLETE: TrialState.COMPLETE,
    Action.FAIL: TrialState.FAILED,
    Action.PAUSE: TrialState.RUNNING,
    Action.STOP: TrialState.PRUNED,
    Action.GO_ON: TrialState.PRUNED,
}
"""The state of a trial that a backend trains no further, by what was decided last."""


class Driver:
    """Hands out trials, and decides and records what becomes of them."""

    def __init__(
        self,
        store: Store,
        experiment: Experiment,
        study: optuna.Study,
        space: Space,
        settings: SearchSettings,
        storage: str,
        *,
        trial_seconds: float | None = None,
        patience_seconds: float = 600.0,
        on_wait: Callable[[str], None] = lambda line: None,
        on_notice: Callable[[str], None] = lambda line: None,
        hold: Hold = lambda at_once: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Bring the study level with the store, and queue what was running to go on.

        Args:
            store: of the experiment.
            experiment: the search.
            study: of the experiment.
            space: what is searched.
            settings: of the search.
            storage: folder or URI of the trials' checkpoints.
            trial_seconds: a trial is stopped after so long; ``None``: never.
            patience_seconds: how long a database that has gone away is waited for.
            on_wait: called with a line when the database goes away and the search waits for it.
            on_notice: called with a line when checkpoints cannot be written, and when they can.
            hold: of the experiment's lock, as :func:`~search.lock.sole_driver` gives it.
            clock: seconds by which the budget of time counts.
        """
        self.name = experiment.name
        """Of the experiment, when the search began."""
        self.space = space
        """What is searched."""
        self.places = Places(on_notice)
        """How many trials may run at a time, and what each gets; filled in by the backend."""
        self._writer = Writer(
            *(store, experiment.id, study, make_samplers(settings, space)),
            Goals.of(settings.model_dump()),
            patience_seconds=patience_seconds,
            on_wait=on_wait,
            hold=hold,
        )
        self.call_listeners = self._writer.call_listeners
        """Told of each call of the database."""
        self._wait = StorageWait(on_notice)
        self._open = OpenTrials()
        self.events = Events(self._open.live)
        """Has the listeners that are told what happens to the trials."""
        self._requests = Requests(store, experiment.id)
        past = Past.read(self._writer)
        self._losses = Counter(past.losses)
        read = partial(self._writer.call, read_leading, store, experiment)
        self._account = Account(settings, space, past, clock, read)
        self._prepare(
            experiment, settings, past, TrialFolders.of(storage, experiment), trial_seconds
        )
        self._recover(past)

    def _prepare(
        self,
        experiment: Experiment,
        settings: SearchSettings,
        past: Past,
        folders: TrialFolders,
        trial_seconds: float | None,
    ) -> None:
        """Make what hands out, decides and ends, as the trials of earlier runs have it."""
        baseline = self.space.baseline(settings.overrides())
        self._decision = make_decision(settings, baseline.epochs, baseline.folds or 1)
        bounds = (baseline.data, experiment.data_fingerprint, trial_seconds)
        self._allotment = Allotment(Memory.of(past.rows.values()), *bounds)
        duplicates = Duplicates.of(past.rows.values())
        self._endings = Endings(self._writer, self._account, duplicates, self.events.ended)
        self._supply = Supply(
            experiment_id=experiment.id,
            space=self.space,
            settings=settings,
            folders=folders,
            writer=self._writer,
            decision=self._decision,
            account=self._account,
            allotment=self._allotment,
            duplicates=duplicates,
            endings=self._endings,
            open=self._open,
            places=self.places,
            events=self.events,
        )

    @property
    def live(self) -> int:
        """Number of trials that are handed out."""
        return len(self._open.live)

    @property
    def waits(self) -> bool:
        """Whether there may be a next trial later, though there is none now."""
        if self._wait.is_waiting:
            return not self.out_of_budget
        return bool(self._open.live)

    @property
    def finished(self) -> bool:
        """Whether no trial is left to start or to go on."""
        return self._open.are_none and self._account.all_drawn() is not None

    @property
    def ended_by(self) -> EndedBy | None:
        """What ended the search, or will when what runs has been cut off; ``None``: nothing yet."""
        if self.failure:
            return EndedBy.FAILURES
        if self.finished:
            return self._account.all_drawn()
        return self._account.budget_met() or (EndedBy.REQUEST if self._requests.last else None)

    @property
    def out_of_budget(self) -> bool:
        """Whether time or GPU-hours are used up, the first trials failed alike, or the search was
        asked to stop: what runs is cut off, to go on later.
        """
        asked_to_stop = self._requests.last is Command.STOP
        return self._account.budget_met() is not None or self.failure is not None or asked_to_stop

    @property
    def failure(self) -> Failure | None:
        """The failure that the first trials all ended with, if they did."""
        return self._account.common_failure(is_over=self.finished)

    def check_store(self) -> None:
        """Check that the database file is still in place and no other process drives the search,
        and look for what other terminals ask of the search.
        """
        self._writer.check_store()
        self._look_for_requests()

    def _look_for_requests(self) -> None:
        self._requests.poll()
        self.places.ask(self._requests.concurrent)

    def snapshot(self) -> Snapshot:
        """Where the search stands, from memory: costs no query."""
        now = [
            RunningTrial(
                number=number,
                role=live.assignment.role,
                epoch=live.last.epoch if live.last else live.assignment.after_epoch,
                epochs=live.assignment.config.total_epochs,
                mean_auc=live.last.mean_auc if live.last else None,
                config=live.assignment.config,
            )
            for number, live in sorted(self._open.live.items())
        ]
        return self._account.snapshot(tuple(now), len(self._open.paused))

    def note_nodes(self, use: ClusterUse) -> None:
        """Let those who look on see the nodes of the cluster. Any thread may call this."""
        self._writer.study.note_nodes(use)

    def next(self) -> Assignment | None:
        """The next trial to run; ``None`` where there is none now, see :attr:`waits`."""
        if not self._wait.is_over():
            self.check_store()
            return None
        if self._requests.last or not self.places.is_free(len(self._open.live)):
            return None
        return self._supply.next()

    def report(self, number: int, result: EpochResult, node: str | None = None) -> Verdict:
        """Record one epoch of a live trial, and decide what becomes of the trial.

        The backend does what the verdict says: where it ends the training, the backend trains the
        trial no further, and calls :meth:`finish`.
        """
        live = self._open.live[number]
        self._wait.stored()
        self._look_for_requests()
        self._writer.record_epoch(number, result, node)
        self._allotment.memory.learn(live.assignment.config, result.costs)
        if result.epoch > live.counted:
            self._account.add_epoch(result.seconds, live.assignment.gpus)
        live.last, live.node = result, node
        self.events.epoch(number, result)
        live.verdict = self._decision.decide(
            number,
            result,
            epochs=live.assignment.config.total_epochs,
            is_baseline=live.assignment.role == BASELINE,
        )
        return live.verdict

    def finish(self, number: int) -> TrialState:
        """End a live trial as the last verdict on it says, or let the trial pause.

        A trial that is trained no further though it might go on is PRUNED, and one without any
        result FAILED.
        """
        live = self._open.live[number]
        if live.last is None:
            return self.fail(number, "the trial ended without a result")
        state = STATES[live.verdict.action]
        if state is TrialState.RUNNING:
            self.events.paused(number, live.last.epoch)
            del self._open.live[number]
            self._open.paused.add(number)
            return state
        last = None if state is TrialState.FAILED else live.last
        return self._end(number, state, last, live.verdict.cause, live.verdict.reason)

    def break_off(self, number: int, error: BaseException | None, text: str) -> None:
        """End a live trial whose training raised, or queue the trial again where its storage was
        the cause.

        Args:
            number: of the trial.
            error: what was raised; ``None`` where that is not known.
            text: the error in a line, and its traceback.

        Raises:
            DataChanged: the trial met other data than the search began with. No trial can go on.
        """
        if isinstance(error, DataChanged):
            self.give_back(number)
            raise error
        if isinstance(error, StorageFault):
            self.give_back(number)
            self._wait.begin(error)
        elif isinstance(error, TimeExceeded):
            self.stop(number, error.kind, str(error))
        else:
            cause = error.kind if isinstance(error, TrainingError) else TrainingError.kind
            self.fail(number, text, cause)

    def lose_worker(self, number: int, text: str) -> None:
        """Queue a live trial again whose worker was lost, to go on from the last checkpoint.

        The trial fails where that has happened :data:`MAX_LOSSES` times, over all runs.
        """
        self._losses[number] += 1
        self._writer.study.set_losses(number, self._losses[number])
        if self._losses[number] < MAX_LOSSES:
            self.give_back(number)
        else:
            self.fail(number, text, WORKER_LOST)

    def stop(self, number: int, cause: str, reason: str) -> TrialState:
        """End a live trial for a ``cause``: PRUNED with what it reached, FAILED with nothing."""
        last = self._open.live[number].last
        if last is None:
            return self.fail(number, reason, cause)
        return self._end(number, TrialState.PRUNED, last, cause, reason)

    def fail(self, number: int, reason: str, cause: str = "error") -> TrialState:
        """End a live trial that broke; ``reason`` is kept whole, with its traceback."""
        return self._end(number, TrialState.FAILED, None, cause, reason)

    def give_back(self, number: int) -> None:
        """Queue a live trial again, to go on from its last checkpoint."""
        self.events.queued_again(number)
        del self._open.live[number]
        self._open.unfinished.append(number)

    def _end(
        self,
        number: int,
        state: TrialState,
        last: EpochResult | None,
        cause: str | None,
        reason: str | None,
    ) -> TrialState:
        self._endings.end(self._open.live[number].assignment, state, last, cause, reason)
        del self._open.live[number]
        self._endings.answer_waiting(number)
        return state

    def _recover(self, past: Past) -> None:
        """Bring the study and the rules level with the store, and queue what was running."""
        self._decision.replay(past.curves(self._decision))
        for trial in past.running:
            row = past.rows.get(trial.number)
            ended = row is not None and row.state is not TrialState.RUNNING
            if ended or row is None or row.duplicate_of is None:
                self._writer.study.report_missing(trial, past.curve(trial.number))
            if row is not None and ended:
                self._writer.tell(trial.number, row.state, row.mean_auc)
            elif self._decision.is_paused(trial.number):
                self._open.paused.add(trial.number)
            else:
                self._open.unfinished.append(trial.number)
