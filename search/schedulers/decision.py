"""The decision on a trial after each epoch, taken once, where all that decides is known."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from results.goals.objectives import Goals, Measured, measures_of
from search.schedulers.futility import FUTILE, Futility
from search.schedulers.promotion import Promotion
from search.schedulers.rules import Rule
from search.schedulers.verdict import GO_ON, Action, Verdict
from sedn.training.result import EpochResult

UNMEASURED = "unmeasured"
"""The cause of a trial that has no value for an objective."""
TOO_COSTLY = "too-costly"
"""The cause of a trial that was stopped because it costs more than a constraint allows."""

Reached = tuple[int, float, float]
"""Epoch, mean AUC and its standard error, which is NaN where nothing is known of it."""


@dataclass(frozen=True)
class PastCurve:
    """The results of a trial of earlier runs, epoch by epoch."""

    number: int
    curve: tuple[Reached, ...]
    """Its epochs, in order."""
    is_baseline: bool
    may_go_on: bool
    """Whether the trial waits at a rung, if its last epoch is one."""


@dataclass(frozen=True)
class Decision:
    """The scheduler's rule, the rule of futility, and constraints: a trial goes on where all say
    so. The baseline always goes on, as the gain over the baseline is read at full fidelity; under
    promotion the baseline waits first, see :class:`~search.schedulers.promotion.Promotion`.
    """

    rule: Rule
    futility: Futility | None = None
    goals: Goals = field(default_factory=Goals)
    """Objectives, without values for which a trial has failed, and constraints."""
    stops_costly: bool = True
    """Stop a trial whose costs exceed a constraint."""

    @property
    def promotion(self) -> Promotion | None:
        """The promotion rule, where trials pause under one."""
        return self.rule if isinstance(self.rule, Promotion) else None

    def decide(
        self, number: int, result: EpochResult, *, epochs: int, is_baseline: bool
    ) -> Verdict:
        """Take note of an epoch of trial ``number``, whose training has ``epochs``, and decide.

        No rule is shown a trial that costs too much: no other trial is to be compared with it.
        """
        measured = _measured(result)
        is_full = result.epoch >= epochs
        if not is_baseline and (exceeded := self.exceeded(measured)):
            if not is_full:
                return Verdict(Action.STOP, TOO_COSTLY, exceeded)
            verdict = GO_ON
        else:
            reached = (result.epoch, result.mean_auc, result.mean_auc_stderr)
            verdict = self._show(number, *reached, is_baseline=is_baseline)
        if is_full:
            reason = self.goals.unmeasured(measured)
            return Verdict(Action.FAIL, UNMEASURED, reason) if reason else Verdict(Action.COMPLETE)
        return verdict

    def goes_on(
        self,
        number: int,
        epoch: int,
        mean_auc: float,
        stderr: float = float("nan"),
        *,
        is_baseline: bool = False,
    ) -> bool:
        """Show the rules an epoch; whether all of them let the trial go on.

        The baseline is none of the trials that the scheduler's rule compares, but the one that
        has to be beaten.
        """
        return self._show(number, epoch, mean_auc, stderr, is_baseline=is_baseline) == GO_ON

    def _show(
        self, number: int, epoch: int, mean_auc: float, stderr: float, *, is_baseline: bool
    ) -> Verdict:
        may_win = not self.futility or self.futility.goes_on(number, epoch, mean_auc, stderr)
        if is_baseline:
            waits = self.promotion and not self.promotion.baseline_goes_on(number, epoch)
            return Verdict(Action.PAUSE) if waits else GO_ON
        goes_on = self.rule.goes_on(number, epoch, mean_auc)
        if not may_win:
            return Verdict(Action.STOP, reason=FUTILE)
        if goes_on:
            return GO_ON
        return Verdict(Action.PAUSE if self.promotion else Action.STOP)

    def replay(self, curves: Iterable[PastCurve]) -> None:
        """Show the rules the trials of earlier runs, one after the other."""
        for past in curves:
            if self.promotion is None:
                for reached in past.curve:
                    self.goes_on(past.number, *reached, is_baseline=past.is_baseline)
            elif past.is_baseline:
                if past.curve and past.may_go_on:
                    self.promotion.baseline_goes_on(past.number, past.curve[-1][0])
            else:
                points = [(epoch, mean_auc) for epoch, mean_auc, _ in past.curve]
                self.promotion.replay(past.number, points, may_go_on=past.may_go_on)

    def is_paused(self, number: int) -> bool:
        """Whether a trial waits at a rung."""
        return self.promotion is not None and self.promotion.is_paused(number)

    def exceeded(self, measured: Measured) -> str | None:
        """The constraint that a trial violates by its costs, where the trial is stopped for that;
        else ``None``.
        """
        return self.goals.exceeded(measured) if self.stops_costly else None


def _measured(result: EpochResult) -> Measured:
    known = [auc for auc in result.label_auc.values() if auc is not None]
    return measures_of(result, min(known, default=None))
