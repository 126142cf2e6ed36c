"""When a trial is stopped early: rules that know trials by number, and epochs completed.

A rule's whole state is what trials reached after which epoch, in whatever order they did. So a rule
that is shown the store's epochs, trial by trial, decides what it would have without a restart.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from search.schedulers.ranked import Ranked


class Rule(Protocol):
    """Decides after each epoch whether a trial goes on."""

    def goes_on(self, number: int, epoch: int, mean_auc: float) -> bool:
        """Take note of an epoch of trial ``number``, and decide."""
        ...


class NoRule:
    """Every trial is trained to its last epoch."""

    def goes_on(self, number: int, epoch: int, mean_auc: float) -> bool:
        """Always true."""
        return True


class SuccessiveHalving:
    """ASHA (Li et al., arXiv 1810.05934): of a rung only the best ``1 / reduction_factor`` go on.

    A trial is compared, when it comes to a rung, with all that came there before it. With several
    brackets this is asynchronous Hyperband (section 3.2 there): bracket ``s`` leaves out the first
    ``s`` rungs, and gets the share of trials that Hyperband (Li et al., arXiv 1603.06560) gives it.
    """

    def __init__(
        self, milestones: Sequence[int], reduction_factor: int, brackets: int = 1, seed: int = 0
    ) -> None:
        self._milestones = tuple(milestones)
        self._share = 1 - 1 / reduction_factor
        self._shares = bracket_shares(len(milestones), reduction_factor, brackets)
        self._seed = seed
        self._rungs: dict[tuple[int, int], Ranked] = defaultdict(Ranked)

    def bracket(self, number: int) -> int:
        """The bracket of a trial: drawn from the search's seed and the trial's number alone."""
        if len(self._shares) == 1:
            return 0
        return int(
            np.random.default_rng([self._seed, number]).choice(self._shares.size, p=self._shares)
        )

    def goes_on(self, number: int, epoch: int, mean_auc: float) -> bool:
        """Whether the trial is among the best at the rung of this epoch, if there is a rung."""
        if epoch not in self._milestones:
            return True
        bracket = self.bracket(number)
        if epoch not in self._milestones[bracket:]:
            return True
        rung = self._rungs[bracket, epoch]
        rung.drop(number)
        cutoff = rung.quantile(self._share)
        rung.put(number, mean_auc)
        return cutoff is None or mean_auc >= cutoff


class MedianStopping:
    """Stops a trial whose best is below the median of the others' running means at that epoch.

    The rule of Golovin et al. 2017 (Vizier, section 3.2.2), over all trials that have come so far.
    """

    def __init__(self, grace_epochs: int, min_trials: int) -> None:
        self._grace_epochs = grace_epochs
        self._min_trials = min_trials
        self._curves: dict[int, dict[int, float]] = defaultdict(dict)
        self._means: dict[int, Ranked] = defaultdict(Ranked)

    def goes_on(self, number: int, epoch: int, mean_auc: float) -> bool:
        """Whether its best so far is not below the others' median."""
        curve = self._curves[number]
        curve[epoch] = mean_auc
        so_far = [value for at, value in curve.items() if at <= epoch]
        others = self._means[epoch]
        others.drop(number)
        enough = epoch >= self._grace_epochs and len(others) >= self._min_trials
        median = others.quantile(0.5) if enough else None
        others.put(number, sum(so_far) / len(so_far))
        return median is None or max(so_far) >= median


def rung_epochs(
    grace_epochs: int, epochs: int, reduction_factor: int, fold_epochs: int | None = None
) -> tuple[int, ...]:
    """The epochs of the rungs below ``epochs``, each ``reduction_factor`` times the one before.

    Beyond the first fold, of ``fold_epochs``, a rung lies at the end of a fold, the next where it
    would lie within: a trial's value changes there alone.
    """
    rungs: list[int] = []
    reached = grace_epochs
    while True:
        if fold_epochs is not None and reached > fold_epochs:
            reached = -(-reached // fold_epochs) * fold_epochs
        if reached >= epochs:
            return tuple(rungs)
        rungs.append(reached)
        reached *= reduction_factor


def bracket_shares(rungs: int, reduction_factor: int, brackets: int) -> np.ndarray:
    """The share of trials of each bracket, the one that stops earliest first; shape (brackets,).

    Hyperband starts ``reduction_factor**k / (k + 1)`` trials in a bracket of ``k`` rungs, for as
    much training in each bracket.
    """
    left = rungs - np.arange(brackets)
    started = float(reduction_factor) ** left / (left + 1)
    return np.asarray(started / started.sum())
