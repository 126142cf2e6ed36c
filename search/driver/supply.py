"""Finds the next trial of a search: one to go on with, one that is promoted, or a new one."""

from dataclasses import dataclass

import optuna

from search.budgets import EndedBy
from search.driver.account import Account
from search.driver.allotment import Allotment
from search.driver.assignment import Assignment, Live, OpenTrials
from search.driver.duplicates import Duplicates
from search.driver.ending import Endings
from search.driver.events import Events
from search.driver.folders import TrialFolders
from search.driver.places import Places
from search.driver.starting import draw_trial, find_fault
from search.driver.writer import Writer
from search.failures import INFEASIBLE
from search.schedulers.decision import Decision
from search.settings import SearchSettings
from sedn.config import TrainingConfig
from spaces import Space


@dataclass(frozen=True)
class Supply:
    """Finds the next trial, and ends those that are not trained at all."""

    experiment_id: int
    space: Space
    settings: SearchSettings
    folders: TrialFolders
    writer: Writer
    decision: Decision
    """Knows which of the paused trials goes on."""
    account: Account
    allotment: Allotment
    duplicates: Duplicates
    endings: Endings
    open: OpenTrials
    """Moved by the supply from one place to the other."""
    places: Places
    """Tells what each trial gets of the cluster."""
    events: Events

    def next(self) -> Assignment | None:
        """The next trial to run; ``None`` where there is none now."""
        while self.open.unfinished:
            if resumed := self._resume(self.open.unfinished.popleft()):
                return resumed
        if promoted := self._promote():
            return promoted
        while self.account.all_drawn() is None:
            self.account.drawn += 1
            if started := self._start(self.writer.study.ask(self._known())):
                return started
        if not self.open.live:
            if promoted := self._promote(last=True):
                return promoted
            self._end_paused()
        return None

    def _hand_out(self, assignment: Assignment, counted: int = 0) -> Assignment:
        """Note that a backend gets the trial, with the epochs that are counted already."""
        self.open.live[assignment.number] = Live(assignment, counted=counted)
        self.events.started(assignment)
        return assignment

    def _known(self) -> set[int]:
        """Numbers of the trials that have not ended in the study, and are accounted for."""
        return {*self.open.numbers(), *self.duplicates.waiting}

    def _promote(self, *, last: bool = False) -> Assignment | None:
        """Hand out the next paused trial that is promoted from its rung; ``None`` without one."""
        promotion = self.decision.promotion
        if promotion is None:
            return None
        number = promotion.release_baseline(last=last)
        if number is None and self.account.all_drawn() is not EndedBy.PLATEAU:
            number = promotion.promote(last=last)
        if number is None:
            return None
        if number in self.open.paused:
            self.open.paused.remove(number)
        else:
            self.endings.reopen(number)
        return self._resume(number, decided=True)

    def _end_paused(self) -> None:
        """End the trials that wait at a rung, as none of them will be promoted."""
        for number in sorted(self.open.paused):
            self.endings.prune(number)
            self.endings.answer_waiting(number)
        self.open.paused.clear()

    def _start(self, trial: optuna.Trial) -> Assignment | None:
        """Draw a new trial's parameters and add its row to the store; ``None`` where the trial is
        not trained.
        """
        drawn = draw_trial(self.writer, self.space, self.settings, trial, self.places.grant)
        fault = find_fault(drawn.config)
        original = self.duplicates.find(drawn.key, trial.number) if fault is None else None
        folder = self.folders.new(trial.number)
        row = drawn.row(self.experiment_id, trial.number, folder, original)
        self.writer.add_trial(row)
        if fault is not None:
            self.endings.prune(trial.number, cause=INFEASIBLE, reason=fault)
            return None
        if original is not None:
            self.endings.follow(trial.number, original)
            return None
        assignment = Assignment(trial.number, drawn.role, drawn.config, row.folder)
        assignment = self.allotment.complete(assignment, self.places.grant)
        self.writer.study.set_gpus(trial, assignment.gpus)
        return self._hand_out(assignment)

    def _resume(self, number: int, *, decided: bool = False) -> Assignment | None:
        """Hand out again a trial that was running when the search, or its worker, ended.

        Its last known epoch is reported once more, as what was decided on it may have been lost;
        not where it is ``decided`` that the trial goes on from there. ``None`` where it is not
        trained.
        """
        row = self.writer.trial(number)
        if row is None:
            return self._start(self.writer.study.trial(number))
        if row.duplicate_of is not None:
            self.endings.follow(number, row.duplicate_of)
            return None
        config = TrainingConfig.model_validate(row.config)
        if row.epochs == 0 and (fault := find_fault(config)):
            self.endings.prune(number, cause=INFEASIBLE, reason=fault)
            return None
        known = max(0, row.epochs - (not decided))
        folder = self.folders.find(row.folder)
        assignment = Assignment(number, row.role, config, folder, known)
        return self._hand_out(self.allotment.complete(assignment, self.places.grant), row.epochs)
